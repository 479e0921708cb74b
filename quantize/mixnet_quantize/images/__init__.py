"""Images as inputs of networks: found in a folder, decoded, cropped, normalised.

One image is in memory at a time. Images that cannot be read are named and counted, never silently
skipped.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_common import MixnetError, UsageError
from mixnet_common.console import warn
from mixnet_common.printable import printable
from mixnet_common.readers import is_folder, opened, show
from mixnet_common.system_faults import raise_system_fault
from mixnet_networks.architecture import Preprocessing
from mixnet_networks.images.picture import MODES, normalise
from mixnet_quantize.images.resize import resize_tensorflow

SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff"))

MOST_BYTES = 512 << 20
"""Limit of an image file: the most pixels, uncompressed with 16 bits per channel, need less."""

MOST_PIXELS = 1 << 26
"""Limit of an image; Pillow stores four bytes per pixel, twice during conversion."""

MOST_PROPORTION = 500
"""Limit of the ratio of an image's longer side to its shorter one."""

Image = NDArray[np.float32]
"""One preprocessed image, (resolution, resolution, channels)."""


def image_files(folder: Path) -> tuple[Path, ...]:
    """All images in a folder and the folders within it, in the order of their names.

    Raises UsageError if there is no such folder or no image in it.
    """
    if not is_folder(folder):
        raise UsageError(f"there is no folder {show(folder)}", "give a folder of images")
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        known = ", ".join(sorted(SUFFIXES))
        raise UsageError(f"no image in {folder}", f"image files end in {known}")
    return tuple(files)


def listed_images(paths: Iterable[Path]) -> tuple[Path, ...]:
    """The images that are named, and for a folder all images in it.

    Raises UsageError for a folder without images; a file is not looked at.
    """
    found = [image_files(path) if is_folder(path) else (path,) for path in paths]
    return tuple(each for group in found for each in group)


def spread(files: Sequence[Path], most: int) -> tuple[Path, ...]:
    """At most ``most`` of the files, evenly spaced, so that folders by class all have their share.

    >>> [path.name for path in spread([Path(c) for c in "abcdef"], 3)]
    ['a', 'c', 'e']
    """
    count = min(most, len(files))
    return tuple(files[index * len(files) // count] for index in range(count))


def load_image(path: Path, resolution: int, preprocessing: Preprocessing) -> Image:
    """Decode one image and convert it to the network's input, (resolution, resolution, channels).

    Raises MixnetError, naming the file, where it can't be decoded.
    """
    pixels = fit(decode(path, len(preprocessing.mean)), resolution, preprocessing)
    return normalise(pixels, preprocessing)


def decode(path: Path, channels: int = 3) -> Any:
    """A Pillow image in RGB, or in grey for one channel. Raises MixnetError, naming the file."""
    from PIL import Image as Pillow

    mode = MODES[channels]
    with opened(path, limit=MOST_BYTES) as file:
        try:
            with Pillow.open(file) as image:
                _refuse_size(image.size)
                return _eight_bits(image).convert(mode)
        # Pillow's readers raise whatever the damaged bytes lead to: struct.error, EOFError,
        # IndexError, ZeroDivisionError and more, differing between its versions.
        except Exception as error:
            why = printable(str(error)) or type(error).__name__
            raise MixnetError(f"cannot read the image {show(path)}: {why}") from error


def _eight_bits(image: Any) -> Any:
    """The image with at most 8 bits a channel: Pillow would cut off what is beyond 255.

    Grey pixels of 16 bits keep their upper 8. Raises ValueError for pixels whose white is unknown.
    """
    from PIL import Image as Pillow

    if image.mode == "F" or (image.mode == "I" and image.getextrema()[1] >= 1 << 16):
        raise ValueError(
            f"its pixels, of mode {image.mode}, have no known value of white; save it as PNG"
        )
    if image.mode == "I" or image.mode.startswith("I;16"):
        return Pillow.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8))
    return image


def _refuse_size(size: tuple[int, int]) -> None:
    """Raise if the pixels would fill the memory, before or after the shorter side is enlarged.

    A file of a few kilobytes may expand to any size.
    """
    if size[0] * size[1] > MOST_PIXELS:
        raise ValueError(
            f"{size[0]}x{size[1]} are {size[0] * size[1]:,} pixels, and the limit is"
            f" {MOST_PIXELS:,}"
        )
    if max(size) > MOST_PROPORTION * min(size):
        raise ValueError(f"{size[0]}x{size[1]} pixels are too narrow to be cropped")


def fit(image: Any, resolution: int, preprocessing: Preprocessing) -> NDArray[Any]:
    """A Pillow image resized and cropped to (resolution, resolution, channels), from 0 to 255."""
    shaped = _ORDERS[preprocessing.order](image, resolution, preprocessing)
    return np.asarray(shaped).reshape(resolution, resolution, -1)


def stretch(image: Any, height: int, width: int, preprocessing: Preprocessing) -> NDArray[Any]:
    """A Pillow image resized to (height, width, channels), whatever its proportions, 0 to 255."""
    return np.asarray(_resize(image, (width, height), preprocessing)).reshape(height, width, -1)


def _resize_then_crop(image: Any, resolution: int, preprocessing: Preprocessing) -> Any:
    """As torchvision's Resize and CenterCrop have it, down to the rounding."""
    shorter = int(resolution / preprocessing.crop)
    least = min(image.size)
    width, height = (max(shorter, int(shorter * size / least)) for size in image.size)
    resized = _resize(image, (width, height), preprocessing)
    left, top = (round((size - resolution) / 2) for size in (width, height))
    return _cut(resized, left, top, resolution)


def _crop_then_resize(image: Any, resolution: int, preprocessing: Preprocessing) -> Any:
    """As the authors' ``preprocessing.py`` has it, down to the rounding."""
    side = max(1, int(preprocessing.crop * min(image.size)))
    left, top = ((size - side + 1) // 2 for size in image.size)
    return _resize(_cut(image, left, top, side), (resolution, resolution), preprocessing)


def _resize(image: Any, size: tuple[int, int], preprocessing: Preprocessing) -> Any:
    """Resize to (width, height) by the preprocessing's sampler."""
    from PIL import Image as Pillow

    if preprocessing.sampler == "pillow":
        return image.resize(size, Pillow.Resampling[preprocessing.interpolation.upper()])
    pixels = np.asarray(image)
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    return resize_tensorflow(pixels, size[::-1], preprocessing.interpolation)


def _cut(image: Any, left: int, top: int, side: int) -> Any:
    """A square of a Pillow image or of an array."""
    if isinstance(image, np.ndarray):
        return image[top : top + side, left : left + side]
    return image.crop((left, top, left + side, top + side))


_ORDERS: Mapping[str, Callable[[Any, int, Preprocessing], Any]] = {
    "resize-crop": _resize_then_crop,
    "crop-resize": _crop_then_resize,
}


def load_images(
    files: Iterable[Path],
    resolution: int,
    preprocessing: Preprocessing,
    read: list[Path] | None = None,
) -> Iterator[Image]:
    """Every readable image in turn; the others are named in warnings.

    ``read``, if given, gets the paths of the readable ones. Raises MixnetError at the end where
    none could be read.
    """
    read = [] if read is None else read
    unreadable = 0
    for path in files:
        try:
            image = load_image(path, resolution, preprocessing)
        except MixnetError as error:
            raise_system_fault(error)
            unreadable += 1
            warn(error.message)
        else:
            read.append(path)
            yield image
    if unreadable and not read:
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
