"""Results read from JSON files into records; what is in no known form is refused, by its file.

A result may come from anywhere: every value is checked for its type, and no text is trusted.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mixnet_bench.report.documents import HINT, read_documents
from mixnet_bench.report.reader import Json, WrongError, clean
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
        _read_targets(document, str(path), found)
    results = Results(*(tuple(getattr(found, key)) for key in found.__dataclass_fields__))
    if results == Results():
        raise UsageError(f"no results in {', '.join(map(str, paths))}", HINT)
    return results


def _read_targets(document: dict[str, Any], path: str, found: _Found) -> None:
    for index, target in enumerate(document["targets"]):
        try:
            _read_target(_with_origin(Json(target), document), path, found)
        except WrongError as error:
            raise UsageError(f"{path}: targets[{index}]: {error}", HINT) from error


def _with_origin(target: Json, document: dict[str, Any]) -> Json:
    """What a campaign counted is no file and tells no origin; the step's inputs say what it is."""
    step = Json(document).at("step")
    inputs = step.at("inputs")
    if step.text("kind") != "count" or target.has("origin") or not inputs.has("network"):
        return target
    return Json({**target.value, "origin": inputs.value})


def _read_target(target: "Json", run: str, found: _Found) -> None:
    if target.has("samples_ms"):
        found.latencies.append(_latency(target, run))
    elif target.has("macs_by_convention"):
        found.counts.append(_count(target))
    elif target.has("agreement_percent"):
        found.parities.append(_parity(target))
    elif target.has("model", "accuracy"):
        found.papers.append(_paper_row(target))
    elif not target.has("claim") and not target.has("file_format", "sha256"):
        warn(f"{run} has a result of a kind that no report shows")


# Files and devices


def _file(target: Json) -> File:
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
            classes=int(origin.maybe("classes") or 0),
            resolution=int(origin.maybe("resolution") or 0),
        )
    return file_by_name(name)


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


def _device(target: Json) -> Device:
    device, machine = target.at("device"), target.at("machine")
    maker, model = device.text("manufacturer"), device.text("model")
    soc = device.text("soc") or machine.text("cpu")
    name = " ".join(each for each in (maker, model) if each)
    if name and soc:
        name = f"{name} ({soc})"
    pin = target.at("settings").value.get("pin")
    return Device(
        name or soc or target.text("target", "unknown"),
        int(target.number("threads")),
        target.value.get("emulated") is True or target.text("verdict") == "emulated",
        ",".join(str(int(each)) for each in target.at("settings").numbers("pin")) if pin else "",
    )


# Results


def _latency(target: Json, run: str) -> Latency:
    samples = target.numbers("samples_ms")
    if not samples:
        raise WrongError("samples_ms is empty")
    launches = target.objects("launches")
    return Latency(
        file=_file(target),
        device=_device(target),
        run=run,
        runtime=f"{target.text('runtime')} {target.text('runtime_version')}".strip(),
        size_bytes=int(target.number("size_bytes")),
        launches=_by_launch(samples, launches),
        median_ms=target.above_zero("median_ms"),
        interval_ms=target.pair("median_ms_interval"),
        p90_ms=target.number("p90_ms"),
        first_ms=target.number("first_ms"),
        load_ms=sum(each.number("load_ms") for each in launches) / max(1, len(launches)),
        verdict=target.text("verdict"),
        reasons=target.texts("reasons"),
        conditions=_conditions(target),
        categories=_categories(target.at("profile")),
        clocks_mhz=_clocks(launches, len(samples)),
        against=_against(target.at("against")) if target.has("against") else None,
        sustained=_sustained(target.at("sustained")) if target.has("sustained") else None,
    )


def _categories(profile: Json) -> dict[str, float]:
    times: dict[str, float] = {}
    for each in profile.objects("categories"):
        name, time_us = each.text("category"), each.number("time_us")
        if time_us < 0:
            raise WrongError("profile.categories.time_us is below 0")
        times[name] = times.get(name, 0) + time_us
    return times


