"""Results read from JSON files into records; what is in no known form is refused, by its file.

A result may come from anywhere: every value is checked for its type, and no text is trusted.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
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
    Results,
    Sustained,
)
from mixnet_common import UsageError
from mixnet_common.console import warn
from mixnet_common.documents import read_targets
from mixnet_common.json_object import LEAST_MS, MOST_MS, JsonObject, WrongValueError, clean
from mixnet_common.readers import show

MOST_THREADS = 1 << 16
"""Of one file; no machine has so many CPUs."""

MOST_KHZ = 1e8
"""Of a core's clock: 100 GHz."""

PRECISIONS = ("int8-dynamic", "int8", "float16", "mixed")


@dataclass
class _Found:
    """Records as they are read."""

    latencies: list[Latency] = field(default_factory=list)
    counts: list[Count] = field(default_factory=list)
    papers: list[PaperRow] = field(default_factory=list)
    parities: list[Parity] = field(default_factory=list)


def load_results(paths: Sequence[Path]) -> Results:
    """Read files and folders of results. Raises UsageError where one holds none."""
    found = _Found()
    for path, document in read_documents(paths).items():
        read_targets(document, path, HINT, partial(_read_any, document, show(path), found))
    results = Results(*(tuple(getattr(found, key)) for key in found.__dataclass_fields__))
    if results == Results():
        raise UsageError(f"no results in {', '.join(map(str, paths))}", HINT)
    return results


def check_target(target: JsonObject) -> None:
    """Raise WrongValueError where anything that a report would show cannot be."""
    _read_target(target, "", _Found())


def _read_any(document: Mapping[str, Any], run: str, found: _Found, target: JsonObject) -> None:
    if not _read_target(_with_origin(target, document), run, found):
        warn(f"{run} has a result of a kind that no report shows")


def _with_origin(target: JsonObject, document: Mapping[str, Any]) -> JsonObject:
    """What a campaign counted is no file and tells no origin; the step's inputs say what it is."""
    step = JsonObject(dict(document)).at("step")
    inputs = step.at("inputs")
    if step.text("kind") != "count" or target.has("origin") or not inputs.has("network"):
        return target
    return JsonObject({**target.value, "origin": inputs.value})


def _read_target(target: JsonObject, run: str, found: _Found) -> bool:
    """Whether it is of a known kind: one that is shown, or one that is meant to be left out."""
    if target.has("path"):
        target.path("path")  # nothing opens it, but it is damage all the same
    if target.has("samples_ms"):
        found.latencies.append(read_latency(target, run))
    elif target.has("macs_by_convention"):
        found.counts.append(_count(target))
    elif target.has("agreement_percent"):
        found.parities.append(_parity(target))
    elif target.has("model", "accuracy"):
        found.papers.append(_paper_row(target))
    else:
        return target.has("claim") or target.has("file_format", "sha256")
    return True


# Files and devices


def _file(target: JsonObject) -> File:
    """What the file is, as the campaign that wrote it says; else as its name does."""
    name = target.text("name") or "unnamed"
    origin = target.at("origin")
    if origin.has("network"):
        return File(
            name,
            network=origin.text("network"),
            file_format=origin.text("file_format"),
            precision=origin.text("precision"),
            lowering=origin.text("lowering"),
            classes=origin.maybe_whole("classes") or 0,
            resolution=origin.maybe_whole("resolution") or 0,
        )
    given = target.at("given")
    return replace(file_by_name(name), given=_sizes_given(given), inputs=_inputs_given(given))


def _sizes_given(given: JsonObject) -> str:
    """Sizes and signature in words: ``x=1,20,30,3 large``."""
    shapes = given.at("shapes")
    words = [f"{clean(name)}={','.join(map(str, shapes.wholes(name)))}" for name in shapes.value]
    return " ".join([*words, *filter(None, [given.text("signature")])])


def _inputs_given(given: JsonObject) -> str:
    """Inputs in words: ``ids=0..49``, or the beginning of the values' hash."""
    inputs, words = given.at("inputs"), []
    for name in inputs.value:
        one = inputs.at(name)
        value = one.text("sha256")[:8]
        if one.has("range"):
            low, high = one.numbers("range", -(2.0**63), 2.0**64)
            value = f"{low:.0f}..{high:.0f}"
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


