"""``mixnet-bench inspect``: the inputs, outputs and origin of a file."""

from collections.abc import Iterator, Sequence
from typing import Any

from mixnet_bench.counting.inspection import describe_inspection, inspect
from mixnet_bench.counting.operands import as_text
from mixnet_bench.results.inspection import (
    InspectionResult,
    PortResult,
    TfliteInspectionResult,
    UsageResult,
)
from mixnet_bench.targets import model_file
from mixnet_common.console import print_json, print_table, warn

PROVENANCE = (
    "network",
    "precision",
    "target",
    "lowering",
    "weights",
    "resolution",
    "classes",
    "versions",
)
"""Keys of a provenance that are shown; --json has all."""

MOST_WORDS = 8
"""Number of labels and kinds of operators shown; --json has all."""

MOST_TEXT = 120
"""Longest text that is shown whole."""

Row = tuple[str, str]


def run_inspect(target: str, as_json: bool) -> None:
    """Inspect and print. Raises MixnetError and UsageError."""
    found = inspect(model_file(target))
    described = describe_inspection(found)
    for warning in described.warnings:
        warn(f"{described.name}: {warning}")
    if as_json:
        print_json([described])
        return
    print_table((described.name, ""), inspection_rows(described), left=2)


def inspection_rows(described: InspectionResult) -> Iterator[Row]:
    """Everything that is shown of a file, a row each."""
    for usage in described.signatures:
        yield from _usage(usage, described)
    yield "size", f"{described.size_bytes:,} bytes"
    yield "sha256", described.sha256
    for each in described.data_files:
        size = each.size_bytes
        yield f"weights in {each.name}", "missing" if size is None else f"{size:,} bytes of them"
    for key, value in described.origin.items():
        yield key, str(_short(value))
    yield "operators", _few([f"{count} {kind}" for kind, count in described.operators.items()])
    yield from _delegation(described)
    if described.labels:
        labels = described.labels
        yield f"{len(labels)} labels", f"{_few(labels)} (from {described.labels_from})"
    if described.preprocessing:
        said = ", ".join(f"{key} {value}" for key, value in described.preprocessing.items())
        yield "preprocessing", f"{said} (from {described.preprocessing_from})"
    for key, value in described.metadata.items():
        yield f"metadata {key}", str(_short(value))
    made = described.provenance or {}
    for key in PROVENANCE:
        if made.get(key):
            yield f"made from: {key}", str(_short(made[key]))


def _usage(usage: UsageResult, described: InspectionResult) -> Iterator[Row]:
    """A signature's inputs and outputs."""
    if usage.name:
        several = len(described.signatures) > 1
        own = several and usage.name == described.signature
        yield (
            "signature",
            usage.name + (" (the default; --signature selects another)" if own else ""),
        )
    for what, ports in (("input", usage.inputs), ("output", usage.outputs)):
        for port in ports:
            yield f"{what} {port.name}", _port(port)


def _port(port: PortResult) -> str:
    shape = "any shape" if port.shape is None else as_text([*map(_short, port.shape)])
    if port.scale is None:
        return f"{shape} {port.dtype}"
    return f"{shape} {port.dtype}, real = {port.scale:.6g}·(stored - {port.zero_point})"


def _delegation(described: InspectionResult) -> Iterator[Row]:
    if not isinstance(described, TfliteInspectionResult):
        return
    partitions, details = described.partitions, described.delegation
    if partitions is None:
        yield "partitions", f"unknown: {details.reason}"
        return
    yield "partitions", f"{partitions}, run by XNNPACK"
    outside = [f"{count} {kind}" for kind, count in details.outside_kinds.items()]
    yield "outside", _few(outside) or "none"
    for kind, reason in details.outside_reasons.items():
        yield f"why {kind}", reason


def _few(words: Sequence[str]) -> str:
    more = f", and {len(words) - MOST_WORDS:,} more" if len(words) > MOST_WORDS else ""
    return ", ".join(words[:MOST_WORDS]) + more


def _short(value: Any) -> Any:
    if isinstance(value, dict):
        value = ", ".join(f"{key} {each}" for key, each in value.items() if each)
    if value is None or isinstance(value, int):
        return value
    text = " ".join(str(value).split())
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]} …"
