"""One export from beginning to end: lower, write, quantize, verify, save with provenance."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_common import MixnetError, UsageError
from mixnet_common.console import FORMAT, tracked, warn
from mixnet_common.files import check_writable, write_all
from mixnet_common.versions import package_version
from mixnet_export.lowering import DEFAULT, Model, Plan, find_plan, format_plan, lower
from mixnet_export.lowering.pixels import take_pixels
from mixnet_export.metadata import Card, describe
from mixnet_export.mixed import Front, search_json
from mixnet_export.mixed_files import RANKING_IMAGES, Task, find_mixture, layer_names
from mixnet_export.verify import UNLIKE, UNLIKE_INT8, Candidate, Verification, verify
from mixnet_export.writers import FORMATS, Format
from mixnet_networks import Network
from mixnet_networks.architecture import Preprocessing
from mixnet_networks.build import INPUT
from mixnet_networks.labels import Labels
from mixnet_networks.picture import picture_input
from mixnet_networks.preprocessing import on_pixels
from mixnet_networks.weights import Weights, weights_hash
from mixnet_quantize.bias import correct_biases
from mixnet_quantize.equalise import equalise
from mixnet_quantize.images import batches, image_files, load_images, spread
from mixnet_quantize.parity import Source
from mixnet_quantize.ranges import NotFiniteError
from mixnet_quantize.settings import DEFAULT as DEFAULT_SETTINGS
from mixnet_quantize.settings import Settings

CALIBRATION_IMAGES = 200
"""Images taken for calibration where a folder has more; more of them change little."""

CALIBRATED = ("int8", "mixed")
"""Precisions whose ranges come from images."""

ONNX_ONLY = ("activations", "weight_bits")
"""Settings that TensorFlow Lite fixes."""

QUANTIZING = ("pieces", "equalise", "correct_biases")
"""Options that bear on files with calibration only."""

BIAS_IMAGES = 32
"""Images for the correction of biases, which runs the file on them once for every depth."""

_RECORDED_PACKAGES = (
    "mixnet-mobile",
    "numpy",
    "onnx",
    "onnxruntime",
    "ai-edge-litert",
    "ai-edge-quantizer",
)


@dataclass(frozen=True)
class Options:
    """How a network is to be written."""

    lowering: str = DEFAULT
    precision: str = "float32"
    io: str = "float32"
    input: str = "normalised"
    """``pixels``: from 0 to 255, normalised inside the file."""
    labels: Labels = ()
    calibration: Path | None = None
    calibration_images: int = CALIBRATION_IMAGES
    settings: Settings = DEFAULT_SETTINGS
    """For precisions with calibration; what goes in and out is in ``io``."""
    pieces: str | None = None
    """What the pieces of cut kernels are in an int8 file, instead of what the lowering says."""
    equalise: bool = False
    """Even out weights between layers before they are quantized."""
    correct_biases: bool = False
    """Take the mean error of every channel out of the biases."""
    budget: float | None = None
    """For ``mixed``: points that may be lost."""
    data: Path | None = None
    """For ``mixed``: images in a folder for each class; None to hold the calibration's images
    against float32's own answers."""
    verify: bool = True


@dataclass(frozen=True)
class Exported:
    """A file that was written, and the provenance in the file beside it."""

    path: Path
    provenance: dict[str, Any]
    verification: Verification | None
    front: Front | None = None
    """For ``mixed``: the search that led to the file."""


def export(
    network: Network,
    weights: Weights,
    form: Format,
    directory: Path,
    options: Options,
    weights_source: str = "",
) -> Exported:
    """Write one file and ``….json`` beside it, whole or not at all.

    Raises UsageError where the options contradict each other, MixnetError where a step fails;
    then nothing is left behind.
    """
    path = directory / file_name(network, form, options)
    plan = check_request(path, form, options)
    model = lower(Model(network.graph, weights), plan)
    if options.input == "pixels":
        model = take_pixels(model, network.preprocessing)
    if options.equalise:
        model = replace(model, weights=equalise(model.graph, model.weights).weights)
    float32 = form.write(model)
    calibration = _calibration_files(options)
    settings = _settings(model, options)
    front = None
    if options.precision == "mixed" and settings is not None:
        front, calibrated = _mixture(float32, network, form, calibration, options, settings)
        content, kept = front.content, layer_names(front.chosen.float_layers, form.name)
        settings = replace(settings, float_layers=(*settings.float_layers, *kept))
    else:
        content, calibrated = _quantized(float32, network, form, calibration, options, settings)
    content = describe(form.name, content, _card(network, options))
    if options.precision == "float32":
        float32 = b""  # nothing is compared with it: room for the runtimes, if it is large
    verification = _verified(content, float32, model, network, form, options)
    provenance = _provenance(network, form, options) | {
        "lowering": plan.name,
        "lowering_sha256": hashlib.sha256(format_plan(plan).encode()).hexdigest(),
        "sha256": hashlib.sha256(content).hexdigest(),
        "size_bytes": len(content),
        "weights": {"source": weights_source, "sha256": weights_hash(weights)},
        "calibration_images": calibrated,
        "quantization": _described(settings, form, plan, options),
        "mixed": _mixed_json(front, options),
        "verification": verification.as_json() if verification else None,
    }
    side = path.with_name(f"{path.name}.json")
    write_all({path: content, side: json.dumps(provenance, indent=2) + "\n"})
    return Exported(path, provenance, verification, front)


