"""Every operator as both writers write it, run by both runtimes, against the oracle."""

from typing import Any

import pytest
from both_formats import assert_both_formats_equal_the_oracle, one_node
from hypothesis import given, settings
from hypothesis import strategies as st

from mixnet_common import MixnetError
from mixnet_export.lowering import Model
from mixnet_export.writers import FORMATS, onnx_operators, tflite_operators
from mixnet_networks import GraphBuilder
from mixnet_networks.graph.operators import OPERATORS

EMITTERS = {"tflite": tflite_operators.EMITTERS, "onnx": onnx_operators.EMITTERS}
PLAIN = sorted(name for name, row in OPERATORS.items() if not row.composite)
COMPOSITE = sorted(name for name, row in OPERATORS.items() if row.composite)

MAP = (2, 7, 9, 6)
"""A batch of two maps of odd, unequal height and width."""

UNEVEN = ((1, 2), (3, 0))
"""Padding that is different on all four sides."""

CASES: list[tuple[str, tuple[tuple[int, ...], ...], dict[str, Any]]] = [
    ("conv2d", (MAP,), {"filters": 5, "kernel": (3, 3)}),
    ("conv2d", (MAP,), {"filters": 5, "kernel": (1, 1), "bias": True}),
    ("conv2d", (MAP,), {"filters": 5, "kernel": (3, 5), "strides": (2, 2), "bias": True}),
    ("conv2d", ((1, 8, 8, 3),), {"filters": 5, "kernel": (3, 3), "strides": (2, 2)}),
    ("conv2d", (MAP,), {"filters": 5, "kernel": (2, 4), "strides": (1, 3)}),
    ("conv2d", (MAP,), {"filters": 5, "kernel": (3, 3), "dilations": (2, 2)}),
    ("conv2d", (MAP,), {"filters": 5, "kernel": (3, 3), "padding": "valid"}),
    ("conv2d", (MAP,), {"filters": 5, "kernel": (3, 3), "padding": UNEVEN, "bias": True}),
    ("conv2d", (MAP,), {"filters": 5, "kernel": (3, 3), "padding": ((0, 0), (0, 0))}),
    ("conv2d", (MAP,), {"filters": 9, "kernel": (3, 3), "groups": 3, "bias": True}),
    ("conv2d", (MAP,), {"filters": 6, "kernel": (1, 1), "groups": 2, "activation": "relu"}),
    ("conv2d", (MAP,), {"filters": 5, "kernel": (3, 3), "bias": True, "activation": "relu6"}),
    ("depthwise_conv2d", (MAP,), {"kernel": (3, 3)}),
    ("depthwise_conv2d", (MAP,), {"kernel": (5, 3), "strides": (2, 2), "bias": True}),
    ("depthwise_conv2d", (MAP,), {"kernel": (7, 7), "strides": (2, 2)}),
    ("depthwise_conv2d", (MAP,), {"kernel": (11, 11), "bias": True}),
    ("depthwise_conv2d", (MAP,), {"kernel": (3, 3), "dilations": (4, 4)}),
    ("depthwise_conv2d", (MAP,), {"kernel": (3, 3), "multiplier": 2, "bias": True}),
    ("depthwise_conv2d", (MAP,), {"kernel": (3, 3), "padding": UNEVEN, "strides": (2, 2)}),
    ("depthwise_conv2d", (MAP,), {"kernel": (3, 3), "activation": "relu"}),
    ("depthwise_conv2d", (MAP,), {"kernel": (3, 3), "bias": True, "activation": "relu6"}),
    ("dense", ((3, 8),), {"units": 5}),
    ("dense", ((3, 8),), {"units": 5, "bias": False, "activation": "relu"}),
    ("batch_norm", (MAP,), {"epsilon": 1e-3}),
    ("batch_norm", ((3, 8),), {"epsilon": 1e-3}),
    ("relu", (MAP,), {}),
    ("relu6", (MAP,), {}),
    ("sigmoid", (MAP,), {}),
    ("swish", (MAP,), {}),
    ("add", (MAP, MAP), {}),
    ("add", (MAP, (2, 1, 1, 6)), {"activation": "relu"}),
    ("add", ((3, 8), (3, 8)), {"activation": "relu6"}),
    ("mul", (MAP, MAP), {}),
    ("mul", (MAP, (2, 1, 1, 6)), {}),
    ("mul", (MAP, (1, 7, 9, 1)), {}),
    ("concat", (MAP, (2, 7, 9, 1)), {}),
    ("concat", (MAP, (2, 4, 9, 6), MAP), {"axis": 1}),
    ("concat", (MAP, (2, 7, 2, 6)), {"axis": 2}),
    ("concat", (MAP, (1, 7, 9, 6)), {"axis": 0}),
    ("concat", ((3, 8), (3, 2)), {"axis": 1}),
    ("split", (MAP,), {"sizes": (1, 3, 2)}),
    ("split", (MAP,), {"sizes": (2, 5), "axis": 1}),
    ("split", (MAP,), {"sizes": (8, 1), "axis": 2}),
    ("split", ((3, 8),), {"sizes": (5, 3), "axis": 1}),
    ("slice", (MAP,), {"begin": (0, 2, 3, 1), "size": (2, 4, 5, 3)}),
    ("slice", ((3, 8),), {"begin": (1, 2), "size": (2, 5)}),
    ("pad", (MAP,), {"paddings": ((0, 0), (1, 2), (3, 0), (0, 1))}),
    ("pad", ((3, 8),), {"paddings": ((1, 0), (0, 2))}),
    ("max_pool", (MAP,), {"kernel": (2, 3)}),
    ("max_pool", (MAP,), {"kernel": (3, 3), "strides": (2, 2), "padding": "same"}),
    ("max_pool", (MAP,), {"kernel": (3, 4), "padding": UNEVEN}),
    ("max_pool", (MAP,), {"kernel": (3, 3), "strides": (2, 2), "padding": "symmetric"}),
    ("avg_pool", (MAP,), {"kernel": (3, 3), "strides": (2, 2), "padding": "symmetric"}),
    ("avg_pool", (MAP,), {"kernel": (2, 3)}),
    ("avg_pool", (MAP,), {"kernel": (3, 3), "strides": (2, 2), "padding": "same"}),
    ("avg_pool", (MAP,), {"kernel": (3, 4), "strides": (2, 1), "padding": UNEVEN}),
    ("global_mean", (MAP,), {}),
    ("global_mean", (MAP,), {"keepdims": True}),
    ("reshape", (MAP,), {"shape": (2, 378)}),
    ("reshape", (MAP,), {"shape": (2, 9, 14, 3)}),
    ("reshape", ((3, 8),), {"shape": (3, 2, 2, 2)}),
    ("reshape", (MAP,), {"shape": (14, 9, 6)}),
    ("transpose", (MAP,), {"permutation": (0, 3, 1, 2)}),
    ("transpose", (MAP,), {"permutation": (3, 2, 1, 0)}),
    ("transpose", ((3, 8),), {"permutation": (1, 0)}),
    ("channel_shuffle", (MAP,), {"groups": 2}),
    ("channel_shuffle", (MAP,), {"groups": 3}),
]


