"""Existing model files in a campaign: their paths, how they are run, and their results' inputs.

Files are read to hash their content; nothing is written.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mixnet_bench.campaign.networks import beside
from mixnet_bench.campaign.record import Campaign, FileEntry
from mixnet_bench.targets import model_file
from mixnet_common.hashing import sha256_of
from mixnet_runtimes import GivenInputs, Selection
from mixnet_runtimes.model_files import identity_of, with_companions


def path_of(campaign: Campaign, entry: FileEntry) -> Path:
    """The file. Raises UsageError if there is none, or it is not a model file."""
    return model_file(str(beside(campaign, entry.path)))


def selection_of(entry: FileEntry) -> Selection:
    """Its sizes and signature, and whether it is computed in float16."""
    return Selection(dict(entry.shapes), dict(entry.dims), entry.signature, entry.fp16)


def given_inputs_of(campaign: Campaign, entry: FileEntry) -> GivenInputs:
    """The values of its inputs."""
    files = {name: beside(campaign, path) for name, path in entry.inputs}
    return GivenInputs(files, dict(entry.input_ranges))


def step_inputs(campaign: Campaign, entry: FileEntry) -> dict[str, Any]:
    """The inputs of a result about the file, as JSON values.

    Raises UsageError if a file cannot be read, MixnetError where weights beside it are missing.
    """
    path, given = path_of(campaign, entry), given_inputs_of(campaign, entry)
    return {
        "file": path.name,
        "file_format": path.suffix.lower().removeprefix("."),
        "file_sha256": identity_of(path).sha256,
        **selection_of(entry).to_json(),
        "inputs": {name: sha256_of(file) for name, file in given.files.items()},
        "input_ranges": {name: list(limits) for name, limits in given.ranges.items()},
    }


def label_of(entry: FileEntry) -> str:
    """The entry as people would name it: ``detector.onnx images=1,3,320,320``."""
    shapes = [f"{name}={','.join(map(str, shape))}" for name, shape in entry.shapes]
    dims = [f"{name}={size}" for name, size in entry.dims]
    ranges = [f"{name}={low}..{high}" for name, (low, high) in entry.input_ranges]
    words = [Path(entry.path).name, *shapes, *dims, *([entry.signature] if entry.signature else [])]
    words += ["fp16"] if entry.fp16 else []
    return " ".join([*words, *(Path(path).name for _, path in entry.inputs), *ranges])


def files_of(campaign: Campaign) -> Iterator[Path]:
    """Everything that the entries name, weights and provenance beside a file included."""
    for entry in campaign.files:
        yield from files_of_entry(campaign, entry)


def files_of_entry(campaign: Campaign, entry: FileEntry) -> Iterator[Path]:
    """The same of one entry."""
    yield from with_companions([beside(campaign, entry.path)])
    yield from (beside(campaign, path) for _, path in entry.inputs)
