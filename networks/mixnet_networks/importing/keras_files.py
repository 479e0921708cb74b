"""Weights from Keras's files, ``.weights.h5`` and ``.keras``, read without Keras.

Only arrays are read: a model's configuration, and code in it, are never used, nothing is unpacked
to the disk, and no link in a file is followed.

Such a file is HDF5; a ``.keras`` file is a zip that contains one. A layer is a group with the group
``vars`` in it, whose attribute ``name`` is the layer's name and whose members are its arrays: ours
by their roles, those of Keras's own layers numbered in the order of their creation.
"""

import io
import math
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mixnet_common import MixnetError
from mixnet_common.errors import install_hint
from mixnet_common.readers import check_readable, opened
from mixnet_networks.importing.record import Content
from mixnet_networks.weights import Weights

INNER = "model.weights.h5"
"""The file of weights in a ``.keras`` zip."""

ROLES: Mapping[tuple[int, ...], tuple[str, ...]] = {
    (4,): ("kernel",),
    (4, 1): ("kernel", "bias"),
    (2,): ("kernel",),
    (2, 1): ("kernel", "bias"),
    (1, 1, 1, 1): ("gamma", "beta", "mean", "variance"),
}
"""What numbered arrays are, by their ranks: a convolution's, a dense layer's, a batch norm's."""

MOST_VALUES = 500_000_000
"""In one file: more than a hundred times MixNet-S, and far less than could be meant as a trap."""

LARGE, MOST_RATIO = 1 << 28, 50
"""Largest ratio of unpacked to packed size in a zip, above a size; weights hardly compress."""

MOST_DEPTH = 32

_AGAIN = "save it again with Keras 3.8 or later: model.save_weights('model.weights.h5')"
_DISTRUST = "Keras writes no such file: do not trust it"
_DAMAGED = (OSError, KeyError, RuntimeError, ValueError, TypeError, zipfile.BadZipFile, EOFError)
"""Exceptions of h5py and zipfile for damaged files."""


def read(path: Path) -> Content:
    """The arrays of a file for ``import_weights``; see ``read_keras``."""
    return Content(read_keras(path))


def read_keras(path: Path) -> Weights:
    """The arrays of a ``.keras`` or ``.weights.h5`` file as float32, named ``{layer}.{role}``.

    Raises MixnetError if h5py is missing, or the file is damaged, dangerous or another's.
    """
    try:
        import h5py
    except ModuleNotFoundError as error:
        raise MixnetError(
            f"reading {path} needs h5py, which is not installed",
            install_hint("mixnet-mobile[keras]"),
        ) from error
    try:
        with h5py.File(_content(path), "r") as file:
            arrays = dict(_arrays(file, path))
    except _DAMAGED as error:
        raise MixnetError(
            f"{path} is not a complete Keras file: {_first_line(error)}",
            "copy it again, or " + _AGAIN,
        ) from error
    if not arrays:
        raise MixnetError(f"{path} contains no layers with names and weights", _AGAIN)
    return arrays


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _content(path: Path) -> Any:
    """The argument for h5py: the path, or the bytes of the file inside a zip."""
    if path.suffix != ".keras":
        check_readable(path)
        return path
    with opened(path) as raw, zipfile.ZipFile(raw) as archive:
        for name in archive.namelist():
            if name.startswith(("/", "\\")) or ".." in Path(name.replace("\\", "/")).parts:
                raise MixnetError(f"{path} has an entry that leads outside: {name!r}", _DISTRUST)
        if INNER not in archive.namelist():
            raise MixnetError(f"{path} has no {INNER} in it", "save it with model.save('….keras')")
        entry = archive.getinfo(INNER)
        if entry.file_size > 4 * MOST_VALUES:
            raise MixnetError(
                f"{path} claims to contain {entry.file_size:,} bytes of weights", _DISTRUST
            )
        if entry.file_size > max(LARGE, MOST_RATIO * entry.compress_size):
            raise MixnetError(
                f"{path} packs {entry.file_size:,} bytes of weights into {entry.compress_size:,}",
                _DISTRUST,
            )
        return io.BytesIO(archive.read(entry))


