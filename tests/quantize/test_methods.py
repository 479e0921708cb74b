"""Every way to store MixNet-S smaller, in both formats: how near to float32, and how small.

Random weights, 64×64 pixels, calibrated on the inputs that are judged.
"""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from quick import quick_first

from mixnet_common import MixnetError, UsageError
from mixnet_export.lowering import Choice, Model, Plan, find_plan, lower
from mixnet_export.writers import FORMATS
from mixnet_networks import GraphBuilder, load_network
from mixnet_networks.images.picture import picture
from mixnet_networks.weights import seeded_weights
from mixnet_quantize.settings import Settings
from mixnet_runtimes import open_session, partitions

Inputs = tuple[NDArray[np.float32], ...]

RESOLUTION = 64

METHODS: dict[str, tuple[str, dict[str, Any], float]] = {
    "float16": ("float16", {}, 55),
    "int8-dynamic": ("int8-dynamic", {}, 27),
    "min-max": ("int8", {"ranges": "min-max"}, 20),
    "percentile": ("int8", {"ranges": "percentile"}, 20),
    "mse": ("int8", {"ranges": "mse"}, 20),
    "signed": ("int8", {"activations": "signed"}, 18),
    "float-layers": ("int8", {"float_layers": ("blocks.0", "blocks.4.1", "stem")}, 20),
}
"""Precision, settings, and the least signal to noise of the logits in dB."""


@cache
def network(form: str) -> tuple[Model, bytes]:
    """MixNet-S as the format's default lowering has it, its cut kernels marked to stay in float."""
    small = load_network("mixnet-s", resolution=RESOLUTION)
    plan = find_plan("default", form).with_pieces("float32")
    model = lower(Model(small.graph, seeded_weights(small)), plan)
    return model, FORMATS[form].write(model)


@cache
def inputs() -> Inputs:
    """Four cuts of the picture, (1, h, w, 3), from -1 to 1."""
    pixels = picture(2 * RESOLUTION).astype(np.float32) / 127.5 - 1
    corners = [(y, x) for y in (0, 64) for x in (8, 56)]
    return tuple(
        np.ascontiguousarray(pixels[None, y : y + RESOLUTION, x : x + RESOLUTION])
        for y, x in corners
    )


@cache
def made(form: str, precision: str, settings: Settings) -> bytes:
    """The file in a precision, calibrated on ``inputs``."""
    kind, (_, float32) = FORMATS[form], network(form)
    if precision in kind.convert:
        return kind.convert[precision](float32)
    samples = (kind.from_nhwc(each) for each in inputs())
    return kind.quantize(float32, "image", samples, settings)


def logits(content: bytes, form: str, folder: Path) -> NDArray[Any]:
    path = folder / f"file.{form}"
    path.write_bytes(content)
    session = open_session(path)
    results = [session.run({"image": FORMATS[form].from_nhwc(each)}) for each in inputs()]
    return np.concatenate([each["logits"] for each in results])


def snr_db(found: NDArray[Any], expected: NDArray[Any]) -> float:
    noise = found.astype(np.float64) - expected
    return float(10 * np.log10((expected**2).sum() / (noise**2).sum()))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("method", quick_first(METHODS, ("float16", "int8-dynamic", "mse")))
def test_every_method_stays_near_float32(form: str, method: str, tmp_path: Path) -> None:
    precision, settings, least = METHODS[method]
    expected = logits(network(form)[1], form, tmp_path)
    found = logits(made(form, precision, Settings(**settings)), form, tmp_path)

    assert expected.std() > 0.1 * np.abs(expected).max()
    assert least < snr_db(found, expected) < 90


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("precision", "ratio"), [("float16", 0.52), ("int8-dynamic", 0.29), ("int8", 0.32)]
)
def test_files_are_as_small_as_is_said(form: str, precision: str, ratio: float) -> None:
    assert len(made(form, precision, Settings())) < ratio * len(network(form)[1])