def file_name(network: Network, form: Format, options: Options) -> str:
    """``mixnet-s.tflite``; with the precision behind the name unless it is float32."""
    suffix = "" if options.precision == "float32" else f"-{options.precision}"
    return f"{network.file_stem}{suffix}{form.suffix}"


def check_request(path: Path, form: Format, options: Options) -> Plan:
    """Refuse what can be refused before the work; returns the lowering's plan.

    Raises UsageError where options contradict each other or name nothing, MixnetError where
    ``path`` can't be written.
    """
    if options.precision not in CALIBRATED:
        _check_uncalibrated(options)
    for key in ONNX_ONLY:
        if form.name != "onnx" and getattr(options.settings, key) != getattr(DEFAULT_SETTINGS, key):
            raise UsageError(f"{_flag(key)} is for .onnx files", f"drop {_flag(key)}")
    _check_mixed(options)
    if options.calibration:
        image_files(options.calibration)
    check_writable(path)
    plan = find_plan(options.lowering, form.name)
    return plan.with_pieces(options.pieces) if options.pieces else plan


def _check_uncalibrated(options: Options) -> None:
    """Refuse, for a precision without calibration, what only calibrated ones can have."""
    precision, default = options.precision, DEFAULT_SETTINGS
    if options.io != "float32":
        raise UsageError(
            f"a {precision} file cannot take {options.io} inputs",
            "add --precision int8, or drop --io",
        )
    if options.calibration:
        raise UsageError(f"a {precision} file needs no calibration", "add --precision int8")
    changed = [
        _flag(each.name)
        for each in fields(Settings)
        if getattr(options.settings, each.name) != getattr(default, each.name)
    ]
    changed += [_flag(key) for key in QUANTIZING if getattr(options, key)]
    if changed:
        raise UsageError(
            f"{', '.join(changed)} means nothing for a {precision} file", "add --precision int8"
        )


def _check_mixed(options: Options) -> None:
    """Refuse a budget without a search for it, and a search without budget or images."""
    mixed = options.precision == "mixed"
    for key in ("budget", "data"):
        if getattr(options, key) is not None and not mixed:
            raise UsageError(f"--{key} is for --precision mixed", f"add that, or drop --{key}")
    if mixed and (options.budget is None or options.calibration is None):
        raise UsageError(
            "--precision mixed needs a budget and images",
            "add --budget 0.5 --calibrate DIR; --data DIR for labelled images to measure on",
        )
    if options.budget is not None and not 0 < options.budget < 100:
        raise UsageError(
            f"a budget of {options.budget:g} points", "give points between 0 and 100, like 0.5"
        )


def _flag(key: str) -> str:
    """The option that sets a field of ``Settings``."""
    return {"float_layers": "--float-layer"}.get(key, f"--{key.replace('_', '-')}")


def file_preprocessing(network: Network, options: Options) -> Preprocessing:
    """What makes an image into the file's input: the network's, or what is left of it."""
    own = network.preprocessing
    return on_pixels(own) if options.input == "pixels" else own


def _card(network: Network, options: Options) -> Card:
    """What travels inside the file."""
    title = network.architecture.title
    described = f"{title}, {options.precision}, written by mixnet-mobile"
    preprocessing = file_preprocessing(network, options)
    return Card(network.name, described, preprocessing, options.labels)


# Quantization


def _calibration_files(options: Options) -> Sequence[Path]:
    """The images to calibrate on; none stands for the shipped picture."""
    if options.precision not in CALIBRATED:
        return ()
    if options.calibration is None:
        warn(
            "int8 ranges come from the one shipped picture, which is no calibration: accuracy will"
            " suffer; give a folder of your own images with --calibrate"
        )
        return ()
    return spread(image_files(options.calibration), options.calibration_images)


def _settings(model: Model, options: Options) -> Settings | None:
    """How to quantize this model; None where there is no calibration."""
    if options.precision not in CALIBRATED:
        return None
    return replace(options.settings, float_nodes=model.floating, integer_io=options.io == "int8")


def _described(
    settings: Settings | None, form: Format, plan: Plan, options: Options
) -> dict[str, Any] | None:
    """The settings as JSON keys; what doesn't apply is null."""
    if settings is None:
        return None
    onnx = form.name == "onnx"
    return {
        "ranges": settings.ranges,
        "percentile": settings.percentile if settings.ranges == "percentile" else None,
        "pieces": options.pieces or plan.general.pieces,
        "float_layers": list(settings.float_layers),
        "float_nodes": len(settings.float_nodes),
        "activations": settings.activations if onnx else "signed",
        "weight_bits": settings.weight_bits if onnx else 8,
        "equalised": options.equalise,
        "biases_corrected": options.correct_biases,
    }


