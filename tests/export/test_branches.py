"""Mixed convolutions in branches: whatever stands around them, the block computes the same."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from both_formats import random_weights
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from lowered import assert_unchanged, assert_written_unchanged, delegation, operators

from mixnet_export.lowering import Model
from mixnet_export.lowering.branches import branch_mixed
from mixnet_export.lowering.groups import expand_groups, join_groups
from mixnet_networks import GraphBuilder
from mixnet_networks.architecture.partition import equal_partition


def branched(model: Model, *, sums: bool = True, dense: bool = False) -> Model:
    """Every mixed convolution in branches; groups that are left, as the writers need them."""
    model = branch_mixed(model, lambda node: True, lambda node: sums, lambda node: dense)
    return expand_groups(join_groups(model, lambda node: "grouped"))


# Blocks of all kinds


@dataclass
class Drawer:
    """Appends drawn operators one after the other; any tensor may become an output as well."""

    draw: st.DrawFn
    builder: GraphBuilder
    x: str
    outputs: list[str]

    def add(self, op: str, name: str, inputs: tuple[str, ...] = (), **attributes: Any) -> None:
        self.x = self.builder.add(op, name, inputs or self.x, **attributes)

    @property
    def channels(self) -> int:
        return self.builder.shape(self.x)[3]

    def partition(self, most: int = 4) -> tuple[int, ...]:
        """Uneven groups of the channels there are."""
        count = self.draw(st.integers(2, most))
        cuts = sorted(self.draw(st.permutations(range(1, self.channels)))[: count - 1])
        bounds = [0, *cuts, self.channels]
        return tuple(end - start for start, end in pairwise(bounds))

    def convolution(self, name: str, filters: int) -> None:
        """Whole, in equal groups, in uneven ones, or none."""
        common = {"bias": self.draw(st.booleans()), "activation": self.draw(FUSED)}
        kind = self.draw(st.sampled_from(("none", "dense", "equal", "grouped", "window")))
        filters += filters % 2
        window: dict[str, Any] = {"kernel": (3, 3), "strides": (2, 2)}
        if kind == "grouped":
            parts = self.partition()
            sizes = equal_partition(filters, len(parts))
            self.add("grouped_conv2d", name, channels=parts, filters=sizes, kernel=(1, 1), **common)
        elif kind != "none":
            groups = 2 if kind == "equal" and self.channels % 2 == 0 else 1
            shape = window if kind == "window" else {"kernel": (1, 1)}
            self.add("conv2d", name, filters=filters, groups=groups, **shape, **common)

    def activations(self, name: str) -> None:
        for index, op in enumerate(self.draw(st.lists(ACTIVATIONS, max_size=2))):
            self.add(op, f"{name}.act{index}")

    def mixed(self, name: str) -> None:
        channels = self.partition()
        kernels = self.draw(st.tuples(*[st.sampled_from((1, 2, 3, 5))] * len(channels)))
        stride = self.draw(st.integers(1, 2))
        self.add(
            "mixed_depthwise_conv2d",
            name,
            channels=channels,
            kernels=tuple((kernel, kernel) for kernel in kernels),
            dilations=tuple((self.draw(st.integers(1, 3 - stride)),) * 2 for _ in kernels),
            strides=(stride, stride),
            multiplier=self.draw(st.integers(1, 2)),
            bias=self.draw(st.booleans()),
            activation=self.draw(FUSED),
        )

    def squeeze_excite(self, name: str) -> None:
        whole = self.x
        self.add("global_mean", f"{name}.mean", keepdims=True)
        channels = self.channels
        self.add("conv2d", f"{name}.reduce", filters=3, kernel=(1, 1), bias=True)
        self.add("conv2d", f"{name}.expand", filters=channels, kernel=(1, 1), bias=True)
        self.add("sigmoid", f"{name}.gate")
        swapped = self.draw(st.booleans())
        self.add("mul", f"{name}.scale", (self.x, whole) if swapped else (whole, self.x))

    def reader(self, name: str) -> None:
        """Sometimes somebody else reads what there is, or it is an output of the graph."""
        kind = self.draw(st.sampled_from(("no", "no", "no", "output", "mean", "conv", "twice")))
        if kind == "output" and self.x not in self.outputs:
            self.outputs.append(self.x)
        elif kind == "mean":
            self.outputs.append(self.builder.add("global_mean", f"{name}.other", self.x))
        elif kind == "conv":
            other = self.builder.add("conv2d", f"{name}.other", self.x, filters=3, kernel=(1, 1))
            self.outputs.append(other)
        elif kind == "twice":
            self.add("mul", f"{name}.square", (self.x, self.x))


FUSED = st.sampled_from((None, None, "relu"))
ACTIVATIONS = st.sampled_from(("relu", "swish", "sigmoid"))


@st.composite
def blocks(draw: st.DrawFn) -> Model:
    """One or two mixed convolutions with any of a block's parts around them."""
    builder = GraphBuilder("block")
    shape = (draw(st.integers(1, 2)), draw(st.integers(3, 7)), draw(st.integers(3, 7)), 6)
    drawer = Drawer(draw, builder, builder.input("x", shape), [])
    for index in range(draw(st.integers(1, 2))):
        start = drawer.x
        drawer.convolution(f"b{index}.expand", draw(st.integers(5, 8)))
        drawer.activations(f"b{index}.expand")
        drawer.reader(f"b{index}.expand")
        drawer.mixed(f"b{index}.depthwise")
        drawer.reader(f"b{index}.depthwise")
        drawer.activations(f"b{index}.depthwise")
        if draw(st.booleans()):
            drawer.squeeze_excite(f"b{index}.se")
        drawer.reader(f"b{index}.se")
        drawer.convolution(f"b{index}.project", 6)
        if builder.shape(start) == builder.shape(drawer.x) and draw(st.booleans()):
            drawer.add("add", f"b{index}.skip", (drawer.x, start))
    outputs = [*drawer.outputs, *({drawer.x} - {*drawer.outputs, "x"})]
    graph = builder.build(*outputs)
    return Model(graph, random_weights(graph))


