"""Converts timings from records to the tables and figures of a report."""

import math
from collections.abc import Mapping
from itertools import accumulate
from operator import attrgetter

from mixnet_bench.report.files import describe_file
from mixnet_bench.report.record import (
    Against,
    Device,
    Latency,
    ProgramTime,
    Sustained,
)
from mixnet_bench.results.latency import (
    BurstResult,
    ComparisonResult,
    LatencyResult,
    SustainedResult,
)
from mixnet_bench.results.phones import PhoneLatencyResult
from mixnet_bench.results.profile import ProfileResult
from mixnet_bench.results.program import ProgramResult
from mixnet_bench.results.turns import turns_in
from mixnet_bench.results.verdict import Verdict
from mixnet_bench.stats.turns import Turn
from mixnet_common.json_object import MOST_MS, clean


def _device(found: LatencyResult) -> Device:
    pin = found.settings.pin or ()
    if isinstance(found, PhoneLatencyResult):
        return _phone(found, clean(found.machine.cpu or ""))
    emulated = found.verdict == Verdict.EMULATED
    name = clean(found.machine.cpu or "") or clean(found.target)
    return Device(name, found.threads, emulated, ",".join(map(str, pin)))


def _phone(found: PhoneLatencyResult | ProgramResult, cpu: str = "") -> Device:
    maker, model = clean(found.device.manufacturer or ""), clean(found.device.model or "")
    soc = clean(found.device.soc or "") or cpu
    name = " ".join(each for each in (maker, model) if each)
    if name and soc:
        name = f"{name} ({soc})"
    emulated = found.emulated or found.verdict == Verdict.EMULATED
    pinned = ",".join(map(str, found.settings.pin or ()))
    return Device(name or soc or clean(found.target), found.threads, emulated, pinned)


def show_program(found: ProgramResult, run: str) -> ProgramTime:
    """A report's view of a file that another program timed; ``run`` is its run's name."""
    ratio = found.ratio_to_first
    taken = dict.fromkeys(clean(each.delegated or "") for each in found.launches)
    return ProgramTime(
        file=describe_file(found.name, None, found.given),
        device=_phone(found),
        run=run,
        program=clean(found.runner or ""),
        size_bytes=found.size_bytes,
        mean_ms=found.mean_ms,
        interval_ms=found.mean_ms_interval,
        first_ms=found.first_ms,
        ratio=None if ratio is None else ratio.value,
        ratio_interval=None if ratio is None else ratio.interval,
        delegated=", ".join(filter(None, taken)),
        verdict=found.verdict,
        reasons=tuple(map(clean, found.reasons)),
    )


def show_latency(found: LatencyResult, run: str = "") -> Latency:
    """A report's view of a timing; ``run`` identifies what was timed with it."""
    launches = found.launches
    return Latency(
        file=describe_file(found.name, found.origin, found.given),
        device=_device(found),
        run=run,
        runtime=clean(f"{found.runtime or ''} {found.runtime_version or ''}"),
        size_bytes=found.size_bytes,
        launches=_by_launch(found),
        sha256=found.sha256 or "",
        turns=_turns(found),
        median_ms=found.median_ms,
        interval_ms=found.median_ms_interval,
        p90_ms=found.p90_ms,
        first_ms=found.first_ms,
        load_ms=sum(each.load_ms for each in launches) / max(1, len(launches)),
        verdict=found.verdict,
        reasons=tuple(map(clean, found.reasons)),
        conditions=_conditions(found),
        categories=_categories(found.profile),
        clocks_mhz=_clocks(found),
        against=None if found.against is None else _against(found.against),
        sustained=None if found.sustained is None else _sustained(found.sustained),
    )


def _categories(profile: ProfileResult | None) -> dict[str, float]:
    times: dict[str, float] = {}
    for each in profile.categories if profile else ():
        name = clean(each.category)
        times[name] = times.get(name, 0) + each.time_us
    return times


def _turns(found: LatencyResult) -> tuple[tuple[Turn, ...], ...]:
    """The bursts of every launch; nothing if they do not account for the samples."""
    counts = [sum(burst.count for burst in each.bursts) for each in found.launches]
    if counts != found.counts or sum(counts) != len(found.samples_ms) or 0 in counts:
        return ()
    return tuple(map(tuple, turns_in(found)))


def _by_launch(found: LatencyResult) -> tuple[tuple[float, ...], ...]:
    """The samples of each launch, by the launches' counts; all as one where these do not fit."""
    counts, samples = found.counts, found.samples_ms
    if sum(counts) != len(samples) or min(counts, default=0) < 1:
        return (samples,)
    ends = accumulate(counts)
    return tuple(samples[end - count : end] for count, end in zip(counts, ends, strict=True))


def _clocks(found: LatencyResult) -> tuple[tuple[float, ...], ...]:
    """The clock under each sample, launch by launch; empty if no burst reports any.

    A burst's is the mean of what its cores had before and after it.
    """
    bursts = [each.bursts for each in found.launches]
    if sum(burst.count for own in bursts for burst in own) != len(found.samples_ms):
        return ()
    clocks = tuple(
        tuple(clock for burst in own for clock in [_clock(burst)] * burst.count) for own in bursts
    )
    return clocks if any(math.isfinite(each) for launch in clocks for each in launch) else ()


def _clock(burst: BurstResult) -> float:
    """In MHz; NaN if it is not reported."""
    read = [
        side[core] / 1000
        for side in (burst.khz_before, burst.khz_after)
        for core in {str(each) for each in burst.cpu}
        if core in side
    ]
    return sum(read) / len(read) if read else math.nan


def _against(found: ComparisonResult) -> Against:
    return Against(
        baseline=clean(found.name),
        side_by_side=found.side_by_side,
        ratio=found.ratio,
        interval=found.interval,
        smallest_difference=found.smallest_difference,
        conclusion=clean(found.conclusion),
        reason=clean(found.reason or ""),
    )


def _sustained(found: SustainedResult) -> Sustained:
    return Sustained(
        duration_s=found.duration_s,
        burst_ms=found.burst_ms,
        plateau_ms=found.plateau_ms,
        throttled_after_s=found.throttled_after_s,
        windows=tuple((each.start_s, each.median_ms) for each in found.windows),
    )


CONDITIONS: Mapping[str, str] = {
    "system": "machine.os",
    "governor": "machine.governor",
    "load before": "machine.load_average_before",
    "load after": "machine.load_average_after",
    "°C before": "conditions.before.celsius",
    "°C after": "conditions.after.celsius",
    "thermal status before": "conditions.before.thermal_status",
    "thermal status after": "conditions.after.thermal_status",
    "battery % before": "conditions.before.battery_percent",
    "battery % after": "conditions.after.battery_percent",
    "plugged": "conditions.before.plugged",
    "waited to cool, s": "conditions.waited_to_cool_s",
}
"""The reported circumstances, and their keys."""


def _conditions(found: LatencyResult) -> dict[str, str]:
    phone = isinstance(found, PhoneLatencyResult)
    values = {
        name: attrgetter(path)(found)
        for name, path in CONDITIONS.items()
        if phone or not path.startswith("conditions")
    }
    return {name: _plain(value) for name, value in values.items() if value is not None}


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.1f}" if abs(value) < MOST_MS else f"{value:g}"
    return ", ".join(map(_plain, value)) if isinstance(value, tuple) else clean(str(value))