def _by_launch(samples: Sequence[float], launches: Sequence[Json]) -> tuple[tuple[float, ...], ...]:
    """The samples of each launch, by the launches' counts; all as one where these do not fit."""
    counts = [int(each.number("count")) for each in launches]
    if sum(counts) != len(samples) or min(counts, default=0) < 1:
        return (tuple(samples),)
    ends = [sum(counts[: index + 1]) for index in range(len(counts))]
    return tuple(tuple(samples[end - count : end]) for count, end in zip(counts, ends, strict=True))


def _clocks(launches: Sequence[Json], count: int) -> tuple[tuple[float, ...], ...]:
    """The clock under each sample, launch by launch; nothing where no burst tells any.

    A burst's is the mean of what its cores had before and after it.
    """
    bursts = [each.objects("bursts") for each in launches]
    counts = [[int(each.number("count")) for each in own] for own in bursts]
    flat = [each for own in counts for each in own]
    if sum(flat) != count or min(flat, default=0) < 0:
        return ()
    clocks = tuple(
        tuple(clock for burst, size in zip(*pair, strict=True) for clock in [_clock(burst)] * size)
        for pair in zip(bursts, counts, strict=True)
    )
    return clocks if any(math.isfinite(each) for launch in clocks for each in launch) else ()


def _clock(burst: Json) -> float:
    """In MHz; NaN where it is not told."""
    cores = {str(int(each)) for each in burst.numbers("cpu")} if burst.has("cpu") else set()
    read = [
        side.number(core) / 1000
        for side in (burst.at("khz_before"), burst.at("khz_after"))
        for core in cores
        if side.has(core)
    ]
    return sum(read) / len(read) if read else math.nan


def _against(target: Json) -> Against:
    return Against(
        baseline=target.text("name"),
        side_by_side=target.value.get("side_by_side") is True,
        ratio=target.number("ratio"),
        interval=None if target.value.get("interval") is None else target.pair("interval"),
        smallest_difference=target.maybe("smallest_difference"),
        conclusion=target.text("conclusion"),
        reason=target.text("reason"),
    )


def _sustained(target: Json) -> Sustained:
    return Sustained(
        duration_s=target.number("duration_s"),
        burst_ms=target.above_zero("burst_ms"),
        plateau_ms=target.number("plateau_ms"),
        throttled_after_s=target.maybe("throttled_after_s"),
        windows=tuple(
            (each.number("start_s"), each.number("median_ms")) for each in target.objects("windows")
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


def _conditions(target: Json) -> dict[str, str]:
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
        return f"{value:.1f}"
    return ", ".join(map(_plain, value)) if isinstance(value, list) else clean(str(value))


def _count(target: Json) -> Count:
    delegation = target.at("delegation")
    kinds = delegation.at("outside_kinds")
    reasons = delegation.at("outside_reasons")
    return Count(
        file=_file(target),
        source=target.text("source"),
        params=int(target.number("params")),
        macs=int(target.number("macs")),
        partitions=_whole(target.maybe("partitions")),
        inside=_whole(delegation.maybe("inside")),
        outside=_whole(delegation.maybe("outside")),
        kinds={clean(key): int(kinds.number(key)) for key in kinds.value},
        reasons={clean(key): reasons.text(key) for key in reasons.value},
    )


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _figure(target: Json) -> Figure:
    return Figure(
        target.text("paper"),
        target.maybe("ours"),
        target.maybe("deviation_percent"),
        target.text("verdict"),
        target.text("reason"),
    )


def _paper_row(target: Json) -> PaperRow:
    accuracy = target.at("accuracy")
    return PaperRow(
        table=target.text("table"),
        model=target.text("model"),
        network=target.text("network"),
        params=_figure(target.at("params")),
        macs=_figure(target.at("macs")),
        top1=accuracy.text("top1"),
        top5=accuracy.text("top5"),
        ours_top1=accuracy.maybe("ours_top1"),
        verdict=target.text("verdict"),
    )


def _parity(target: Json) -> Parity:
    files, top1 = target.objects("files"), target.at("top1")
    if len(files) != 2:
        raise WrongError("files are not two")
    return Parity(
        first=files[0].text("name"),
        second=files[1].text("name"),
        images=int(target.number("images")),
        agreement_percent=target.number("agreement_percent"),
        loss_points=top1.maybe("loss_points"),
        loss_interval=top1.pair("loss_points_interval")
        if top1.has("loss_points_interval")
        else None,
        file=_file(target) if target.at("origin").has("network") else None,
    )
