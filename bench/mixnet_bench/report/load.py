"""Results read from JSON files into records; what is in no known form is refused, by its file.

A result may come from anywhere: every value is checked for its type, and no text is trusted.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import accumulate
from operator import attrgetter
from pathlib import Path
from typing import Any

from mixnet_bench.report.documents import HINT, read_documents
from mixnet_bench.report.record import (
    Against,
    Count,
    Device,
    Figure,
    File,
    Latency,
    PaperRow,
    Parity,
    ProgramTime,
    Results,
    Sustained,
)
from mixnet_bench.results.count import (
    CountResult,
    DelegationResult,
    FileCountResult,
    TfliteCountResult,
)
from mixnet_bench.results.file_run import Given, Origin
from mixnet_bench.results.latency import (
    BurstResult,
    ComparisonResult,
    LatencyResult,
    SustainedResult,
)
from mixnet_bench.results.paper import FigureResult, PaperRowResult
from mixnet_bench.results.parity import CampaignParityResult
from mixnet_bench.results.phones import PhoneLatencyResult
from mixnet_bench.results.profile import ProfileResult
from mixnet_bench.results.program import ProgramResult
from mixnet_bench.results.reading import decode_any
from mixnet_bench.results.turns import turns_in
from mixnet_bench.results.verdict import Verdict
from mixnet_bench.stats.turns import Turn
from mixnet_common import UsageError
from mixnet_common.console import warn
from mixnet_common.documents import read_targets
from mixnet_common.json_object import MOST_MS, JsonObject, clean
from mixnet_common.readers import show
from mixnet_common.result import ResultRecord
from mixnet_quantize.parity.result import ParityResult

PRECISIONS = ("int8-dynamic", "int8", "float16", "mixed")


@dataclass
class _Found:
    """Records as they are read."""

    latencies: list[Latency] = field(default_factory=list)
    counts: list[Count] = field(default_factory=list)
    papers: list[PaperRow] = field(default_factory=list)
    parities: list[Parity] = field(default_factory=list)
    programs: list[ProgramTime] = field(default_factory=list)

    def add(self, found: ResultRecord | None, run: str) -> None:
        """Take what a report shows of a result; of other kinds, nothing."""
        if isinstance(found, LatencyResult):
            self.latencies.append(show_latency(found, run))
        elif isinstance(found, ProgramResult):
            self.programs.append(_program_time(found, run))
        elif isinstance(found, CountResult):
            self.counts.append(_count(found))
        elif isinstance(found, ParityResult):
            self.parities.append(_parity(found))
        elif isinstance(found, PaperRowResult):
            self.papers.append(_paper_row(found))


def load_results(paths: Sequence[Path]) -> Results:
    """Read files and folders of results. Raises UsageError where one holds none."""
    found = _Found()
    for path, document in read_documents(paths).items():
        read = partial(_read_any, document, show(path))
        for record in read_targets(document, path, HINT, read):
            found.add(record, show(path))
    results = Results(*(tuple(getattr(found, key)) for key in found.__dataclass_fields__))
    if results == Results():
        raise UsageError(f"no results in {', '.join(map(str, paths))}", HINT)
    return results


def _read_any(document: Mapping[str, Any], run: str, target: JsonObject) -> ResultRecord | None:
    if target.has("path"):
        target.path("path")  # nothing opens it, but it is damage all the same
    found = decode_any(_with_origin(target, document).value)
    if found is None and not target.has("file_format", "sha256"):
        warn(f"{run} has a result of a kind that no report shows")
    return found


def _with_origin(target: JsonObject, document: Mapping[str, Any]) -> JsonObject:
    """What a campaign counted is no file and tells no origin; the step's inputs say what it is."""
    step = JsonObject(dict(document)).at("step")
    inputs = step.at("inputs")
    if step.text("kind") != "count" or target.has("origin") or not inputs.has("network"):
        return target
    return JsonObject({**target.value, "origin": inputs.value})


# Files and devices


def _file(name: str, origin: Origin | None, given: Given) -> File:
    """What the file is, as the campaign that wrote it says; else as its name does."""
    name = clean(name) or "unnamed"
    if origin is not None and origin.network is not None:
        return File(
            name,
            network=clean(origin.network),
            file_format=clean(origin.file_format or ""),
            precision=clean(origin.precision or ""),
            lowering=clean(origin.lowering or ""),
            classes=origin.classes or 0,
            resolution=origin.resolution or 0,
        )
    return replace(file_by_name(name), given=_sizes_given(given), inputs=_inputs_given(given))


