"""The origin of a file, as JSON keys: network, weights, lowering, quantization, versions.

It only records; nothing is computed here.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from mixnet_common.console import FORMAT
from mixnet_common.hashing import sha256
from mixnet_common.versions import package_version
from mixnet_export.job.options import Options, check_target, file_preprocessing
from mixnet_export.job.quantizing import Quantized
from mixnet_export.lowering import Plan, format_plan
from mixnet_export.lowering.tiling import large_kernels
from mixnet_export.mixed.search import search_json
from mixnet_export.writers import Format
from mixnet_networks import Network
from mixnet_networks.building.build import INPUT
from mixnet_quantize.calibration.range_rules import ENOUGH_IMAGES
from mixnet_quantize.settings import Settings

_RECORDED_PACKAGES = (
    "mixnet-mobile",
    "numpy",
    "onnx",
    "onnxruntime",
    "ai-edge-litert",
    "ai-edge-quantizer",
)


def describe_request(network: Network, form: Format, options: Options) -> dict[str, Any]:
    """The requested options."""
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
        "allow_fp16": options.allow_fp16,
        "classes": network.classes,
        "resolution": network.resolution,
        "multiplier": network.multiplier,
        "batch": network.batch,
        "large_kernels": large_kernels(graph),
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


def describe_result(
    content: bytes, made: Quantized, form: Format, plan: Plan, options: Options
) -> dict[str, Any]:
    """The resulting settings; those of quantization that don't apply are null."""
    return {
        "target": target.name if (target := check_target(options, form.name)) else plan.target,
        "lowering": plan.name,
        "lowering_sha256": sha256(format_plan(plan)),
        "sha256": sha256(content),
        "size_bytes": len(content),
        "calibration_images": made.calibration_images,
        "quantization": _quantization(made, form, plan, options),
        "mixed": _mixed(made, options),
    }


def _quantization(
    made: Quantized, form: Format, plan: Plan, options: Options
) -> Mapping[str, Any] | None:
    settings = made.settings
    if settings is None:
        return None
    onnx = form.name == "onnx"
    return {
        "ranges": settings.ranges,
        "percentile": settings.percentile if _by_percentile(made, settings) else None,
        "pieces": options.pieces or plan.general.pieces,
        "float_layers": list(settings.float_layers),
        "float_nodes": len(settings.float_nodes),
        "activations": settings.activations if onnx else "signed",
        "weight_bits": settings.weight_bits if onnx else 8,
        "equalised": options.equalise,
        "biases_corrected": options.correct_biases,
        "raised_channels": {layer: list(channels) for layer, channels in made.raised.items()},
    }


def _by_percentile(made: Quantized, settings: Settings) -> bool:
    """Whether ranges are percentiles, as they also are where images are few."""
    few = made.calibration_images < ENOUGH_IMAGES
    return settings.ranges == "percentile" or (settings.ranges == "per-image" and few)


def _mixed(made: Quantized, options: Options) -> Mapping[str, Any] | None:
    """The search for a mixture; null for other precisions."""
    if made.front is None:
        return None
    return search_json(made.front, options.budget or 0)
