"""Under which conditions a phone measures: read before and after, and waited for.

Reads only. Nothing here is called during a run, which it would disturb.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mixnet_android.adb.client import Phone
from mixnet_android.clock import Clock, SystemClock
from mixnet_android.device import COMMANDS
from mixnet_android.parsers import (
    Battery,
    Cluster,
    Thermal,
    clean,
    parse_battery,
    parse_clusters,
    parse_screen_on,
    parse_thermal,
)
from mixnet_android.parsers.thermal import STATUSES

ASKED = ("clusters", "thermal", "battery", "power", "boot")

COOL_CELSIUS = 35.0
COOL_TIMEOUT_S = 600.0
LOOK_EVERY_S = 10.0
LOW_BATTERY_PERCENT = 20


@dataclass(frozen=True)
class Conditions:
    """A phone at one moment. None and empty stand for what it doesn't tell.

    ``boot_id`` names the kernel's start: where it differs, the phone was restarted.
    """

    clusters: tuple[Cluster, ...]
    thermal: Thermal
    battery: Battery
    screen_on: bool | None
    boot_id: str | None

    @property
    def celsius(self) -> float | None:
        """The temperature that phones throttle by: the skin's, else the battery's."""
        skin = self.thermal.hottest("skin")
        return skin if skin is not None else self.battery.celsius


@dataclass(frozen=True)
class Cooled:
    """The outcome of waiting: the conditions then, the seconds it took, and whether it is cool.

    ``cool`` is None where the phone tells no temperature at all.
    """

    conditions: Conditions
    waited_s: float
    cool: bool | None


@dataclass(frozen=True)
class Doubt:
    """A reason not to trust a latency: the verdict that it speaks for, and a sentence."""

    verdict: str
    sentence: str


def read_conditions(phone: Phone) -> Conditions:
    """Read them in one call. Raises AdbError where the phone doesn't answer."""
    return parse_conditions(phone.sections({name: COMMANDS[name] for name in ASKED}))


def parse_conditions(texts: dict[str, str]) -> Conditions:
    """The record from each command's output, by the names in ``ASKED``."""
    return Conditions(
        clusters=parse_clusters(texts["clusters"]),
        thermal=parse_thermal(texts["thermal"]),
        battery=parse_battery(texts["battery"]),
        screen_on=parse_screen_on(texts["power"]),
        boot_id=clean(texts["boot"], 64) or None,
    )


def is_cool(conditions: Conditions, limit_celsius: float) -> bool | None:
    """Not throttling and not warmer than the limit; None where no temperature is told."""
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

    Says at first sight why it waits. A phone that tells no temperature is not waited for.
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
            say(f"{_warm(conditions)}: waiting until it is below {limit_celsius:g} °C")
            said = True
        clock.sleep(min(LOOK_EVERY_S, timeout_s - waited))


def _warm(conditions: Conditions) -> str:
    status = conditions.thermal.status
    degrees = "" if conditions.celsius is None else f" at {conditions.celsius:.1f} °C"
    return f"the phone is warm{degrees}" + (f", throttling: {STATUSES[status]}" if status else "")


def doubts_of_start(cooled: Cooled) -> Iterator[Doubt]:
    """Why a run that begins now begins badly: the phone was waited for and is warm still."""
    if cooled.cool is False:
        yield Doubt(
            "throttled",
            f"it began warm: {_warm(cooled.conditions)} after {cooled.waited_s:.0f} s of waiting",
        )


def doubts(
    before: Conditions, after: Conditions, *, fixed_performance: bool = False
) -> list[Doubt]:
    """Why a run between these two moments may not be what the phone can do.

    The fixed-performance mode may itself limit the clocks: under it a limit says nothing.
    """
    throttled = list(_throttled(before, after))
    if not fixed_performance:
        throttled += _limited(before, after)
    return [*_restarted(before, after), *_void(before, after), *throttled]


def _restarted(before: Conditions, after: Conditions) -> Iterator[Doubt]:
    if before.boot_id and after.boot_id and before.boot_id != after.boot_id:
        yield Doubt("void", "the phone was restarted in between: measure again")


def _void(before: Conditions, after: Conditions) -> Iterator[Doubt]:
    if before.thermal.override or after.thermal.override:
        yield Doubt(
            "void",
            "its thermal status is overridden, so that throttling can't be seen: "
            "adb shell cmd thermalservice reset",
        )


def _throttled(before: Conditions, after: Conditions) -> Iterator[Doubt]:
    for when, each in (("before", before), ("after", after)):
        if each.thermal.status:
            yield Doubt(
                "throttled",
                f"thermal status {STATUSES[each.thermal.status]} {when} the run: let it cool",
            )
    level = after.battery.level_percent
    if level is not None and level < LOW_BATTERY_PERCENT and not after.battery.plugged:
        yield Doubt("throttled", f"the battery is at {level} %: phones save power then")


def _limited(before: Conditions, after: Conditions) -> Iterator[Doubt]:
    for when, each in (("before", before), ("after", after)):
        for cluster in each.clusters:
            if cluster.max_khz and cluster.limit_khz and cluster.limit_khz < cluster.max_khz:
                yield Doubt(
                    "throttled",
                    f"{when} the run, CPUs {_cpus(cluster)} were limited to "
                    f"{cluster.limit_khz / 1e6:.2f} of {cluster.max_khz / 1e6:.2f} GHz",
                )


def _cpus(cluster: Cluster) -> str:
    return ",".join(str(cpu) for cpu in cluster.cpus)