def _quantized(
    float32: bytes,
    network: Network,
    form: Format,
    files: Sequence[Path],
    options: Options,
    settings: Settings | None,
) -> tuple[bytes, int]:
    """The file in the precision asked for, and how many images of the folder set its ranges."""
    if settings is None:
        convert = form.convert.get(options.precision)
        return convert(float32) if convert else float32, 0
    preprocessing = file_preprocessing(network, options)
    read: list[Path] = []
    samples = (form.from_nhwc(batch) for batch in _samples(network, preprocessing, files, read))
    try:
        content = form.quantize(float32, INPUT, samples, settings)
    except NotFiniteError as error:
        first = error.index * network.batch
        images = ", ".join(str(path) for path in read[first : first + network.batch])
        where = images or "the shipped picture"
        raise MixnetError(f"{error.tensor} is not finite on {where}", error.hint) from error
    if options.correct_biases:
        few = list(_samples(network, preprocessing, spread(files, BIAS_IMAGES), []))
        content = correct_biases(form.name, float32, content, few).content
    return content, len(read)


def _mixture(
    float32: bytes,
    network: Network,
    form: Format,
    files: Sequence[Path],
    options: Options,
    settings: Settings,
) -> tuple[Front, int]:
    """The search for layers to keep in float32, and how many images of the folder set ranges."""
    preprocessing = file_preprocessing(network, options)
    calibrated = 0

    def quantize(layers: tuple[str, ...]) -> bytes:
        nonlocal calibrated
        kept = replace(settings, float_layers=(*settings.float_layers, *layers))
        content, calibrated = _quantized(float32, network, form, files, options, kept)
        return content

    few = spread(files, RANKING_IMAGES)
    task = Task(
        float32,
        form.name,
        Source(options.data or options.calibration or Path(), unlabelled=options.data is None),
        preprocessing,
        options.labels,
        options.budget or 0,
        list(_samples(network, preprocessing, few, [])),
    )
    return find_mixture(task, quantize), calibrated


def _mixed_json(front: Front | None, options: Options) -> Mapping[str, Any] | None:
    """The search as JSON keys; null for other precisions."""
    if front is None:
        return None
    measured_on = "labels" if options.data else "agreement"
    return search_json(front, options.budget or 0, measured_on)


def _samples(
    network: Network, preprocessing: Preprocessing, files: Sequence[Path], read: list[Path]
) -> Iterator[NDArray[np.float32]]:
    """Calibration inputs (batch, h, w, channels), one at a time; ``read`` gets the images' paths.

    A damaged image is warned of and left out.
    """
    if not files:
        yield picture_input(network.resolution, preprocessing, network.batch)
        return
    images = load_images(tracked(files, "calibrating"), network.resolution, preprocessing, read)
    yield from batches(images, network.batch)


# Verification and provenance


def _verified(
    content: bytes, float32: bytes, model: Model, network: Network, form: Format, options: Options
) -> Verification | None:
    """A float32 file against the other formats' runtime, others against their float32 file.

    A float32 file is run on a paler copy of the picture too: where no activation follows the last
    batch norm, seeded statistics make the mean of every feature, and so all logits, vanish on the
    picture itself.
    """
    if not options.verify:
        return None
    preprocessing = file_preprocessing(network, options)
    image = picture_input(network.resolution, preprocessing, network.batch)
    images: tuple[NDArray[np.float32], ...]
    exact = options.precision == "float32"
    if exact:
        other = next(each for each in FORMATS.values() if each.name != form.name)
        reference = Candidate(other.write(model), other, f"on the same model as {other.suffix}")
        images = (image, (image / 2).astype(np.float32))
    else:
        reference = Candidate(float32, form, "on the float32 file")
        images = (image,)
    result = verify(Candidate(content, form), reference, images, exact=exact)
    if not exact and result.largest_difference > UNLIKE.get(options.precision, UNLIKE_INT8):
        warn(
            f"the {options.precision} file computes something else than the float32 one on the"
            " picture"
        )
    if result.degenerate:
        warn("all logits are nearly equal on the picture, so this verification proves little")
    return result


def _provenance(network: Network, form: Format, options: Options) -> dict[str, Any]:
    graph, shape = network.graph, network.graph.inputs[0].shape
    outputs = [{"name": name, "shape": list(graph.shape(name))} for name in graph.outputs]
    return {
        "format": FORMAT,
        "network": network.name,
        "title": network.architecture.title,
        "source": network.architecture.source,
        "file_format": form.name,
        "precision": options.precision,
        "io": options.io,
        "classes": network.classes,
        "resolution": network.resolution,
        "multiplier": network.multiplier,
        "batch": network.batch,
        "input": {
            "name": INPUT,
            "shape": [shape[axis] for axis in form.axes],
            "layout": form.layout,
            "values": options.input,
        },
        "output": outputs[0],
        "outputs": outputs,
        "preprocessing": asdict(file_preprocessing(network, options)),
        "labels": list(options.labels) or None,
        "versions": {name: package_version(name) for name in _RECORDED_PACKAGES},
    }
