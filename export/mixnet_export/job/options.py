"""The options of an export in one record, and contradictions between them.

Nothing here writes or opens a model file.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from mixnet_common import UsageError
from mixnet_common.options import POINTS
from mixnet_common.outputs import named_files
from mixnet_export.lowering import DEFAULT
from mixnet_networks import Network
from mixnet_networks.architecture import Preprocessing
from mixnet_networks.images.preprocessing import on_pixels
from mixnet_networks.labels import Labels
from mixnet_quantize.images import image_files
from mixnet_quantize.settings import DEFAULT as DEFAULT_SETTINGS
from mixnet_quantize.settings import Settings
from mixnet_runtimes.targets import Target, find_target

CALIBRATION_IMAGES = 200
"""Images taken for calibration where a folder has more; more of them change little."""

CALIBRATED = ("int8", "mixed")
"""Precisions whose ranges come from images."""

ONNX_ONLY = ("activations", "weight_bits")
"""Settings that TensorFlow Lite fixes."""

QUANTIZING = ("pieces", "equalise", "correct_biases")
"""Options that bear on files with calibration only."""


@dataclass(frozen=True)
class Options:
    """The options by which a network is written."""

    lowering: str = DEFAULT
    target: str | None = None
    """Runtime and version that the file is for, such as ``litert-1.1``; None for the newest of the
    format. It decides what the default lowering is."""
    precision: str = "float32"
    io: str = "float32"
    input: str = "normalised"
    """``pixels``: from 0 to 255, normalised inside the file."""
    labels: Labels = ()
    calibration: Path | None = None
    calibration_images: int = CALIBRATION_IMAGES
    settings: Settings = DEFAULT_SETTINGS
    """Settings of precisions with calibration; ``io`` is the type of inputs and outputs."""
    pieces: str | None = None
    """The type of the tiles of large kernels in an int8 file, overriding the lowering."""
    equalise: bool = False
    """Even out weights between layers before they are quantized."""
    correct_biases: bool = False
    """Take the mean error of every channel out of the biases."""
    budget: float | None = None
    """For ``mixed``: points that may be lost."""
    data: Path | None = None
    """For ``mixed``: images in a folder for each class; None to hold the calibration's images
    against float32's own answers."""
    allow_fp16: bool = False
    """Mark a float32 ``.tflite`` so that XNNPACK may compute it in float16 if the CPU can."""
    verify: bool = True
    random_weights: bool = False
    """The weights are random: the file's outputs do not measure accuracy."""


def file_preprocessing(network: Network, options: Options) -> Preprocessing:
    """The preprocessing of the file: the network's, or its remainder for pixel inputs."""
    own = network.preprocessing
    return on_pixels(own) if options.input == "pixels" else own


def files_read(options: Options) -> Iterator[Path]:
    """The files that a job with these options reads. Raises UsageError if no images are."""
    yield from named_files(options.lowering if options.lowering.endswith(".toml") else None)
    for folder in (options.calibration, options.data):
        if folder is not None:
            yield from image_files(folder)


def check_options(options: Options, form: str) -> None:
    """Raise UsageError if options contradict each other, or the format, or name no image."""
    if options.precision not in CALIBRATED:
        _check_uncalibrated(options)
    check_target(options, form)
    if options.allow_fp16 and (form, options.precision) != ("tflite", "float32"):
        raise UsageError(
            f"--allow-fp16 is for float32 .tflite files, not for {options.precision} in .{form}",
            "omit it, or --precision",
        )
    for key in ONNX_ONLY:
        if form != "onnx" and getattr(options.settings, key) != getattr(DEFAULT_SETTINGS, key):
            raise UsageError(f"{_flag(key)} is for .onnx files", f"omit {_flag(key)}")
    _check_mixed(options)
    if options.calibration:
        image_files(options.calibration)


def check_target(options: Options, form: str) -> Target | None:
    """The target that a file is made for; None if its lowering is named and so for none.

    Raises UsageError for an unknown target, and for one beside a lowering that is named.
    """
    if options.lowering == DEFAULT:
        return find_target(options.target, form)
    if options.target is not None:
        raise UsageError(
            f"--for {options.target} and --lowering {options.lowering} both choose the lowering",
            "omit one of them",
        )
    return None


def _check_uncalibrated(options: Options) -> None:
    """Refuse, for a precision without calibration, what only calibrated ones can have."""
    file, default = _a_file(options.precision), DEFAULT_SETTINGS
    if options.io != "float32":
        raise UsageError(
            f"{file} cannot take {options.io} inputs",
            "add --precision int8, or omit --io",
        )
    if options.calibration:
        raise UsageError(f"{file} is not calibrated", "add --precision int8")
    changed = [
        _flag(each.name)
        for each in fields(Settings)
        if getattr(options.settings, each.name) != getattr(default, each.name)
    ]
    changed += [_flag(key) for key in QUANTIZING if getattr(options, key)]
    if changed:
        raise UsageError(f"{', '.join(changed)} does not apply to {file}", "add --precision int8")


def _check_mixed(options: Options) -> None:
    """Refuse a budget without a search for it, and a search without budget or images."""
    mixed = options.precision == "mixed"
    for key in ("budget", "data"):
        if getattr(options, key) is not None and not mixed:
            raise UsageError(f"--{key} needs --precision mixed", f"add it, or omit --{key}")
    if mixed and (options.budget is None or options.calibration is None):
        raise UsageError(
            "--precision mixed needs a budget and images",
            "add --budget 0.5 --calibrate DIR; --data DIR for labelled images to measure on",
        )
    if options.budget is not None:
        POINTS.check(options.budget, "a budget of")


def _flag(key: str) -> str:
    """The option that sets a field of ``Settings``."""
    return {"float_layers": "--float-layer"}.get(key, f"--{key.replace('_', '-')}")


def _a_file(precision: str) -> str:
    """A file of a precision, with the article that its name is read with.

    >>> _a_file("float16"), _a_file("int8-dynamic")
    ('a float16 file', 'an int8-dynamic file')
    """
    return f"{'an' if precision.startswith('i') else 'a'} {precision} file"
