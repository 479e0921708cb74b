"""The quantizing part of an export: calibration images, ranges, and the file in its precision.

It combines other modules; ranges are computed once for all files that use them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mixnet_common import MixnetError
from mixnet_common.console import warn
from mixnet_common.progress import tracked
from mixnet_export.job.options import CALIBRATED, Options, file_preprocessing
from mixnet_export.mixed.files import RANKING_IMAGES, Task, find_mixture, layer_names
from mixnet_export.mixed.search import Front
from mixnet_export.writers import Format
from mixnet_networks import Network
from mixnet_networks.building.build import INPUT
from mixnet_networks.images.picture import picture_input
from mixnet_quantize.calibration.ranges import NotFiniteError, Ranges
from mixnet_quantize.calibration.seen import Extremes, doubts
from mixnet_quantize.corrections.bias import correct_biases
from mixnet_quantize.corrections.bias_scales import Channels, Int8File, describe_raised
from mixnet_quantize.images import batches, image_files, load_images, spread
from mixnet_quantize.parity import Source
from mixnet_quantize.settings import Settings

BIAS_IMAGES = 32
"""Images for the correction of biases, which runs the file on them once for every depth."""

Samples = Iterator[NDArray[np.float32]]


@dataclass(frozen=True)
class Quantized:
    """A file in the requested precision, and how it was made."""

    content: bytes
    calibration_images: int = 0
    """Images of the folder that set the ranges."""
    settings: Settings | None = None
    """None if there is no calibration."""
    raised: Channels = field(default_factory=dict)
    """Channels whose weight scales were raised so that their biases fit, by layer."""
    front: Front | None = None
    """For ``mixed``: the search that led to the file."""


@dataclass(frozen=True)
class Calibration:
    """Images of a folder as a network's inputs; None means the sample image."""

    network: Network
    options: Options
    files: Sequence[Path]

    def samples(self, most: int | None = None, read: list[Path] | None = None) -> Samples:
        """Inputs (batch, h, w, channels), one at a time; ``read`` gets the images' paths.

        A damaged image is warned of and left out.
        """
        network, preprocessing = self.network, file_preprocessing(self.network, self.options)
        if not self.files:
            yield picture_input(network.resolution, preprocessing, network.batch)
            return
        files = self.files if most is None else spread(self.files, most)
        images = load_images(tracked(files, "calibrating"), network.resolution, preprocessing, read)
        yield from batches(images, network.batch)


def quantized(
    float32: bytes, floating: tuple[str, ...], network: Network, form: Format, options: Options
) -> Quantized:
    """The float32 file in the requested precision; ``floating`` names what the lowering keeps.

    Raises UsageError if a layer is named that the file has not, MixnetError where images, the
    quantizer or the search for a mixture fail.
    """
    if options.precision not in CALIBRATED:
        convert = form.convert.get(options.precision)
        return Quantized(convert(float32) if convert else float32)
    calibration = Calibration(network, options, _calibration_files(options))
    integer_io = options.io == "int8"
    settings = replace(options.settings, float_nodes=floating, integer_io=integer_io)
    ranges, count = _calibrated(float32, form, calibration, settings)
    apply = _quantizer(float32, form, calibration, ranges)
    if options.precision == "int8":
        made = apply(settings)
        result = Quantized(made.content, count, settings, made.raised)
    else:
        result = _mixed(float32, form, calibration, settings, apply, count)
    if result.raised:
        warn(
            "some weights are nearly zero: their scales were raised so that the biases fit int32"
            f" ({describe_raised(result.raised)})"
        )
    return result


def _calibration_files(options: Options) -> Sequence[Path]:
    """The calibration images; none means the sample image."""
    if options.calibration is None:
        warn(
            "int8 ranges come from one sample image, which is not a calibration: accuracy will"
            " suffer; give a folder of your own images with --calibrate"
        )
        return ()
    return spread(image_files(options.calibration), options.calibration_images)


def _calibrated(
    float32: bytes, form: Format, calibration: Calibration, settings: Settings
) -> tuple[Ranges, int]:
    """The ranges of all tensors, and how many images of the folder set them."""
    read: list[Path] = []
    seen: dict[str, Extremes] = {}
    samples = (form.from_nhwc(batch) for batch in calibration.samples(read=read))
    try:
        ranges: Ranges = form.calibrate(float32, INPUT, samples, settings, seen)
    except NotFiniteError as error:
        names = _sample_names(read, calibration.network.batch)
        where = names[error.index] if names else "the sample image"
        raise MixnetError(f"{error.tensor} is not finite on {where}", error.hint) from error
    if read:
        for doubt in doubts(seen, ranges, _sample_names(read, calibration.network.batch)):
            warn(doubt)
    return ranges, len(read)


def _sample_names(read: Sequence[Path], batch: int) -> list[str]:
    """The names of the images of each calibration sample."""
    starts = range(0, len(read), batch)
    return [", ".join(str(path) for path in read[start : start + batch]) for start in starts]


def _quantizer(
    float32: bytes, form: Format, calibration: Calibration, ranges: Ranges
) -> Callable[[Settings], Int8File]:
    """A function from settings to an int8 file, with corrected biases if requested."""
    if not calibration.options.correct_biases:
        return lambda settings: form.apply(float32, ranges, settings)
    few = list(calibration.samples(BIAS_IMAGES))

    def corrected(settings: Settings) -> Int8File:
        made = form.apply(float32, ranges, settings)
        corrected = correct_biases(form.name, float32, made.content, few)
        return replace(made, content=corrected.content)

    return corrected


def _mixed(
    float32: bytes,
    form: Format,
    calibration: Calibration,
    settings: Settings,
    apply: Callable[[Settings], Int8File],
    count: int,
) -> Quantized:
    """The search for layers to keep in float32, and its result."""
    options = calibration.options
    task = Task(
        float32,
        form.name,
        Source(options.data or options.calibration or Path(), unlabelled=options.data is None),
        file_preprocessing(calibration.network, options),
        options.labels,
        options.budget or 0,
        list(calibration.samples(RANKING_IMAGES)),
    )
    raised: dict[tuple[str, ...], Channels] = {}

    def build(layers: tuple[str, ...]) -> bytes:
        made = apply(_keeping(settings, layers))
        raised[layers] = made.raised
        return made.content

    front = find_mixture(task, build)
    kept = layer_names(front.chosen.float_layers, form.name)
    return Quantized(front.content, count, _keeping(settings, kept), raised[kept], front)


def _keeping(settings: Settings, layers: tuple[str, ...]) -> Settings:
    """The settings with further layers in float32."""
    return replace(settings, float_layers=(*settings.float_layers, *layers))