@pytest.mark.parametrize(
    ("precision", "settings"),
    [
        ("float16", {}),
        ("int8-dynamic", {}),
        ("int8", {"ranges": "mse"}),
        ("int8", {"float_nodes": True}),
        ("int8", {"float_layers": ("blocks.4.1.depthwise", "head")}),
    ],
)
def test_every_tflite_file_runs_in_one_partition(
    precision: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    if "float_nodes" in settings:
        settings = {"float_nodes": network("tflite")[0].floating}
    path = tmp_path / "file.tflite"
    path.write_bytes(made("tflite", precision, Settings(**settings)))
    found = partitions(path)

    assert (found.partitions, found.outside) == (1, 0)


def test_requantized_pieces_of_a_large_kernel_cost_what_pieces_in_float32_do_not(
    tmp_path: Path,
) -> None:
    """A depthwise convolution of 9x9 alone, on noise; its output is rounded to 8 bits anyway."""
    builder = GraphBuilder("large")
    source = builder.input("image", (1, 14, 14, 16))
    graph = builder.build(builder.add("depthwise_conv2d", "logits", source, kernel=(9, 9)))
    random = np.random.default_rng(0)
    weights = {"logits.kernel": random.normal(size=(9, 9, 16, 1)).astype(np.float32)}
    plan = Plan("tiled", Choice(tiling="nested", pieces="float32"))
    model = lower(Model(graph, weights), plan)
    image = random.normal(size=(1, 14, 14, 16)).astype(np.float32)

    def run(content: bytes) -> NDArray[Any]:
        path = tmp_path / "large.tflite"
        path.write_bytes(content)
        return open_session(path).run({"image": image})["logits"]

    float32 = FORMATS["tflite"].write(model)
    pieces_int8, pieces_float32 = (
        snr_db(run(FORMATS["tflite"].quantize(float32, "image", [image], each)), run(float32))
        for each in (Settings(), Settings(float_nodes=model.floating))
    )

    assert len(model.floating) == 9
    assert pieces_float32 > pieces_int8 + 2


def test_pieces_in_float32_lie_between_one_dequantize_and_one_quantize() -> None:
    """Nothing else changes: the same int8 operators, and the pieces' weights as they were."""
    from ai_edge_litert import schema_py_generated as schema

    model, _ = network("tflite")
    content = made("tflite", "int8", Settings(float_nodes=model.floating))
    graph = schema.ModelT.InitFromPackedBuf(content, 0).subgraphs[0]
    floating = {
        graph.tensors[each.outputs[0]].name.decode()
        for each in graph.operators
        if graph.tensors[each.outputs[0]].type == schema.TensorType.FLOAT32
    }

    assert {name for name in floating if name in model.floating} == set(model.floating)
    others = floating - set(model.floating)
    assert all("quant" in name or name == "logits" for name in others), others


def test_onnx_dynamic_files_have_no_integer_convolutions() -> None:
    """They would take three times as long as float32 ones."""
    model = onnx.load_from_string(made("onnx", "int8-dynamic", Settings()))
    kinds = {node.op_type for node in model.graph.node}

    assert "ConvInteger" not in kinds
    assert {"Conv", "MatMulInteger"} <= kinds


@pytest.mark.parametrize("form", FORMATS)
def test_weights_too_large_for_float16_are_named(form: str) -> None:
    small = load_network("mobilenet-v1", resolution=32)
    weights = dict(seeded_weights(small))
    weights["head.classifier.kernel"] = weights["head.classifier.kernel"] * np.float32(1e9)
    content = FORMATS[form].write(lower(Model(small.graph, weights)))

    with pytest.raises(
        MixnetError, match=r"head\.classifier\.kernel holds .* largest float16 value is 65504"
    ):
        FORMATS[form].convert["float16"](content)


def test_onnx_weights_use_eight_bits_only_where_asked() -> None:
    """Per channel the largest weight is at the end of the scale: 63 of 64 or 127 of 128."""

    def largest(**settings: Any) -> int:
        model = onnx.load_from_string(made("onnx", "int8", Settings(**settings)))
        (weights,) = (
            each for each in model.graph.initializer if each.name == "head.conv.kernel_quantized"
        )
        return int(np.abs(onnx.numpy_helper.to_array(weights).astype(int)).max())

    assert largest() in (63, 64)
    assert largest(weight_bits=8) in (127, 128)


@pytest.mark.parametrize(
    "wrong",
    [{"ranges": "entropy"}, {"percentile": 40}, {"weight_bits": 6}, {"activations": "float"}],
)
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Settings(**wrong)