def described(value: Any) -> str:
    return " ".join(f"{key}={each}" for key, each in value.items()) if value else "plain"


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("op", PLAIN)
def test_every_operator_has_an_emitter_in_every_writer(op: str, form: str) -> None:
    assert op in EMITTERS[form], f"{form} has no emitter for {op}"


@pytest.mark.parametrize("form", FORMATS)
def test_no_emitter_is_for_an_operator_that_does_not_exist_or_is_lowered(form: str) -> None:
    assert set(EMITTERS[form]) <= set(PLAIN)


@pytest.mark.parametrize("op", PLAIN)
def test_every_operator_is_among_the_cases_here(op: str) -> None:
    assert op in {case[0] for case in CASES}


@pytest.mark.parametrize(
    ("op", "shapes", "attributes"),
    [pytest.param(*case, id=f"{case[0]} {described(case[2])}") for case in CASES],
)
def test_both_writers_equal_the_oracle(
    op: str, shapes: tuple[tuple[int, ...], ...], attributes: dict[str, Any]
) -> None:
    assert_both_formats_equal_the_oracle(one_node(op, *shapes, **attributes))


PADDINGS = st.one_of(
    st.sampled_from(("same", "valid")),
    st.tuples(*[st.tuples(st.integers(0, 2), st.integers(0, 2))] * 2),
)
WINDOW = {
    "kernel": st.tuples(st.integers(1, 5), st.integers(1, 5)),
    "strides": st.tuples(st.integers(1, 3), st.integers(1, 3)),
    "padding": PADDINGS,
    "bias": st.booleans(),
    "activation": st.sampled_from((None, "relu", "relu6")),
}
SIZES = st.tuples(st.integers(6, 11), st.integers(6, 11))


@settings(max_examples=25, deadline=None)
@given(SIZES, st.integers(1, 3), st.fixed_dictionaries(WINDOW))
def test_any_window_of_a_convolution_equals_the_oracle(
    size: tuple[int, int], groups: int, attributes: dict[str, Any]
) -> None:
    shape = (1, *size, 2 * groups)
    model = one_node("conv2d", shape, filters=3 * groups, groups=groups, **attributes)
    assert_both_formats_equal_the_oracle(model)


@settings(max_examples=25, deadline=None)
@given(SIZES, st.integers(1, 3), st.booleans(), st.fixed_dictionaries(WINDOW))
def test_any_window_of_a_depthwise_convolution_equals_the_oracle(
    size: tuple[int, int], multiplier: int, dilated: bool, attributes: dict[str, Any]
) -> None:
    """Dilation with a stride has no meaning in TensorFlow, so they are not combined here."""
    if dilated:
        attributes = attributes | {"kernel": (3, 3), "strides": (1, 1), "dilations": (2, 2)}
    model = one_node("depthwise_conv2d", (1, *size, 4), multiplier=multiplier, **attributes)
    assert_both_formats_equal_the_oracle(model)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("op", COMPOSITE)
def test_a_composite_operator_asks_to_be_lowered_first(op: str, form: str) -> None:
    attributes: dict[str, Any] = {"channels": (2, 4)}
    if op == "grouped_conv2d":
        attributes |= {"filters": (2, 3), "kernel": (1, 1)}
    else:
        attributes |= {"kernels": ((3, 3), (5, 5)), "dilations": ((1, 1), (1, 1))}
    with pytest.raises(MixnetError, match=f"node: no .* form of {op}") as caught:
        FORMATS[form].write(one_node(op, MAP, **attributes))
    assert "lower" in caught.value.hint


def test_several_operators_may_share_a_tensor_and_a_graph_may_have_several_ends() -> None:
    builder = GraphBuilder("two-ends")
    x = builder.input("x", MAP)
    y = builder.add("relu", "y", x)
    z = builder.add("mul", "z", (x, y))
    model = Model(builder.build(z, y), {})

    assert_both_formats_equal_the_oracle(model)
