"""The conditions of a phone's measurement: read before and after; waits until they are good.

Reads only. Nothing here is called during a run, which it would disturb.
"""

from collections.abc import Callable
from dataclasses import dataclass

from mixnet_android.adb.client import Phone
from mixnet_android.parsers import (
    Battery,
    Cluster,
    Thermal,
    clean,
    parse_battery,
    parse_clusters,
    parse_headroom,
    parse_screen_on,
    parse_thermal,
)
from mixnet_android.parsers.thermal import STATUSES
from mixnet_android.phone.clock import (
    Clock,
    SystemClock,
)
from mixnet_android.phone.device import COMMANDS, parse_switch
from mixnet_android.phone.store import BEAT

ASKED = ("clusters", "thermal", "battery", "power", "boot", "saver", "headroom")

COOL_CELSIUS = 35.0
COOL_TIMEOUT_S = 600.0
LOOK_EVERY_S = 10.0


@dataclass(frozen=True)
class Conditions:
    """A phone at one moment. None and empty mean that it doesn't report the value.

    ``boot_id`` names the kernel's start: where it differs, the phone was restarted.
    """

    clusters: tuple[Cluster, ...]
    thermal: Thermal
    battery: Battery
    screen_on: bool | None
    boot_id: str | None
    battery_saver: bool | None = None
    headroom: float | None = None
    """Android's own forecast for ten seconds: at 1 it throttles severely."""

    @property
    def celsius(self) -> float | None:
        """The temperature that phones throttle by: the skin's, else the battery's."""
        skin = self.thermal.hottest("skin")
        return skin if skin is not None else self.battery.celsius


@dataclass(frozen=True)
class Cooled:
    """The outcome of waiting: the conditions then, the seconds it took, and whether it is cool.

    ``cool`` is None if the phone reports no temperature.
    """

    conditions: Conditions
    waited_s: float
    cool: bool | None


def read_conditions(phone: Phone) -> Conditions:
    """Read them in one call. Raises AdbError if the phone doesn't answer."""
    asked = {name: COMMANDS[name] for name in ASKED}
    return parse_conditions(phone.sections({**asked, "beat": BEAT}))


def parse_conditions(texts: dict[str, str]) -> Conditions:
    """The record from each command's output, by the names in ``ASKED``."""
    return Conditions(
        clusters=parse_clusters(texts["clusters"]),
        thermal=parse_thermal(texts["thermal"]),
        battery=parse_battery(texts["battery"]),
        screen_on=parse_screen_on(texts["power"]),
        boot_id=clean(texts["boot"], 64) or None,
        battery_saver=parse_switch(texts["saver"]),
        headroom=parse_headroom(texts["headroom"]),
    )


def is_cool(conditions: Conditions, limit_celsius: float) -> bool | None:
    """Not throttling and not warmer than the limit; None if no temperature is reported."""
    if conditions.thermal.status:
        return False
    return None if conditions.celsius is None else conditions.celsius <= limit_celsius


def wait_until_cool(
    read: Callable[[], Conditions],
    *,
    limit_celsius: float = COOL_CELSIUS,
    timeout_s: float = COOL_TIMEOUT_S,
    clock: Clock | None = None,
    say: Callable[[str], None] = lambda message: None,
) -> Cooled:
    """Read again and again until the phone is cool or ``timeout_s`` have passed.

    Reports at once why it waits. Does not wait for a phone that reports no temperature.
    """
    clock = clock or SystemClock()
    start = clock.now()
    said = False
    while True:
        conditions = read()
        cool, waited = is_cool(conditions, limit_celsius), clock.now() - start
        if cool is not False or waited >= timeout_s:
            return Cooled(conditions, waited, cool)
        if not said:
            say(f"{describe_warmth(conditions)}: waiting until it cools below {limit_celsius:g} °C")
            said = True
        clock.sleep(min(LOOK_EVERY_S, timeout_s - waited))


def describe_warmth(conditions: Conditions) -> str:
    """In words for people: how warm the phone is, and whether it throttles."""
    status = conditions.thermal.status
    degrees = "" if conditions.celsius is None else f" at {conditions.celsius:.1f} °C"
    return f"the phone is warm{degrees}" + (f", throttling: {STATUSES[status]}" if status else "")