@settings(max_examples=200, deadline=None)
@given(blocks(), st.booleans(), st.booleans())
def test_any_block_in_branches_equals_the_block(model: Model, sums: bool, dense: bool) -> None:
    assert_unchanged(model, branched(model, sums=sums, dense=dense))


@settings(max_examples=40, deadline=None, phases=set(Phase) - {Phase.shrink, Phase.explain})
@given(blocks(), st.booleans(), st.booleans())
def test_any_block_in_branches_is_written_as_the_oracle_computes_it(
    model: Model, sums: bool, dense: bool
) -> None:
    """Several convolutions deep, so rounding adds up; shrinking files would take minutes."""
    assert_written_unchanged(model, branched(model, sums=sums, dense=dense), 1e-4)


# What becomes of a block


def built(*steps: tuple[str, str, dict[str, Any]], size: int = 8, channels: int = 6) -> Model:
    """Operators one after the other, by name; the last one's output is the graph's."""
    builder = GraphBuilder("block")
    x = builder.input("x", (1, size, size, channels))
    for op, name, attributes in steps:
        x = builder.add(op, name, x, **attributes)
    graph = builder.build(x)
    return Model(graph, random_weights(graph))


def mixed(name: str, *channels: int, **attributes: Any) -> tuple[str, str, dict[str, Any]]:
    """Kernels 3x3, 5x5 and so on, for so many channels each."""
    kernels = tuple((3 + 2 * index,) * 2 for index in range(len(channels)))
    shape = {"channels": channels, "kernels": kernels, "dilations": ((1, 1),) * len(channels)}
    return "mixed_depthwise_conv2d", name, shape | attributes


def pointwise(name: str, filters: int, **attributes: Any) -> tuple[str, str, dict[str, Any]]:
    return "conv2d", name, {"filters": filters, "kernel": (1, 1)} | attributes


def grouped(
    name: str, channels: tuple[int, ...], filters: tuple[int, ...]
) -> tuple[str, str, dict[str, Any]]:
    return "grouped_conv2d", name, {"channels": channels, "filters": filters, "kernel": (1, 1)}


def names(model: Model) -> list[str]:
    return [node.name for node in model.graph.nodes]


def test_a_block_of_the_papers_needs_no_split_and_no_concat() -> None:
    model = built(pointwise("expand", 8), mixed("depthwise", 4, 4), pointwise("project", 5))
    after = branched(model)

    assert names(after) == [
        "expand.k3",
        "expand.k5",
        "depthwise.k3",
        "depthwise.k5",
        "project.k3",
        "project.k5",
        "project",
    ]
    assert operators(after) == ["conv2d"] * 2 + ["depthwise_conv2d"] * 2 + ["conv2d"] * 2 + ["add"]
    assert_unchanged(model, after)


def test_branches_can_end_in_a_concat_instead_of_a_sum() -> None:
    model = built(pointwise("expand", 8), mixed("depthwise", 4, 4), pointwise("project", 5))
    after = branched(model, sums=False)

    assert operators(after)[-2:] == ["concat", "conv2d"]
    assert_unchanged(model, after)


def test_without_a_convolution_before_it_the_input_is_sliced() -> None:
    model = built(mixed("depthwise", 2, 4), pointwise("project", 5))
    after = branched(model)

    assert operators(after)[:2] == ["slice", "slice"]
    assert_unchanged(model, after)