def _device(target: JsonObject) -> Device:
    device, machine = target.at("device"), target.at("machine")
    maker, model = device.text("manufacturer"), device.text("model")
    soc = device.text("soc") or machine.text("cpu")
    name = " ".join(each for each in (maker, model) if each)
    if name and soc:
        name = f"{name} ({soc})"
    settings = target.at("settings")
    pin = settings.wholes("pin") if settings.value.get("pin") is not None else []
    return Device(
        name or soc or target.text("target", "unknown"),
        target.whole("threads", 1, MOST_THREADS),
        target.flag("emulated") or target.text("verdict") == "emulated",
        ",".join(map(str, pin)),
    )


# Results


def read_latency(target: JsonObject, run: str = "") -> Latency:
    """What was timed, with every number in its range. Raises WrongValueError."""
    samples = target.numbers("samples_ms", LEAST_MS, MOST_MS)
    if not samples:
        raise WrongValueError("samples_ms is empty")
    launches = target.objects("launches")
    return Latency(
        file=_file(target),
        device=_device(target),
        run=run,
        runtime=f"{target.text('runtime')} {target.text('runtime_version')}".strip(),
        size_bytes=target.whole("size_bytes"),
        launches=_by_launch(samples, launches),
        median_ms=target.milliseconds("median_ms"),
        interval_ms=target.interval("median_ms_interval", LEAST_MS, MOST_MS),
        p90_ms=target.milliseconds("p90_ms"),
        first_ms=target.milliseconds("first_ms"),
        load_ms=sum(each.number("load_ms", 0, MOST_MS) for each in launches)
        / max(1, len(launches)),
        verdict=target.text("verdict"),
        reasons=target.texts("reasons"),
        conditions=_conditions(target),
        categories=_categories(target.at("profile")),
        clocks_mhz=_clocks(launches, len(samples)),
        against=_against(target.at("against")) if target.has("against") else None,
        sustained=_sustained(target.at("sustained")) if target.has("sustained") else None,
    )


def _categories(profile: JsonObject) -> dict[str, float]:
    times: dict[str, float] = {}
    for each in profile.objects("categories"):
        name, time_us = each.text("category"), each.number("time_us", 0, 1000 * MOST_MS)
        times[name] = times.get(name, 0) + time_us
    return times


def _by_launch(
    samples: Sequence[float], launches: Sequence[JsonObject]
) -> tuple[tuple[float, ...], ...]:
    """The samples of each launch, by the launches' counts; all as one where these do not fit."""
    counts = [each.whole("count") for each in launches]
    if sum(counts) != len(samples) or min(counts, default=0) < 1:
        return (tuple(samples),)
    ends = [sum(counts[: index + 1]) for index in range(len(counts))]
    return tuple(tuple(samples[end - count : end]) for count, end in zip(counts, ends, strict=True))


def _clocks(launches: Sequence[JsonObject], count: int) -> tuple[tuple[float, ...], ...]:
    """The clock under each sample, launch by launch; nothing where no burst tells any.

    A burst's is the mean of what its cores had before and after it.
    """
    bursts = [each.objects("bursts") for each in launches]
    counts = [[each.whole("count") for each in own] for own in bursts]
    flat = [each for own in counts for each in own]
    if sum(flat) != count:
        return ()
    clocks = tuple(
        tuple(clock for burst, size in zip(*pair, strict=True) for clock in [_clock(burst)] * size)
        for pair in zip(bursts, counts, strict=True)
    )
    return clocks if any(math.isfinite(each) for launch in clocks for each in launch) else ()


def _clock(burst: JsonObject) -> float:
    """In MHz; NaN where it is not told."""
    cores = {str(each) for each in burst.wholes("cpu")} if burst.has("cpu") else set()
    read = [
        side.number(core, 0, MOST_KHZ) / 1000
        for side in (burst.at("khz_before"), burst.at("khz_after"))
        for core in cores
        if side.has(core)
    ]
    return sum(read) / len(read) if read else math.nan


