"""A user's images as inputs of a file: a folder of images, or an array in a .npy or .npz."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_common import MixnetError, UsageError
from mixnet_common.console import warn
from mixnet_common.readers import is_file, is_folder, show
from mixnet_common.system_faults import raise_system_fault
from mixnet_export.metadata.preparing import find_preprocessing
from mixnet_networks.images.picture import MODES, normalise
from mixnet_quantize.images import decode, image_files, load_image, spread, stretch
from mixnet_runtimes.given_inputs import ARRAYS, read_arrays
from mixnet_runtimes.quantized import to_stored
from mixnet_runtimes.session import TensorInfo

Array = NDArray[Any]

MOST_PICTURES = 200

HINT = "give a folder of images, or a .npy or .npz with an array of inputs"


@dataclass(frozen=True)
class Pictures:
    """Inputs in the form that a file takes."""

    inputs: Array
    """(runs, batch, …), in the input's own type."""
    count: int
    """Pictures; the last run may repeat the last one."""


def check_pictures(path: Path) -> None:
    """Raise UsageError for a path at which there is no folder and no file of arrays."""
    if not is_folder(path) and not is_file(path):
        raise UsageError(f"there is no folder or file {show(path)}", HINT)
    if not is_folder(path) and path.suffix.lower() not in ARRAYS:
        raise UsageError(f"there are no pictures in {show(path)}", HINT)


def read_pictures(path: Path, model: Path, info: TensorInfo) -> Pictures:
    """At most ``MOST_PICTURES`` images, evenly spaced, as a file's input ``info``.

    A damaged image is warned of and left out. Raises UsageError for what are not pictures, or none
    of the input's shape, and MixnetError if none can be read or a value is not finite.
    """
    check_pictures(path)
    found = np.stack(list(_images(path, model, info))) if is_folder(path) else _arrays(path, info)
    bad = [n for n, each in enumerate(found) if not np.isfinite(each).all()]
    if bad:
        raise MixnetError(
            f"{show(path)}: input {bad[0] + 1} has values that are not finite", "omit it"
        )
    stored = found if found.dtype == np.dtype(info.dtype) else to_stored(found, info)
    return Pictures(_batched(stored, info.shape[0]), len(found))


def _arrays(path: Path, info: TensorInfo) -> Array:
    found = read_arrays(path, info)
    count = min(len(found), MOST_PICTURES)
    return found[[number * len(found) // count for number in range(count)]]


def _images(folder: Path, model: Path, info: TensorInfo) -> Iterator[Array]:
    """The readable images of a folder, each (h, w, c) or (c, h, w)."""
    is_last, height, width, channels = _layout(info)
    preprocessing, _ = find_preprocessing(model, channels)
    files = spread(image_files(folder), MOST_PICTURES)
    read = 0
    for path in files:
        try:
            if height == width:
                image = load_image(path, height, preprocessing)
            else:
                pixels = stretch(decode(path, channels), height, width, preprocessing)
                image = normalise(pixels, preprocessing)
        except MixnetError as error:
            raise_system_fault(error)
            warn(error.message)
            continue
        read += 1
        yield image if is_last else image.transpose(2, 0, 1)
    if not read:
        raise MixnetError(f"none of the {len(files)} images could be read")


def _layout(info: TensorInfo) -> tuple[bool, int, int, int]:
    """Whether channels come last, height, width, channels. Raises UsageError for no image."""
    if len(info.shape) == 4:
        _, *sizes = info.shape
        if sizes[2] in MODES:
            return True, sizes[0], sizes[1], sizes[2]
        if sizes[0] in MODES:
            return False, sizes[1], sizes[2], sizes[0]
    raise UsageError(
        f"input {info.name} {list(info.shape)} takes no image of 1 or 3 channels",
        "give the inputs as an array in a .npy or .npz",
    )


def _batched(inputs: Array, batch: int) -> Array:
    """Inputs in runs of a batch each; the last one is filled up with copies of the last input."""
    missing = -len(inputs) % batch
    full = np.concatenate([inputs, np.repeat(inputs[-1:], missing, axis=0)]) if missing else inputs
    return np.ascontiguousarray(full.reshape(-1, batch, *inputs.shape[1:]))
