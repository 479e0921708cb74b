"""Results read from JSON files into records; what is in no known form is refused, by its file.

A result may come from anywhere: every value is checked for its type, and no text is trusted.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mixnet_bench.report.record import (
    Count,
    Device,
    Figure,
    File,
    Latency,
    PaperRow,
    Parity,
    Results,
)
from mixnet_common import UsageError
from mixnet_common.console import FORMAT, warn
from mixnet_networks.architecture import read_text

HINT = "give what --json or -o of latency, count, paper or parity wrote, or a campaign's folder"
MOST_CHARACTERS = 1000
PRECISIONS = ("int8-dynamic", "int8", "float16", "mixed")


class _WrongError(Exception):
    """A value is not what it has to be; the message names its key."""


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
    for path in dict.fromkeys(each for given in paths for each in _files(given)):
        _read_file(path, found)
    results = Results(*(tuple(getattr(found, key)) for key in found.__dataclass_fields__))
    if results == Results():
        raise UsageError(f"no results in {', '.join(map(str, paths))}", HINT)
    return results


def _files(path: Path) -> Iterator[Path]:
    """A file itself; of a campaign's folder its results, of any other its JSON files."""
    if not path.is_dir():
        yield path
        return
    inner = path / "results"
    yield from sorted((inner if inner.is_dir() else path).glob("*.json"))


def _read_file(path: Path, found: _Found) -> None:
    try:
        document = json.loads(read_text(path, HINT))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not JSON: {error}", HINT) from error
    targets = document.get("targets") if isinstance(document, dict) else None
    if not isinstance(targets, list):
        raise UsageError(f"{path} holds no results", HINT)
    if document.get("format") != FORMAT:
        raise UsageError(
            f"{path} has format {document.get('format')!r}, and this version reads {FORMAT}",
            "make the report with the version that wrote it, or later",
        )
    for index, target in enumerate(targets):
        try:
            _read_target(_Json(target), str(path), found)
        except _WrongError as error:
            raise UsageError(f"{path}: targets[{index}]: {error}", HINT) from error


def _read_target(target: "_Json", run: str, found: _Found) -> None:
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


class _Json:
    """A JSON object whose values are asked for by key and type."""

    def __init__(self, value: Any, where: str = "") -> None:
        if not isinstance(value, dict):
            raise _WrongError(f"{where or 'it'} is no object")
        self.value, self.where = value, where

    def has(self, *keys: str) -> bool:
        """Whether all keys are there."""
        return all(key in self.value for key in keys)

    def at(self, key: str) -> "_Json":
        """The object at a key; an empty one where there is none."""
        inner = self.value.get(key)
        return _Json({} if inner is None else inner, self._path(key))

    def text(self, key: str, default: str = "") -> str:
        """Text, as one line."""
        found = self.value.get(key)
        if found is None:
            return default
        if not isinstance(found, str):
            raise _WrongError(f"{self._path(key)} is no text")
        return clean(found)

    def number(self, key: str) -> float:
        """A finite number."""
        return self._number(self.value.get(key), key)

    def maybe(self, key: str) -> float | None:
        """A finite number, or None."""
        return None if self.value.get(key) is None else self.number(key)

    def numbers(self, key: str) -> list[float]:
        """A list of finite numbers."""
        found = self.value.get(key)
        if not isinstance(found, list):
            raise _WrongError(f"{self._path(key)} is no list")
        return [self._number(each, key) for each in found]

    def pair(self, key: str) -> tuple[float, float]:
        """Two numbers."""
        found = self.numbers(key)
        if len(found) != 2:
            raise _WrongError(f"{self._path(key)} has not two numbers")
        return found[0], found[1]

    def objects(self, key: str) -> list["_Json"]:
        """A list of objects; empty where there is none."""
        found = self.value.get(key) or []
        if not isinstance(found, list):
            raise _WrongError(f"{self._path(key)} is no list")
        return [_Json(each, self._path(key)) for each in found]

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; empty where there is none."""
        found = self.value.get(key) or []
        if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
            raise _WrongError(f"{self._path(key)} is no list of texts")
        return tuple(map(clean, found))

    def _number(self, found: Any, key: str) -> float:
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise _WrongError(f"{self._path(key)} is no number")
        if not math.isfinite(found) or abs(found) > 1e18:
            raise _WrongError(f"{self._path(key)} is out of range")
        return found

    def _path(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key


def clean(text: str) -> str:
    r"""One line of characters that can be shown; whatever else there is, is replaced.

    >>> clean("a\n b\x1b[2J") == "a b\ufffd[2J"
    True
    """
    line = " ".join(text.split())[:MOST_CHARACTERS]
    return "".join(each if each.isprintable() else "\ufffd" for each in line)


# Files and devices


def _file(target: _Json) -> File:
    """What the file is, as the campaign that wrote it says; else as its name does."""
    name = target.text("name") or "unnamed"
    origin = target.at("origin")
    if origin.has("network"):
        keys = ("network", "file_format", "precision", "lowering")
        return File(name, *(origin.text(key) for key in keys))
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


def _device(target: _Json) -> Device:
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


def _latency(target: _Json, run: str) -> Latency:
    samples = target.numbers("samples_ms")
    if not samples:
        raise _WrongError("samples_ms is empty")
    launches = target.objects("launches")
    return Latency(
        file=_file(target),
        device=_device(target),
        run=run,
        runtime=f"{target.text('runtime')} {target.text('runtime_version')}".strip(),
        size_bytes=int(target.number("size_bytes")),
        launches=_by_launch(samples, launches),
        median_ms=target.number("median_ms"),
        interval_ms=target.pair("median_ms_interval"),
        p90_ms=target.number("p90_ms"),
        first_ms=target.number("first_ms"),
        load_ms=sum(each.number("load_ms") for each in launches) / max(1, len(launches)),
        verdict=target.text("verdict"),
        reasons=target.texts("reasons"),
        conditions=_conditions(target),
        categories={
            each.text("category"): each.number("time_us")
            for each in target.at("profile").objects("categories")
        },
    )


def _by_launch(
    samples: Sequence[float], launches: Sequence[_Json]
) -> tuple[tuple[float, ...], ...]:
    """The samples of each launch, by the launches' counts; all as one where these do not fit."""
    counts = [int(each.number("count")) for each in launches]
    if sum(counts) != len(samples) or min(counts, default=0) < 1:
        return (tuple(samples),)
    ends = [sum(counts[: index + 1]) for index in range(len(counts))]
    return tuple(tuple(samples[end - count : end]) for count, end in zip(counts, ends, strict=True))


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


def _conditions(target: _Json) -> dict[str, str]:
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


def _count(target: _Json) -> Count:
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


def _figure(target: _Json) -> Figure:
    return Figure(
        target.text("paper"),
        target.maybe("ours"),
        target.maybe("deviation_percent"),
        target.text("verdict"),
        target.text("reason"),
    )


def _paper_row(target: _Json) -> PaperRow:
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


def _parity(target: _Json) -> Parity:
    files, top1 = target.objects("files"), target.at("top1")
    if len(files) != 2:
        raise _WrongError("files are not two")
    return Parity(
        first=files[0].text("name"),
        second=files[1].text("name"),
        images=int(target.number("images")),
        agreement_percent=target.number("agreement_percent"),
        loss_points=top1.maybe("loss_points"),
        loss_interval=top1.pair("loss_points_interval")
        if top1.has("loss_points_interval")
        else None,
    )
