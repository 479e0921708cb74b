"""Parses ``dumpsys thermalservice`` (Android 10 and later); runs nothing."""

import re
from dataclasses import dataclass

from mixnet_android.parsers.text import clean, decimal, integer, lines_of

STATUSES = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")
"""Android's names for the thermal status, which it prints as a number."""

TYPES = {
    -1: "unknown",
    0: "cpu",
    1: "gpu",
    2: "battery",
    3: "skin",
    4: "usb",
    5: "power-amplifier",
    6: "bcl-voltage",
    7: "bcl-current",
    8: "bcl-percentage",
    9: "npu",
    10: "tpu",
    11: "display",
    12: "modem",
    13: "soc",
}
"""Kinds of sensors, by the number that Android prints."""

OTHER_UNITS = ("unknown", "bcl-voltage", "bcl-current", "bcl-percentage")
"""Kinds that are not in degrees Celsius, or needn't be."""

_SENSOR = re.compile(
    r"Temperature\{mValue=(?P<value>[^,}]+), mType=(?P<type>-?\d{1,4}), "
    r"mName=(?P<name>[^,}]{1,200}), mStatus=(?P<status>\d{1,4})\}"
)
_STATUS = re.compile(r"^[ \t]*Thermal Status:\s*(\d{1,4})\s*$", re.MULTILINE)
_OVERRIDE = re.compile(r"^[ \t]*IsStatusOverride:\s*(true|false)\s*$", re.MULTILINE)
_READY = re.compile(r"^[ \t]*HAL Ready:\s*(true|false)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Sensor:
    """One temperature in degrees Celsius, with its own status, 0 to 6."""

    name: str
    kind: str
    celsius: float
    status: int


@dataclass(frozen=True)
class Thermal:
    """The thermal service's state. Sensors are the current ones; ``cached`` if only old were there.

    ``status`` is 0 (none) to 6 (shutdown), None if it is not reported; with ``override`` it is what
    someone ordered it to be, and not the phone's own.
    """

    status: int | None
    override: bool
    ready: bool | None
    sensors: tuple[Sensor, ...]
    cached: bool

    def hottest(self, *kinds: str) -> float | None:
        """The highest temperature among sensors of these kinds; None without one."""
        values = [each.celsius for each in self.sensors if each.kind in kinds]
        return max(values, default=None)


def parse_thermal(text: str) -> Thermal:
    """Parse the dump; what is not connected is None or empty, and unbelievable values are left out.

    Raw line of a sensor: ``Temperature{mValue=24.7, mType=3, mName=skin, mStatus=0}``. The block
    ``Cached temperatures:`` may be hours old: it counts only where no current one is.
    """
    text = "\n".join(lines_of(text))
    current, cached = _block(text, "Current temperatures from HAL:"), _block(text, "Cached temp")
    sensors = _sensors(current)
    status = _STATUS.search(text)
    override, ready = _OVERRIDE.search(text), _READY.search(text)
    return Thermal(
        status=integer(status[1], 0, len(STATUSES) - 1) if status else None,
        override=bool(override) and override[1] == "true" if override else False,
        ready=None if ready is None else ready[1] == "true",
        sensors=sensors or _sensors(cached),
        cached=not sensors and bool(_sensors(cached)),
    )


def parse_headroom(text: str) -> float | None:
    """The number that ``cmd thermalservice headroom`` (Android 14 and later) ends with.

    None if the phone lacks the command or gives no forecast (NaN).

    >>> parse_headroom("Headroom in 10 seconds: 0.54")
    0.54
    """
    lines = lines_of(text)
    words = lines[-1].split() if lines else []
    return decimal(words[-1], 0, 100) if words and "headroom" in text.lower() else None


def _block(text: str, heading: str) -> str:
    """The sensors below a heading, up to the first line that is none."""
    after = text.partition(heading)[2].partition("\n")[2]
    end = re.search(r"^(?![ \t]*Temperature\{)", after, re.MULTILINE)
    return after[: end.start()] if end else after


def _sensors(block: str) -> tuple[Sensor, ...]:
    """Plausible ones: -99.9 and 0.0 mean a missing sensor."""
    found = (_sensor(match) for match in _SENSOR.finditer(block))
    return tuple(each for each in found if each is not None)[:200]


def _sensor(match: re.Match[str]) -> Sensor | None:
    name, celsius = clean(match["name"]), decimal(match["value"], -40, 200)
    status = integer(match["status"], 0, len(STATUSES) - 1)
    kind = _kind(name, int(match["type"]))
    if kind in OTHER_UNITS or not celsius or status is None:
        return None
    return Sensor(name, kind, celsius, status)


def _kind(name: str, number: int) -> str:
    """The sensor's kind. Samsung's own service numbers kinds otherwise, but names them as well."""
    named = name.removeprefix("TYPE_").lower().replace("_", "-")
    known = named if name.startswith("TYPE_") and named in TYPES.values() else None
    return known or TYPES.get(number, "unknown")
