"""The operator table: complete, and its shape rules true to what the oracle computes."""

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixnet_common import MixnetError
from mixnet_networks import Graph, GraphBuilder, load_network, network_names
from mixnet_networks.graph.operators import OPERATORS, TRAINABLE, infer, is_trainable, macs
from mixnet_networks.graph.parameters import group_names
from mixnet_networks.graph.reference import FUNCTIONS, evaluate

Case = tuple[list[tuple[int, ...]], dict[str, Any]]
"""The inputs' shapes and the attributes of one application of an operator."""

SIZES = st.integers(1, 7)
SMALL = st.integers(1, 3)
PAIRS = st.tuples(SMALL, SMALL)
MAPS = st.tuples(st.integers(1, 2), SIZES, SIZES, st.integers(1, 6))
ANY_SHAPES = st.lists(SMALL, min_size=1, max_size=4).map(tuple)
PARTS = st.lists(SMALL, min_size=1, max_size=3).map(tuple)


@st.composite
def windows(draw: st.DrawFn) -> dict[str, Any]:
    paddings = st.tuples(st.tuples(SMALL, SMALL), st.tuples(SMALL, SMALL))
    return {
        "strides": draw(PAIRS),
        "padding": draw(st.one_of(st.sampled_from(["same", "valid"]), paddings)),
    }


def finishing() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"bias": st.booleans(), "activation": st.sampled_from([None, "relu", "relu6"])}
    )


@st.composite
def conv2d(draw: st.DrawFn) -> Case:
    groups = draw(SMALL)
    batch, height, width, channels = draw(MAPS)
    return [(batch, height, width, channels * groups)], {
        "filters": groups * draw(SMALL),
        "kernel": draw(PAIRS),
        "dilations": draw(PAIRS),
        "groups": groups,
        **draw(windows()),
        **draw(finishing()),
    }


@st.composite
def depthwise_conv2d(draw: st.DrawFn) -> Case:
    return [draw(MAPS)], {
        "kernel": draw(PAIRS),
        "dilations": draw(PAIRS),
        "multiplier": draw(SMALL),
        **draw(windows()),
        **draw(finishing()),
    }


@st.composite
def grouped_conv2d(draw: st.DrawFn) -> Case:
    parts = draw(PARTS)
    return [(*draw(MAPS)[:3], sum(parts))], {
        "channels": parts,
        "filters": tuple(draw(SMALL) for _ in parts),
        "kernel": draw(PAIRS),
        **draw(windows()),
        **draw(finishing()),
    }


@st.composite
def mixed_depthwise_conv2d(draw: st.DrawFn) -> Case:
    parts = draw(PARTS)
    return [(*draw(MAPS)[:3], sum(parts))], {
        "channels": parts,
        "kernels": tuple((k, k) for k in (draw(st.integers(1, 5)) for _ in parts)),
        "dilations": tuple((d, d) for d in (draw(SMALL) for _ in parts)),
        "multiplier": draw(SMALL),
        "strides": draw(PAIRS),
        **draw(finishing()),
    }


@st.composite
def broadcasting(draw: st.DrawFn) -> list[tuple[int, ...]]:
    shape = draw(ANY_SHAPES)
    return [tuple(draw(st.sampled_from([1, size])) for size in shape) for _ in range(2)]


@st.composite
def concat(draw: st.DrawFn) -> Case:
    shape = draw(ANY_SHAPES)
    axis = draw(st.integers(0, len(shape) - 1))
    shapes = [(*shape[:axis], size, *shape[axis + 1 :]) for size in draw(PARTS)]
    return shapes, {"axis": axis}


@st.composite
def split(draw: st.DrawFn) -> Case:
    shape, sizes = draw(ANY_SHAPES), draw(PARTS)
    axis = draw(st.integers(0, len(shape) - 1))
    return [(*shape[:axis], sum(sizes), *shape[axis + 1 :])], {"axis": axis, "sizes": sizes}


@st.composite
def slice_(draw: st.DrawFn) -> Case:
    shape = draw(ANY_SHAPES)
    begin = tuple(draw(st.integers(0, size - 1)) for size in shape)
    size = tuple(draw(st.integers(1, n - b)) for n, b in zip(shape, begin, strict=True))
    return [shape], {"begin": begin, "size": size}


@st.composite
def pad(draw: st.DrawFn) -> Case:
    shape = draw(ANY_SHAPES)
    margin = st.integers(0, 2)
    return [shape], {"paddings": tuple((draw(margin), draw(margin)) for _ in shape)}


@st.composite
def pool(draw: st.DrawFn) -> Case:
    return [draw(MAPS)], {
        "kernel": draw(PAIRS),
        "strides": draw(PAIRS),
        "padding": draw(st.sampled_from(["same", "valid"])),
    }