def _against(target: JsonObject) -> Against:
    return Against(
        baseline=target.text("name"),
        side_by_side=target.flag("side_by_side"),
        ratio=target.number("ratio", 0),
        interval=None if target.value.get("interval") is None else target.interval("interval", 0),
        smallest_difference=target.maybe("smallest_difference", 0),
        conclusion=target.text("conclusion"),
        reason=target.text("reason"),
    )


def _sustained(target: JsonObject) -> Sustained:
    return Sustained(
        duration_s=target.number("duration_s", 0, MOST_MS),
        burst_ms=target.milliseconds("burst_ms"),
        plateau_ms=target.milliseconds("plateau_ms"),
        throttled_after_s=target.maybe("throttled_after_s", 0, MOST_MS),
        windows=tuple(
            (each.number("start_s", 0, MOST_MS), each.milliseconds("median_ms"))
            for each in target.objects("windows")
        ),
    )


CONDITIONS: Mapping[str, tuple[str, ...]] = {
    "system": ("machine", "os"),
    "governor": ("machine", "governor"),
    "load before": ("machine", "load_average_before"),
    "load after": ("machine", "load_average_after"),
    "°C before": ("conditions", "before", "celsius"),
    "°C after": ("conditions", "after", "celsius"),
    "thermal status before": ("conditions", "before", "thermal_status"),
    "thermal status after": ("conditions", "after", "thermal_status"),
    "battery % before": ("conditions", "before", "battery_percent"),
    "battery % after": ("conditions", "after", "battery_percent"),
    "plugged": ("conditions", "before", "plugged"),
    "waited to cool, s": ("conditions", "waited_to_cool_s"),
}
"""What is told of the circumstances, and where it stands."""


def _conditions(target: JsonObject) -> dict[str, str]:
    found = {}
    for name, path in CONDITIONS.items():
        value: Any = target.value
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None:
            found[name] = _plain(value)
    return found


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.1f}" if abs(value) < MOST_MS else f"{value:g}"
    return ", ".join(map(_plain, value)) if isinstance(value, list) else clean(str(value))


def _count(target: JsonObject) -> Count:
    delegation = target.at("delegation")
    kinds = delegation.at("outside_kinds")
    reasons = delegation.at("outside_reasons")
    return Count(
        file=_file(target),
        source=target.text("source"),
        params=target.whole("params"),
        macs=target.maybe_whole("macs"),
        partitions=target.maybe_whole("partitions"),
        inside=delegation.maybe_whole("inside"),
        outside=delegation.maybe_whole("outside"),
        kinds={clean(key): kinds.whole(key) for key in kinds.value},
        reasons={clean(key): reasons.text(key) for key in reasons.value},
    )


def _figure(target: JsonObject) -> Figure:
    return Figure(
        target.text("paper"),
        target.maybe("ours"),
        target.maybe("deviation_percent"),
        target.text("verdict"),
        target.text("reason"),
    )


def _paper_row(target: JsonObject) -> PaperRow:
    accuracy = target.at("accuracy")
    return PaperRow(
        table=target.text("table"),
        model=target.text("model"),
        network=target.text("network"),
        params=_figure(target.at("params")),
        macs=_figure(target.at("macs")),
        top1=accuracy.text("top1"),
        top5=accuracy.text("top5"),
        ours_top1=accuracy.maybe("ours_top1", 0, 100),
        verdict=target.text("verdict"),
    )


def _parity(target: JsonObject) -> Parity:
    files, top1 = target.objects("files"), target.at("top1")
    if len(files) != 2:
        raise WrongValueError("files are not two")
    return Parity(
        first=files[0].text("name"),
        second=files[1].text("name"),
        images=target.whole("images", 1),
        agreement_percent=target.number("agreement_percent", 0, 100),
        loss_points=top1.maybe("loss_points", -100, 100),
        loss_interval=top1.interval("loss_points_interval", -100, 100)
        if top1.has("loss_points_interval")
        else None,
        file=_file(target) if target.at("origin").has("network") else None,
    )