def _arrays(file: Any, path: Path) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    """All arrays by name. Raises MixnetError if two have the same."""
    seen = set()
    left = MOST_VALUES
    for layer, group in _layers(file, path):
        for role, dataset in _roles(layer, group, path):
            name = f"{layer}.{role}"
            left -= math.prod(dataset.shape)
            if left < 0:
                raise MixnetError(f"{path} holds more than {MOST_VALUES:,} values", _DISTRUST)
            if name in seen:
                raise MixnetError(f"{path} holds two arrays called {name}", "save only one model")
            seen.add(name)
            with np.errstate(over="ignore"):  # what is too large becomes infinite, and is named
                yield name, dataset[()].astype(np.float32, copy=False)


def _layers(group: Any, path: Path, above: int = 0) -> Iterator[tuple[str, Any]]:
    """Every layer's name and its group of arrays, those of models within the model too."""
    if above > MOST_DEPTH:
        raise MixnetError(f"{path} nests its groups more than {MOST_DEPTH} levels deep", _DISTRUST)
    for key in group:
        if key in ("seed_generator", "optimizer"):
            continue  # they hold no weights of layers
        member = _member(group, key, path)
        if not hasattr(member, "keys"):
            continue
        if key != "vars":
            yield from _layers(member, path, above + 1)
        elif len(member):
            yield _layer_name(member, path), member


def _layer_name(group: Any, path: Path) -> str:
    name = group.attrs.get("name")
    if not isinstance(name, str):
        raise MixnetError(f"{path} does not name its layer {group.name.rpartition('/')[0]}", _AGAIN)
    return name


def _member(group: Any, key: str, path: Path) -> Any:
    """A member that is in this file itself, and in one place only."""
    import h5py

    place = f"{group.name.rstrip('/')}/{key}"
    if not isinstance(group.get(key, getlink=True), h5py.HardLink):
        raise MixnetError(f"{path} links {place} to another location", _DISTRUST)
    member = group[key]
    if h5py.h5o.get_info(member.id).rc != 1:  # or a walk might never end
        raise MixnetError(f"{path} holds {place} in several places", _DISTRUST)
    return member


def _roles(layer: str, group: Any, path: Path) -> Iterator[tuple[str, Any]]:
    """A layer's arrays by their roles."""
    arrays = {key: _dataset(group, key, path) for key in group}
    if not all(key.isdigit() for key in arrays):
        yield from arrays.items()
        return
    ordered = [arrays[key] for key in sorted(arrays, key=int)]
    ranks = tuple(len(each.shape) for each in ordered)
    if ranks not in ROLES:
        shapes = ", ".join(str(each.shape) for each in ordered)
        raise MixnetError(
            f"{path}: no known layer has the arrays of {layer}: {shapes}",
            "save only the model from build_keras_model, without other layers",
        )
    yield from zip(ROLES[ranks], ordered, strict=True)


def _dataset(group: Any, key: str, path: Path) -> Any:
    """An array as Keras stores it: floats, in this file, uncompressed."""
    dataset = _member(group, key, path)
    where = f"{path} stores {group.name}/{key}"
    shape = getattr(dataset, "shape", None)
    if shape is None or dataset.dtype.kind != "f":
        raise MixnetError(f"{where}, which is not an array of floats", "save float32 weights")
    if dataset.external or dataset.is_virtual:
        raise MixnetError(f"{where} in another file", _DISTRUST)
    stored = dataset.id.get_storage_size()
    if stored != math.prod(shape) * dataset.dtype.itemsize:
        raise MixnetError(
            f"{where} in {stored:,} bytes, which are not its {math.prod(shape):,} values", _AGAIN
        )
    return dataset