@st.composite
def reshape(draw: st.DrawFn) -> Case:
    shape = draw(ANY_SHAPES)
    order = tuple(draw(st.permutations(shape)))
    return [shape], {"shape": draw(st.sampled_from([order, (prod(shape),), (1, *shape)]))}


@st.composite
def transpose(draw: st.DrawFn) -> Case:
    shape = draw(ANY_SHAPES)
    return [shape], {"permutation": tuple(draw(st.permutations(range(len(shape)))))}


def elementwise(**attributes: st.SearchStrategy[Any]) -> st.SearchStrategy[Case]:
    return st.tuples(ANY_SHAPES.map(lambda shape: [shape]), st.fixed_dictionaries(attributes))


CASES: Mapping[str, st.SearchStrategy[Case]] = {
    "conv2d": conv2d(),
    "depthwise_conv2d": depthwise_conv2d(),
    "grouped_conv2d": grouped_conv2d(),
    "mixed_depthwise_conv2d": mixed_depthwise_conv2d(),
    "dense": st.tuples(
        st.tuples(SMALL, SIZES).map(lambda shape: [shape]),
        st.tuples(SMALL, finishing()).map(lambda drawn: {"units": drawn[0], **drawn[1]}),
    ),
    "batch_norm": elementwise(epsilon=st.just(1e-3)),
    "relu": elementwise(),
    "relu6": elementwise(),
    "sigmoid": elementwise(),
    "swish": elementwise(),
    "add": st.tuples(
        broadcasting(),
        st.fixed_dictionaries({"activation": st.sampled_from([None, "relu", "relu6"])}),
    ),
    "mul": st.tuples(broadcasting(), st.just({})),
    "concat": concat(),
    "split": split(),
    "slice": slice_(),
    "pad": pad(),
    "max_pool": pool(),
    "avg_pool": pool(),
    "global_mean": st.tuples(
        MAPS.map(lambda shape: [shape]), st.fixed_dictionaries({"keepdims": st.booleans()})
    ),
    "reshape": reshape(),
    "transpose": transpose(),
    "channel_shuffle": st.tuples(MAPS, st.integers(1, 4)).map(
        lambda drawn: ([(*drawn[0][:3], drawn[0][3] * drawn[1])], {"groups": drawn[1]})
    ),
}


def one_node(op: str, case: Case) -> Graph | None:
    """A graph of one node; None where the drawn window does not fit the drawn map."""
    shapes, attributes = case
    builder = GraphBuilder("one")
    inputs = tuple(builder.input(f"x{index}", shape) for index, shape in enumerate(shapes))
    try:
        return builder.build(*builder.add_node(op, "node", inputs, **attributes).outputs)
    except MixnetError as error:
        if "window does not fit" in error.message or "differ in output size" in error.message:
            return None
        raise


@pytest.mark.parametrize("op", OPERATORS)
def test_every_operator_has_a_reference_function_and_a_case_here(op: str) -> None:
    assert op in FUNCTIONS
    assert op in CASES


def test_no_reference_function_is_without_an_operator() -> None:
    assert set(FUNCTIONS) == set(OPERATORS)


@pytest.mark.parametrize("name", network_names())
def test_shipped_networks_use_operators_of_the_table_only(name: str) -> None:
    assert {node.op for node in load_network(name).graph.nodes} <= set(OPERATORS)


@pytest.mark.parametrize("op", OPERATORS)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_the_shape_rule_says_what_the_oracle_computes(op: str, data: st.DataObject) -> None:
    graph = one_node(op, data.draw(CASES[op]))
    if graph is None:
        return
    weights: dict[str, Any] = {name: np.ones(shape) for name, _, _, shape in graph.parameters()}
    inputs = {tensor.name: np.ones(tensor.shape) for tensor in graph.inputs}

    outputs = evaluate(graph, weights, inputs)

    assert {name: array.shape for name, array in outputs.items()} == {
        name: graph.shape(name) for name in graph.outputs
    }


@pytest.mark.parametrize("op", OPERATORS)
@given(data=st.data())
@settings(max_examples=10, deadline=None)
def test_the_oracle_keeps_the_float_type_it_is_given(op: str, data: st.DataObject) -> None:
    graph = one_node(op, data.draw(CASES[op]))
    if graph is None:
        return
    weights: dict[str, Any] = {
        name: np.ones(shape, np.float32) for name, _, _, shape in graph.parameters()
    }
    inputs = {tensor.name: np.ones(tensor.shape, np.float32) for tensor in graph.inputs}

    assert {array.dtype for array in evaluate(graph, weights, inputs).values()} == {
        np.dtype(np.float32)
    }


CONVOLUTIONS = ["conv2d", "depthwise_conv2d", "grouped_conv2d", "mixed_depthwise_conv2d", "dense"]


