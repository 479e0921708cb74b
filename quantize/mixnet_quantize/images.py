"""Images as networks take them: found in a folder, decoded, cropped, normalised.

One image is in memory at a time. What can't be read is named and counted, never silently skipped.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_common import MixnetError, UsageError
from mixnet_common.console import warn
from mixnet_networks.architecture import Preprocessing
from mixnet_networks.picture import normalise

SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff"))

Image = NDArray[np.float32]
"""One preprocessed image, (resolution, resolution, 3)."""


def image_files(folder: Path) -> tuple[Path, ...]:
    """All images in a folder and the folders within it, in the order of their names.

    Raises UsageError where there is no such folder or no image in it.
    """
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", "give a folder of images")
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        known = ", ".join(sorted(SUFFIXES))
        raise UsageError(f"no image in {folder}", f"files that count end in {known}")
    return tuple(files)


def spread(files: Sequence[Path], most: int) -> tuple[Path, ...]:
    """At most ``most`` of the files, evenly spaced, so that folders by class all have their share.

    >>> [path.name for path in spread([Path(c) for c in "abcdef"], 3)]
    ['a', 'c', 'e']
    """
    count = min(most, len(files))
    return tuple(files[index * len(files) // count] for index in range(count))


def load_image(path: Path, resolution: int, preprocessing: Preprocessing) -> Image:
    """Decode one image, resize its shorter side, crop its centre, normalise it.

    Raises MixnetError, naming the file, where it can't be decoded.
    """
    from PIL import Image as Pillow

    method = Pillow.Resampling[preprocessing.interpolation.upper()]
    try:
        with Pillow.open(path) as image:
            pixels = image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Pillow.DecompressionBombError) as error:
        raise MixnetError(f"cannot read the image {path}: {error}") from error
    shorter = round(resolution / preprocessing.crop)
    scale = shorter / min(pixels.size)
    width, height = (max(shorter, round(size * scale)) for size in pixels.size)
    pixels = pixels.resize((width, height), method)
    left, top = (width - resolution) // 2, (height - resolution) // 2
    cropped = pixels.crop((left, top, left + resolution, top + resolution))
    return normalise(np.asarray(cropped), preprocessing)


def load_images(
    files: Iterable[Path], resolution: int, preprocessing: Preprocessing
) -> Iterator[Image]:
    """Every readable image in turn; the others are named in warnings.

    Raises MixnetError at the end where none could be read.
    """
    readable = unreadable = 0
    for path in files:
        try:
            image = load_image(path, resolution, preprocessing)
        except MixnetError as error:
            unreadable += 1
            warn(error.message)
        else:
            readable += 1
            yield image
    if unreadable and not readable:
        raise MixnetError(f"none of the {unreadable} images could be read")


def batches(images: Iterator[Image], size: int) -> Iterator[NDArray[Any]]:
    """Batches (size, h, w, 3); the last one is filled up with copies of its last image."""
    batch: list[Image] = []
    for image in images:
        batch.append(image)
        if len(batch) == size:
            yield np.stack(batch)
            batch = []
    if batch:
        yield np.stack(batch + [batch[-1]] * (size - len(batch)))
