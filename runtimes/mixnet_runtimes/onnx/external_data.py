"""Weights of an ``.onnx`` file in files beside it, as torch writes them by default.

The file names them by a relative path. A path that leads outside the folder is refused: it could
make this program read, hash or send any file of the machine.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from mixnet_common import MixnetError
from mixnet_common.readers import is_file, show
from mixnet_runtimes import rawfile
from mixnet_runtimes.faults import ModelError
from mixnet_runtimes.onnx.types import BITS, dtype_name
from mixnet_runtimes.onnx.walk import constants, graphs

SMALL = 256
"""Elements of a constant that shapes may hang on; larger ones are weights."""


@dataclass(frozen=True)
class Place:
    """The place of one constant's bytes."""

    tensor: Any
    location: str
    offset: int
    size_bytes: int


def places(model: Any) -> Iterator[Place]:
    """Every constant of a ModelProto in a file beside it. Raises ModelError for an invalid one."""
    for graph in graphs(model.graph):
        for tensor in constants(graph):
            if is_external(tensor):
                yield external_place(tensor)


def is_external(tensor: Any) -> bool:
    """Whether a constant's bytes are not in the model."""
    return bool(tensor.external_data) or tensor.data_location == tensor.EXTERNAL


def files(path: Path, model: Any) -> dict[str, Path]:
    """The files beside a model that hold its constants, by the paths that it calls them by.

    Raises MixnetError if one is missing, outside the folder or too short.
    """
    found: dict[str, Path] = {}
    try:
        for place in places(model):
            if place.location not in found:
                found[place.location] = _find(path, place.location)
            _check_end(place, found[place.location])
    except ModelError as fault:
        raise rawfile.broken(path, str(fault)) from fault
    return dict(sorted(found.items()))


def missing(path: Path, model: Any) -> list[str]:
    """A sentence for every file that holds constants and is not there."""
    locations = sorted({place.location for place in places(model)})
    return [
        f"{location} is missing beside it: the file can be counted but not run"
        for location in locations
        if not is_file(path.parent / location)
    ]


def take_small(path: Path, model: Any) -> None:
    """Put constants into the model that are too small to be weights: shapes may hang on them.

    Those that cannot be read stay where they are.
    """
    for place in places(model):
        tensor = place.tensor
        if prod(tensor.dims) > SMALL:
            continue
        try:
            file = _find(path, place.location)
            _check_end(place, file)
            with file.open("rb") as stream:
                stream.seek(place.offset)
                data = stream.read(place.size_bytes)
        except (MixnetError, ModelError, OSError):
            continue
        tensor.raw_data = data
        del tensor.external_data[:]
        tensor.data_location = tensor.DEFAULT


def external_place(tensor: Any) -> Place:
    """The place of a constant outside the model. Raises ModelError if it is impossible."""
    entry = {each.key: each.value for each in tensor.external_data}
    name, location = repr(tensor.name), entry.get("location", "")
    _check_location(name, location)
    offset = _whole(name, "offset", entry.get("offset", "0"))
    bits = BITS.get(dtype_name(tensor.data_type))
    if bits is None:
        raise ModelError(f"constant {name} of a type without a fixed size lies beside the file")
    needed = (prod(tensor.dims) * bits + 7) // 8
    length = entry.get("length")
    if length is not None and _whole(name, "length", length) != needed:
        raise ModelError(
            f"constant {name} of shape {list(tensor.dims)} needs {needed} bytes,"
            f" but {length[:40]} lie beside the file"
        )
    return Place(tensor, location, offset, needed)


def _whole(name: str, key: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise ModelError(f"constant {name} has the {key} {text[:40]!r} in the file beside it")
    return int(text)


def _check_location(name: str, location: str) -> None:
    """A plain relative path, on every system."""
    parts = PurePosixPath(location).parts
    windows = PureWindowsPath(location)
    if (
        not parts
        or "\0" in location
        or ".." in (*parts, *windows.parts)
        or location.startswith("/")
        or windows.drive
        or windows.root
    ):
        raise ModelError(
            f"constant {name} is in {location[:200]!r}, outside the folder of the file"
        )


def _find(path: Path, location: str) -> Path:
    """The file at a checked location. Links may stay in the folder, or in that of a linked model.

    Raises MixnetError if none is there, ModelError if a link leads elsewhere.
    """
    file = path.parent / location
    if not is_file(file):
        raise MixnetError(
            f"{location} is missing beside {show(path)}",
            "it contains weights of the model: copy it into the same folder",
        )
    real = file.resolve()
    folders = (path.parent.resolve(), path.resolve().parent)
    if not any(real.is_relative_to(folder) for folder in folders):
        raise ModelError(f"{location} beside it is a link to outside the folder of the file")
    return file


def _check_end(place: Place, file: Path) -> None:
    size = file.stat().st_size
    if place.offset + place.size_bytes > size:
        raise ModelError(
            f"constant {place.tensor.name!r} ends at byte {place.offset + place.size_bytes:,} of"
            f" {place.location}, which has {size:,}"
        )