@pytest.mark.parametrize("op", OPERATORS)
@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_only_convolutions_and_dense_layers_cost_macs(op: str, data: st.DataObject) -> None:
    graph = one_node(op, data.draw(CASES[op]))
    if graph is not None:
        assert (macs(graph.nodes[0], graph) > 0) == (op in CONVOLUTIONS)


@pytest.mark.parametrize(
    ("op", "shape", "attributes", "expected"),
    [
        # 4 x 4 outputs, 3 x 3 taps, 4 of 8 channels each, 6 filters; twice for the batch
        (
            "conv2d",
            (2, 8, 8, 8),
            {"filters": 6, "groups": 2, "strides": (2, 2)},
            16 * 9 * 4 * 6 * 2,
        ),
        ("depthwise_conv2d", (1, 8, 8, 8), {"multiplier": 2}, 64 * 9 * 8 * 2),
        ("grouped_conv2d", (1, 8, 8, 5), {"channels": (3, 2), "filters": (4, 1)}, 64 * 9 * 14),
        (
            "mixed_depthwise_conv2d",
            (1, 8, 8, 5),
            {"channels": (3, 2), "kernels": ((3, 3), (5, 5)), "dilations": ((1, 1), (1, 1))},
            64 * (9 * 3 + 25 * 2),
        ),
        ("dense", (2, 5), {"units": 7}, 2 * 5 * 7),
    ],
)
def test_macs_of_a_worked_example(
    op: str, shape: tuple[int, ...], attributes: dict[str, Any], expected: int
) -> None:
    if "kernel" in OPERATORS[op].attributes:
        attributes = {"kernel": (3, 3), **attributes}
    graph = one_node(op, ([shape], attributes))
    assert graph is not None

    assert macs(graph.nodes[0], graph) == expected


WRONG: list[tuple[str, list[tuple[int, ...]], dict[str, Any], str]] = [
    ("conv3d", [(1, 2, 2, 1)], {}, "there is no operator conv3d"),
    ("relu", [(1, 2)], {"slope": 1}, r"unknown attributes \['slope'\]"),
    ("conv2d", [(1, 2, 2, 1)], {"kernel": (1, 1)}, r"missing attributes \['filters'\]"),
    ("conv2d", [(1, 2, 2, 3)], {"kernel": (1, 1), "filters": 4, "groups": 2}, "3 to 4 channels"),
    ("add", [(1, 2), (1, 3)], {}, "cannot broadcast"),
    ("mul", [(1, 2), (2,)], {}, "cannot combine shapes"),
    ("concat", [(1, 2, 2, 1), (1, 3, 2, 1)], {}, "cannot concatenate"),
    ("split", [(1, 1, 1, 4)], {"sizes": (1, 2)}, "do not partition 4 channels"),
    ("split", [(1, 1, 1, 4)], {"sizes": (0, 4)}, "do not partition 4 channels"),
    ("slice", [(4,)], {"begin": (2,), "size": (3,)}, "results in the shape"),
    ("reshape", [(2, 3)], {"shape": (4, 2)}, "cannot reshape"),
    ("channel_shuffle", [(1, 2, 2, 6)], {"groups": 4}, "6 channels do not divide into 4 groups"),
    (
        "mixed_depthwise_conv2d",
        [(1, 8, 8, 2)],
        {
            "channels": (1, 1),
            "kernels": ((3, 3), (5, 5)),
            "dilations": ((1, 1),) * 2,
            "padding": "valid",
        },
        "differ in output size",
    ),
]


@pytest.mark.parametrize(("op", "shapes", "attributes", "message"), WRONG)
def test_what_does_not_fit_is_refused_with_the_node_named(
    op: str, shapes: list[tuple[int, ...]], attributes: dict[str, Any], message: str
) -> None:
    with pytest.raises(MixnetError, match=f"^my-node: {message}|^my-node: .*{message}"):
        infer(op, "my-node", tuple(shapes), attributes)


def test_batch_norm_statistics_are_not_trainable_and_all_else_is() -> None:
    assert [is_trainable(role) for role in ("mean", "variance")] == [False, False]
    assert all(is_trainable(role) for role in (*TRAINABLE, "k3.kernel", "g1.kernel"))


def test_groups_are_named_by_the_kernel_they_stand_for() -> None:
    def names(*kernels: int, dilations: tuple[int, ...]) -> tuple[str, ...]:
        return group_names(
            {"kernels": [(k, k) for k in kernels], "dilations": [(d, d) for d in dilations]}
        )

    assert names(3, 5, dilations=(1, 1)) == ("k3", "k5")
    assert names(3, 3, dilations=(1, 3)) == ("k3", "k7")
    assert names(3, 3, dilations=(1, 1)) == ("k3.g0", "k3.g1")
    assert group_names({"channels": (4, 4)}) == ("g0", "g1")
