"""Every reason for staying outside the delegate, tried on files of one operator."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from tiny_models import Array, TfliteBuilder

from mixnet_runtimes import partitions
from mixnet_runtimes.tflite.undelegated import REASONS, reasons_for

MAP = (1, 8, 8, 12)
PADS = np.array([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32)


def whole(*numbers: int) -> Array:
    return np.array(numbers, np.int32)


def options(kind: str, **values: Any) -> Any:
    made = getattr(schema, kind)()
    for name, value in values.items():
        setattr(made, name, value)
    return made


@dataclass(frozen=True)
class Case:
    """An operator, and whether XNNPACK takes it; constants come after the inputs."""

    kind: str
    inside: bool
    outputs: Sequence[tuple[int, ...]] = (MAP,)
    inputs: Sequence[tuple[int, ...]] = (MAP,)
    constants: Sequence[Array] = ()
    options: Any = None
    dtype: str = "float32"
    first: bool = False
    """The constants come before the inputs."""


def split(parts: int, inside: bool) -> Case:
    axis = np.array(3, np.int32)
    made = options("SplitOptionsT", numSplits=parts)
    return Case("SPLIT", inside, [(1, 8, 8, 12 // parts)] * parts, [MAP], [axis], made, first=True)


def concatenation(parts: int, inside: bool) -> Case:
    made = options("ConcatenationOptionsT", axis=3)
    return Case("CONCATENATION", inside, [(1, 8, 8, 4 * parts)], [(1, 8, 8, 4)] * parts, (), made)


def strided(step: int, inside: bool) -> Case:
    bounds = [whole(0, 0, 0, 0), whole(*MAP), whole(1, step, 1, 1)]
    made = options("StridedSliceOptionsT")
    return Case("STRIDED_SLICE", inside, [(1, 8 // step, 8, 12)], [MAP], bounds, made)


def by_type(kind: str, count: int = 1, made: Any = None) -> list[Case]:
    """Delegated in float32, and not in int8."""
    return [
        Case(kind, inside, inputs=[MAP] * count, options=made, dtype=dtype)
        for inside, dtype in ((True, "float32"), (False, "int8"))
    ]


CASES = [
    split(2, True), split(4, True), split(6, False),
    concatenation(5, True), concatenation(6, False),
    strided(1, True), strided(2, False),
    *by_type("HARD_SWISH"), *by_type("GELU", made=options("GeluOptionsT")),
    *by_type("SOFTMAX", made=options("SoftmaxOptionsT", beta=1.0)),
    *by_type("DIV", 2, options("DivOptionsT")), *by_type("MAXIMUM", 2),
    *by_type("RELU"), *by_type("RELU6"),
    Case("PRELU", True, constants=[np.ones((1, 1, 12), np.float32)]),
    Case("PRELU", False, constants=[np.ones((1, 1, 12), np.int8)], dtype="int8"),
    Case(
        "SPLIT_V", False, [(1, 8, 8, 6)] * 2, constants=[whole(6, 6), np.array(3, np.int32)],
        options=options("SplitVOptionsT", numSplits=2),
    ),
    Case(
        "SQUEEZE", False, [(1, 12)], [(1, 1, 1, 12)],
        options=options("SqueezeOptionsT", squeezeDims=[1, 2]),
    ),
    Case("EXPAND_DIMS", False, [(1, 1, 12)], [(1, 12)], [np.array(1, np.int32)]),
    Case(
        "PACK", False, [(2, 8, 12)], [(8, 12)] * 2,
        options=options("PackOptionsT", valuesCount=2),
    ),
    Case("UNPACK", False, [(8, 12)] * 2, [(2, 8, 12)], options=options("UnpackOptionsT", num=2)),
    Case("ADD_N", False, inputs=[MAP] * 3),
    Case(
        "MIRROR_PAD", False, [(1, 10, 10, 12)], constants=[PADS],
        options=options("MirrorPadOptionsT"),
    ),
    Case(
        "GATHER", False, [(1, 8, 8, 2)], constants=[whole(0, 1)],
        options=options("GatherOptionsT", axis=3),
    ),
    Case("CAST", False),
    # What the reasons offer instead.
    Case("PAD", True, [(1, 10, 10, 12)], constants=[PADS]),
    Case("SLICE", True, [(1, 8, 8, 6)], constants=[whole(0, 0, 0, 0), whole(1, 8, 8, 6)]),
    Case("RESHAPE", True, [(1, 768)], constants=[whole(1, 768)]),
    Case("ADD", True, inputs=[MAP] * 2, options=options("AddOptionsT")),
]  # fmt: skip

ELSEWHERE = {"DEPTHWISE_CONV_2D"}
"""Tried below."""


def write(case: Case, path: Path) -> Path:
    builder = TfliteBuilder()
    scale = (0.05,) if case.dtype == "int8" else ()
    inputs = [builder.tensor(f"x{i}", shape, dtype=case.dtype, scale=scale)
              for i, shape in enumerate(case.inputs)]  # fmt: skip
    constants = [
        builder.tensor(f"c{i}", value.shape, value, scale=scale if value.dtype == np.int8 else ())
        for i, value in enumerate(case.constants)
    ]
    # TFLite's int8 softmax insists on this scale.
    out = (1 / 256,) if case.kind == "SOFTMAX" and scale else scale
    outputs = [builder.tensor(f"y{i}", shape, dtype=case.dtype, scale=out)
               for i, shape in enumerate(case.outputs)]  # fmt: skip
    if case.kind == "SOFTMAX" and scale:
        builder.graph.tensors[outputs[0]].quantization.zeroPoint = [-128]
    read = constants + inputs if case.first else inputs + constants
    builder.operator(case.kind, read, outputs, case.options)
    builder.graph.inputs, builder.graph.outputs = inputs, outputs
    return builder.write(path)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind}-{case.dtype}-{case.inside}")
def test_xnnpack_takes_what_the_table_says(case: Case, tmp_path: Path) -> None:
    found = partitions(write(case, tmp_path / "m.tflite"))
    assert found.partitions == int(case.inside), REASONS.get(case.kind)


def test_every_reason_is_tried() -> None:
    assert {case.kind for case in CASES if not case.inside} | ELSEWHERE == set(REASONS)


def test_a_depthwise_convolution_with_8_bit_weights_on_float_stays_outside(tmp_path: Path) -> None:
    builder = TfliteBuilder()
    x, y = (builder.tensor(name, MAP) for name in "xy")
    weights = builder.tensor("w", (1, 3, 3, 12), np.ones((1, 3, 3, 12), np.int8), scale=(0.1,))
    bias = builder.tensor("b", (12,), np.zeros(12, np.float32))
    made = options(
        "DepthwiseConv2DOptionsT", strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1,
        depthMultiplier=1,
    )  # fmt: skip
    builder.operator("DEPTHWISE_CONV_2D", [x, weights, bias], [y], made)
    builder.graph.inputs, builder.graph.outputs = [x], [y]
    assert partitions(builder.write(tmp_path / "m.tflite")).partitions == 0


def test_kinds_without_a_known_reason_get_none() -> None:
    assert set(reasons_for({"SPLIT_V": 3, "ADD": 1})) == {"SPLIT_V"}
