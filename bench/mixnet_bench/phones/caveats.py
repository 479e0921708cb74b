"""Reasons why a phone may not have run at full speed: warm, throttled, restarted, limited. Pure."""

from collections.abc import Iterator

from mixnet_android.parsers import Cluster
from mixnet_android.parsers.thermal import STATUSES
from mixnet_android.phone.conditions import Conditions, Cooled, describe_warmth
from mixnet_bench.results.verdict import Caveat, Verdict

LOW_BATTERY_PERCENT = 20


def caveats_of_start(cooled: Cooled) -> Iterator[Caveat]:
    """Why a run that begins now begins badly: the phone was waited for and is warm still."""
    if cooled.cool is False:
        yield Caveat(
            Verdict.THROTTLED,
            f"it was warm at the start: {describe_warmth(cooled.conditions)} after"
            f" {cooled.waited_s:.0f} s of "
            "waiting",
        )


def caveats_of_run(
    before: Conditions, after: Conditions, *, fixed_performance: bool = False
) -> list[Caveat]:
    """Why a run between these two moments may not be what the phone can do.

    The fixed-performance mode may itself limit the clocks: under it a limit says nothing.
    """
    throttled = list(_throttled(before, after))
    if not fixed_performance:
        throttled += _limited(before, after)
    return [*_restarted(before, after), *_void(before, after), *throttled]


def not_judged(before: Conditions, after: Conditions) -> tuple[str, ...]:
    """What the phone reported neither before nor after, so that it cannot be judged."""
    told = {
        "clocks": any(each.current_khz for moment in (before, after) for each in moment.clusters),
        "temperature": (before.celsius, after.celsius) != (None, None),
        "thermal status": (before.thermal.status, after.thermal.status) != (None, None),
    }
    return tuple(name for name, known in told.items() if not known)


def _restarted(before: Conditions, after: Conditions) -> Iterator[Caveat]:
    if before.boot_id and after.boot_id and before.boot_id != after.boot_id:
        yield Caveat(Verdict.VOID, "the phone was restarted during the run: measure again")


def _void(before: Conditions, after: Conditions) -> Iterator[Caveat]:
    if before.thermal.override or after.thermal.override:
        yield Caveat(
            Verdict.VOID,
            "its thermal status is overridden, so throttling cannot be detected: "
            "adb shell cmd thermalservice reset",
        )


def _throttled(before: Conditions, after: Conditions) -> Iterator[Caveat]:
    for when, each in (("before", before), ("after", after)):
        if each.thermal.status:
            yield Caveat(
                Verdict.THROTTLED,
                f"thermal status {STATUSES[each.thermal.status]} {when} the run: let the phone"
                " cool",
            )
        if each.battery_saver:
            yield Caveat(
                Verdict.THROTTLED, f"the battery saver was on {when} the run: switch it off"
            )
    level = after.battery.level_percent
    if level is not None and level < LOW_BATTERY_PERCENT and not after.battery.plugged:
        yield Caveat(Verdict.THROTTLED, f"the battery is at {level} %: phones save power then")


def _limited(before: Conditions, after: Conditions) -> Iterator[Caveat]:
    for when, each in (("before", before), ("after", after)):
        for cluster in each.clusters:
            if cluster.max_khz and cluster.limit_khz and cluster.limit_khz < cluster.max_khz:
                yield Caveat(
                    Verdict.THROTTLED,
                    f"{when} the run, CPUs {_cpus(cluster)} were limited to "
                    f"{cluster.limit_khz / 1e6:.2f} of {cluster.max_khz / 1e6:.2f} GHz",
                )


def _cpus(cluster: Cluster) -> str:
    return ",".join(str(cpu) for cpu in cluster.cpus)
