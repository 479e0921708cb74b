"""The description of a model file, with the files beside it, without its weights.

It reads the file, its metadata, the provenance beside it and the sizes of external data. Weights
are not read, and nothing is run, except to determine the partitions of a delegate.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mixnet_bench.counting.describe import describe_delegation
from mixnet_bench.results.inspection import (
    InspectionResult,
    PortResult,
    StatedDataFile,
    TfliteInspectionResult,
    UsageResult,
)
from mixnet_common import MixnetError
from mixnet_common.console import warn
from mixnet_common.readers import is_file, read_json
from mixnet_common.result import values_of
from mixnet_export.metadata.preparing import metadata_of_file
from mixnet_networks.architecture import Preprocessing
from mixnet_runtimes import Delegation, FileContents, FileTensor, read_file
from mixnet_runtimes.contents import Axis
from mixnet_runtimes.model_files import identity_of
from mixnet_runtimes.probing import Use, ask_partitions


@dataclass(frozen=True)
class Port:
    """An input or output, as the file states it."""

    name: str
    shape: tuple[Axis, ...] | None
    """Open sizes by name, or None without one; None if not even the axes are stated."""
    dtype: str
    scale: float | None = None
    """real = scale · (stored - zero_point); None if it is not quantized."""
    zero_point: int | None = None


@dataclass(frozen=True)
class Usage:
    """One way to use a file: a signature, or the file itself where it names none."""

    name: str | None
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


@dataclass(frozen=True)
class Inspection:
    """A model file, inspected."""

    path: Path
    contents: FileContents
    usages: tuple[Usage, ...]
    """The one that is taken by default is the first."""
    operators: Mapping[str, int]
    """Numbers of each kind, including those of inner graphs."""
    labels: tuple[str, ...] = ()
    labels_from: str | None = None
    preprocessing: Preprocessing | None = None
    preprocessing_from: str | None = None
    provenance: Mapping[str, Any] | None = None
    """The origin of the file, from the ``.json`` beside it; None without one for this file."""
    delegation: Delegation | None = None
    """None for a format without a delegate."""


def inspect(path: Path) -> Inspection:
    """Inspect a file. Raises UsageError for a missing file, MixnetError for a broken one."""
    contents = read_file(path)
    cards = metadata_of_file(path)
    labels = next(((each.labels, name) for name, each in cards.items() if each.labels), ((), None))
    prepared = next(
        ((each.preprocessing, name) for name, each in cards.items() if each.preprocessing),
        (None, None),
    )
    return Inspection(
        path=path,
        contents=contents,
        usages=_usages(contents),
        operators=_operators(contents),
        labels=labels[0],
        labels_from=labels[1],
        preprocessing=prepared[0],
        preprocessing_from=prepared[1],
        provenance=provenance_of(path, contents.sha256),
        delegation=ask_partitions(Use(path)) if contents.format == "tflite" else None,
    )


def provenance_of(path: Path, sha256: str) -> Mapping[str, Any] | None:
    """The provenance beside a file; None if there is none, or only another file's."""
    side = path.with_name(f"{path.name}.json")
    if not is_file(side):
        return None
    try:
        found = read_json(side)
    except MixnetError as error:
        warn(error.message)
        return None
    return found if isinstance(found, dict) and found.get("sha256") == sha256 else None


def _usages(contents: FileContents) -> tuple[Usage, ...]:
    own = Usage(contents.signature, _ports(contents.inputs), _ports(contents.outputs))
    others = (
        Usage(each.name, _ports(each.inputs), _ports(each.outputs))
        for each in contents.signatures
        if each.name != contents.signature
    )
    return (own, *others)


def _ports(tensors: Mapping[str, FileTensor]) -> tuple[Port, ...]:
    return tuple(
        Port(name, each.stated, each.dtype, *_scale(each.scale, each.zero_point))
        for name, each in tensors.items()
    )


def _scale(scale: float, zero_point: int) -> tuple[float | None, int | None]:
    return (scale, zero_point) if scale else (None, None)


def _operators(contents: FileContents) -> dict[str, int]:
    graphs = (contents.operators, *(each.operators for each in contents.bodies.values()))
    return dict(Counter(each.kind for graph in graphs for each in graph).most_common())


def _describe_files(found: Inspection) -> dict[str, Any]:
    """Hash and size, with weights beside the file; where some are missing, of the file alone."""
    contents = found.contents
    try:
        known = identity_of(found.path)
    except MixnetError:
        missing = tuple(
            StatedDataFile(name=name, size_bytes=_size(found.path.parent / name))
            for name in contents.external
        )
        return {
            "sha256": contents.sha256,
            "size_bytes": contents.size_bytes,
            "data_files": missing,
        }
    data = tuple(
        StatedDataFile(name=each.name, sha256=each.sha256, size_bytes=each.size_bytes)
        for each in known.data
    )
    return {"sha256": known.sha256, "size_bytes": known.size_bytes, "data_files": data}


def _size(path: Path) -> int | None:
    return path.stat().st_size if is_file(path) else None


def describe_inspection(found: Inspection) -> InspectionResult:
    """The record of an inspection; docs/json.md explains every key."""
    contents = found.contents
    described = InspectionResult(
        name=found.path.name,
        path=str(found.path),
        file_format=contents.format,
        **_describe_files(found),
        origin=dict(contents.origin),
        metadata=dict(contents.metadata),
        signature=contents.signature,
        signatures=tuple(map(_describe_usage, found.usages)),
        operators=dict(found.operators),
        labels=found.labels or None,
        labels_from=found.labels_from,
        preprocessing=None if found.preprocessing is None else asdict(found.preprocessing),
        preprocessing_from=found.preprocessing_from,
        provenance=None if found.provenance is None else dict(found.provenance),
        warnings=tuple(contents.warnings),
    )
    if found.delegation is None:
        return described
    return TfliteInspectionResult(
        **values_of(described),
        partitions=found.delegation.partitions,
        delegation=describe_delegation(found.delegation),
    )


def _describe_usage(usage: Usage) -> UsageResult:
    return UsageResult(
        name=usage.name,
        inputs=tuple(map(_describe_port, usage.inputs)),
        outputs=tuple(map(_describe_port, usage.outputs)),
    )


def _describe_port(port: Port) -> PortResult:
    return PortResult(
        name=port.name,
        shape=port.shape,
        dtype=port.dtype,
        scale=port.scale,
        zero_point=port.zero_point,
    )
