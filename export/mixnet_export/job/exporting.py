"""One export from beginning to end: lower, write, quantize, verify, save with provenance."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mixnet_common.console import warn
from mixnet_common.files import write_all
from mixnet_common.outputs import check_folder, check_outputs
from mixnet_common.temporary import temporary_folder
from mixnet_export.job.options import (
    CALIBRATED,
    Options,
    check_options,
    check_target,
    file_preprocessing,
    files_read,
)
from mixnet_export.job.provenance import describe_request, describe_result
from mixnet_export.job.quantizing import Quantized, quantized
from mixnet_export.job.verify import USUAL, Candidate, Verification, verify
from mixnet_export.lowering import Model, Plan, find_plan, lower
from mixnet_export.lowering.pixels import take_pixels
from mixnet_export.metadata import ModelMetadata, describe_metadata
from mixnet_export.mixed.search import Front
from mixnet_export.writers import FORMATS, Format
from mixnet_networks import Network
from mixnet_networks.graph.sizes import check_memory_for
from mixnet_networks.images.picture import picture_input
from mixnet_networks.weights import Weights, weights_hash
from mixnet_quantize.corrections.equalise import equalise

__all__ = ["Exported", "Options", "check_request", "export", "file_name"]


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

    Raises UsageError if the options contradict each other, MixnetError if a step fails;
    then nothing is left behind.
    """
    check_memory_for(network.graph)
    path = directory / file_name(network, form, options)
    plan = check_request(path, form, options)
    with temporary_folder() as folder:
        made, reference = _made(network, weights, form, options, plan, folder)
        plain = replace(_metadata(network, options), fp16=False)
        exact = Candidate(describe_metadata(form.name, made.content, plain), form)
        verification = _verified(exact, reference, network, options)
    content = describe_metadata(form.name, made.content, _metadata(network, options))
    made = replace(made, content=content)
    provenance = {
        **describe_request(network, form, options),
        **describe_result(made.content, made, form, plan, options),
        "weights": {"source": weights_source, "sha256": weights_hash(weights)},
        "verification": verification.as_json() if verification else None,
    }
    write_all({path: made.content, side_path(path): json.dumps(provenance, indent=2) + "\n"})
    return Exported(path, provenance, verification, made.front)


def file_name(network: Network, form: Format, options: Options) -> str:
    """``mixnet-s.tflite``; with the precision behind the name unless it is float32."""
    suffix = "" if options.precision == "float32" else f"-{options.precision}"
    return f"{network.file_stem}{suffix}{form.suffix}"


def side_path(path: Path) -> Path:
    """The path of a file's provenance, beside it."""
    return path.with_name(f"{path.name}.json")


def check_request(path: Path, form: Format, options: Options, inputs: Iterable[Path] = ()) -> Plan:
    """Refuse what can be refused before the work; returns the lowering's plan.

    Raises UsageError if options contradict each other or name nothing, or where writing
    ``path`` and its provenance would replace one of the ``inputs`` or what the options name;
    MixnetError where ``path`` can't be written.
    """
    check_options(options, form.name)
    check_folder(path.parent)
    check_outputs((path, side_path(path)), [*inputs, *files_read(options)], like="out/")
    target = check_target(options, form.name)
    plan = find_plan(options.lowering, form.name, precision=options.precision, target=target)
    if plan.emulated:
        warn(f"{plan.name} was tuned under emulation: it may be slow on a phone")
    return plan.with_pieces(options.pieces) if options.pieces else plan


def _made(
    network: Network, weights: Weights, form: Format, options: Options, plan: Plan, folder: Path
) -> tuple[Quantized, Candidate | None]:
    """The file's content, and in ``folder`` another one to verify it against.

    The model and all other contents end here: the runtimes need their room.
    """
    model = _lowered(network, weights, options, plan)
    float32 = form.write(model)
    reference = _reference(model, float32, form, options, folder)
    floating = model.floating
    del model
    made = quantized(float32, floating, network, form, options)
    return made, reference


def _lowered(network: Network, weights: Weights, options: Options, plan: Plan) -> Model:
    model = lower(Model(network.graph, weights), plan)
    if options.input == "pixels":
        model = take_pixels(model, network.preprocessing)
    if options.equalise:
        model = replace(model, weights=equalise(model.graph, model.weights).weights)
    return model


def _metadata(network: Network, options: Options) -> ModelMetadata:
    """The metadata inside the file."""
    title = network.architecture.title
    described = f"{title}, {options.precision}, written by mixnet-mobile"
    preprocessing = file_preprocessing(network, options)
    return ModelMetadata(network.name, described, preprocessing, options.labels, options.allow_fp16)


# Verification


def _reference(
    model: Model, float32: bytes, form: Format, options: Options, folder: Path
) -> Candidate | None:
    """A float32 file is compared with the other format's runtime, others with their float32 file.

    None if nothing should be verified.
    """
    if not options.verify:
        return None
    label = "on the float32 file"
    if options.precision == "float32":
        form = next(each for each in FORMATS.values() if each.name != form.name)
        float32, label = form.write(model), f"on the same model as {form.suffix}"
    path = folder / f"reference{form.suffix}"
    path.write_bytes(float32)
    return Candidate(path, form, label)


def _verified(
    candidate: Candidate, reference: Candidate | None, network: Network, options: Options
) -> Verification | None:
    """The comparison on the sample image and a paler copy of it.

    Where no activation follows the last batch norm, seeded statistics make the mean of every
    feature, and so all logits, vanish on the picture itself.
    """
    if reference is None:
        return None
    preprocessing = file_preprocessing(network, options)
    image = picture_input(network.resolution, preprocessing, network.batch)
    images = (image, (image / 2).astype(np.float32))
    exact = options.precision == "float32"
    result = verify(candidate, reference, images, exact=exact)
    if not (exact or options.random_weights):
        result = replace(result, usual=USUAL[options.precision])
    if result.unusual:
        warn(f"the {options.precision} file {result.in_words()}; {_next_step(options)}")
    if result.degenerate:
        warn("all logits are nearly equal on the sample image, so this verification proves little")
    return result


def _next_step(options: Options) -> str:
    """The remedy for a file that differs more than usual."""
    if options.precision in CALIBRATED and options.calibration is None:
        return "calibrate on your own images: --calibrate DIR"
    return "measure the loss with mixnet-bench parity, or try --precision mixed"
