"""An opened file that takes images and returns logits, whatever its layout, types and batch.

It determines the inputs of a file; it does not know preprocessing and class names.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mixnet_common import MixnetError
from mixnet_runtimes import Session, TensorInfo
from mixnet_runtimes.quantized import to_real, to_stored

LAYOUTS: Mapping[str, tuple[int, ...]] = {"NHWC": (0, 1, 2, 3), "NCHW": (0, 3, 1, 2)}
"""The order of an input's axes, seen from (batch, height, width, channels)."""

HINT = "parity and classify need image classifiers"


class ImageModel:
    """A session seen as an image classifier. Raises MixnetError if it is none."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.input, self.layout = image_input(session)
        shape = self.input.shape
        self.batch, self.resolution, _, self.channels = (
            shape[LAYOUTS[self.layout].index(axis)] for axis in range(4)
        )
        self.classes = class_count(session)

    def logits(self, images: NDArray[np.float32]) -> NDArray[np.float64]:
        """The outputs for preprocessed images (n, h, w, channels): (n, classes).

        They are run in batches of the file's own size, the last of which is filled up.
        """
        starts = range(0, len(images), self.batch)
        return np.concatenate([self._run(images[at : at + self.batch]) for at in starts])

    def _run(self, images: NDArray[np.float32]) -> NDArray[np.float64]:
        missing = self.batch - len(images)
        full = np.concatenate([images, np.repeat(images[-1:], missing, axis=0)])
        outputs = self.session.run([to_stored(full.transpose(LAYOUTS[self.layout]), self.input)])
        (output,) = self.session.outputs
        real = to_real(outputs[output.name], output)
        if real.size != self.batch * self.classes:
            raise MixnetError(
                f"{self.session.path} gives {list(real.shape)} for {self.batch} images", HINT
            )
        return real.reshape(self.batch, self.classes)[: len(images)]


def image_input(session: Session) -> tuple[TensorInfo, str]:
    """The only input and its layout, where it is a square image in colour or grey.

    Raises MixnetError.
    """
    if len(session.inputs) == 1 and len(session.inputs[0].shape) == 4:
        info = session.inputs[0]
        for layout, axes in LAYOUTS.items():
            _, height, width, channels = (info.shape[axes.index(axis)] for axis in range(4))
            if height == width and channels in (1, 3):
                return info, layout
    shapes = ", ".join(f"{info.name} {list(info.shape)}" for info in session.inputs)
    raise MixnetError(f"{session.path} takes no square image of 1 or 3 channels: {shapes}", HINT)


def class_count(session: Session) -> int:
    """The number of classes, where the only output is a row of logits. Raises MixnetError."""
    sizes = [size for info in session.outputs for size in info.shape[1:] if size != 1]
    if len(session.outputs) != 1 or len(sizes) > 1 or any(size < 1 for size in sizes):
        shapes = ", ".join(f"{info.name} {list(info.shape)}" for info in session.outputs)
        raise MixnetError(f"{session.path} gives no row of logits: {shapes}", HINT)
    return sizes[0] if sizes else 1