def test_an_expansion_that_somebody_else_reads_is_computed_whole() -> None:
    builder = GraphBuilder("block")
    x = builder.add("conv2d", "expand", builder.input("x", (1, 5, 5, 3)), filters=6, kernel=(1, 1))
    _, name, attributes = mixed("depthwise", 2, 4)
    y = builder.add("mixed_depthwise_conv2d", name, x, **attributes)
    graph = builder.build(builder.add("add", "skip", (y, x)))
    model = Model(graph, random_weights(graph))
    after = branched(model)

    assert operators(after).count("conv2d") == 1
    assert operators(after).count("slice") == 2
    assert_unchanged(model, after)


def test_a_grouped_expansion_reads_only_the_channels_that_it_needs() -> None:
    model = built(grouped("expand", (3, 3), (4, 4)), mixed("depthwise", 4, 4))
    kernels = {
        node.name: node.parameters["kernel"]
        for node in branched(model).graph.nodes
        if node.op == "conv2d"
    }

    assert kernels == {"expand.k3": (1, 1, 3, 4), "expand.k5": (1, 1, 3, 4)}


@pytest.mark.parametrize(
    ("channels", "count"), [((6, 6), 2), ((3, 9), 3), ((5, 4, 3), 4), ((4, 4, 4), 4)]
)
def test_a_grouped_projection_reads_a_part_once_for_each_group_that_it_lies_in(
    channels: tuple[int, ...], count: int
) -> None:
    model = built(mixed("depthwise", *channels), grouped("project", (6, 6), (2, 3)), channels=12)
    after = branched(model)

    assert operators(after).count("conv2d") == count
    assert_unchanged(model, after)
    assert operators(branched(model, dense=True)).count("conv2d") == len(channels)
    assert_unchanged(model, branched(model, dense=True))


def test_two_mixed_convolutions_in_a_row_may_be_cut_in_different_places() -> None:
    relu = ("relu", "relu", {})
    model = built(mixed("first", 2, 4), relu, mixed("second", 3, 2, 1), channels=6)

    assert_unchanged(model, branched(model))


def test_an_output_that_existed_in_parts_keeps_its_name() -> None:
    model = built(pointwise("expand", 8), mixed("depthwise", 4, 4))
    after = branched(model)

    assert after.graph.outputs == ("depthwise",)
    assert_written_unchanged(model, after)


@pytest.mark.parametrize("channels", [1, 6])
def test_parts_can_be_multiplied_by_one_channel_or_by_as_many(channels: int) -> None:
    builder = GraphBuilder("block")
    x, gate = builder.input("x", (1, 5, 5, 6)), builder.input("gate", (1, 1, 1, channels))
    _, name, attributes = mixed("depthwise", 2, 4)
    y = builder.add("mixed_depthwise_conv2d", name, x, **attributes)
    graph = builder.build(builder.add("mul", "scaled", (y, gate)))
    model = Model(graph, random_weights(graph))

    assert_written_unchanged(model, branched(model))


def test_a_mixed_convolution_that_is_not_chosen_stays() -> None:
    model = built(mixed("first", 2, 4), pointwise("between", 6), mixed("second", 3, 3))
    after = branch_mixed(model, lambda node: node.name == "second", lambda node: True)

    assert operators(after)[0] == "mixed_depthwise_conv2d"
    assert operators(after).count("mixed_depthwise_conv2d") == 1
    assert_unchanged(model, after)


@pytest.mark.parametrize("sums", [True, False])
@pytest.mark.parametrize("groups", [2, 3, 4, 5, 6, 8])
def test_any_number_of_branches_runs_in_one_partition(groups: int, sums: bool) -> None:
    """With squeeze-and-excite, whose means are joined, and with or without a joined output."""
    channels = (2,) * groups
    builder = GraphBuilder("block")
    x = builder.input("x", (1, 7, 7, 6))
    x = builder.add("conv2d", "expand", x, filters=2 * groups, kernel=(1, 1))
    _, _, attributes = mixed("depthwise", *channels)
    attributes["kernels"] = ((3, 3),) * groups
    x = builder.add("mixed_depthwise_conv2d", "depthwise", x, **attributes)
    mean = builder.add("global_mean", "mean", x, keepdims=True)
    gate = builder.add("conv2d", "gate", mean, filters=2 * groups, kernel=(1, 1))
    x = builder.add("mul", "scale", (x, gate))
    graph = builder.build(builder.add("conv2d", "project", x, filters=5, kernel=(1, 1)))
    model = Model(graph, random_weights(graph))
    after = branched(model, sums=sums)
    found = delegation(after)

    assert found.outside_kinds == {}
    assert found.partitions == 1
    assert_written_unchanged(model, after)