def _sizes_given(given: Given) -> str:
    """Sizes and signature in words: ``x=1,20,30,3 large``."""
    shapes = given.shapes or {}
    words = [f"{clean(name)}={','.join(map(str, shape))}" for name, shape in shapes.items()]
    return " ".join([*words, *filter(None, [clean(given.signature or "")])])


def _inputs_given(given: Given) -> str:
    """Inputs in words: ``ids=0..49``, or the beginning of the values' hash."""
    words = []
    for name, one in (given.inputs or {}).items():
        value = clean(one.sha256 or "")[:8]
        if one.range is not None:
            value = f"{one.range[0]:.0f}..{one.range[1]:.0f}"
        words.append(f"{clean(name)}={value}")
    return " ".join(words)


def file_by_name(name: str) -> File:
    """What a file's name says of it.

    >>> file_by_name("mixnet-s-int8.tflite").label
    'mixnet-s tflite int8'
    """
    found = re.fullmatch(r"(.*)\.(tflite|onnx)", name)
    if not found:
        return File(name, name, "", "")
    stem, form = found.groups()
    for precision in PRECISIONS:
        if stem.endswith(f"-{precision}"):
            return File(name, stem.removesuffix(f"-{precision}"), form, precision)
    return File(name, stem, form, "float32")


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


def _program_time(found: ProgramResult, run: str) -> ProgramTime:
    ratio = found.ratio_to_first
    taken = dict.fromkeys(clean(each.delegated or "") for each in found.launches)
    return ProgramTime(
        file=_file(found.name, None, found.given),
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


# Results


def show_latency(found: LatencyResult, run: str = "") -> Latency:
    """What a report shows of what was timed; ``run`` tells what was timed with it."""
    launches = found.launches
    return Latency(
        file=_file(found.name, found.origin, found.given),
        device=_device(found),
        run=run,
        runtime=clean(f"{found.runtime or ''} {found.runtime_version or ''}"),
        size_bytes=found.size_bytes,
        launches=_by_launch(found),
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
    """The bursts of every launch; nothing where they do not account for the samples."""
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
    """The clock under each sample, launch by launch; nothing where no burst tells any.

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
    """In MHz; NaN where it is not told."""
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
"""What is told of the circumstances, and where it stands."""


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


def _count(found: CountResult) -> Count:
    given = found.given if isinstance(found, FileCountResult) else Given()
    partitions, delegation = None, DelegationResult()
    if isinstance(found, TfliteCountResult):
        partitions, delegation = found.partitions, found.delegation
    return Count(
        file=_file(found.name, found.origin, given),
        source=clean(found.source),
        params=found.params,
        macs=found.macs,
        partitions=partitions,
        inside=delegation.inside,
        outside=delegation.outside,
        kinds={clean(key): count for key, count in delegation.outside_kinds.items()},
        reasons={clean(key): clean(why) for key, why in delegation.outside_reasons.items()},
    )


def _figure(found: FigureResult) -> Figure:
    return Figure(
        clean(found.paper),
        found.ours,
        found.deviation_percent,
        clean(found.verdict),
        clean(found.reason),
    )


def _paper_row(found: PaperRowResult) -> PaperRow:
    return PaperRow(
        table=clean(found.table),
        model=clean(found.model),
        network=clean(found.network or ""),
        params=_figure(found.params),
        macs=_figure(found.macs),
        top1=clean(found.accuracy.top1),
        top5=clean(found.accuracy.top5),
        ours_top1=found.accuracy.ours_top1,
        verdict=clean(found.verdict),
    )


def _parity(found: ParityResult) -> Parity:
    origin = found.origin if isinstance(found, CampaignParityResult) else None
    known = origin is not None and origin.network is not None
    return Parity(
        first=clean(found.files[0].name),
        second=clean(found.files[1].name),
        images=found.images,
        agreement_percent=found.agreement_percent,
        loss_points=None if found.top1 is None else found.top1.loss_points,
        loss_interval=None if found.top1 is None else found.top1.loss_points_interval,
        first_percent=None if found.top1 is None else found.top1.first_percent,
        second_percent=None if found.top1 is None else found.top1.second_percent,
        file=_file(found.name or "", origin, Given()) if known else None,
    )
