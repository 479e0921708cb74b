"""What the default lowerings promise of the shipped MixNets' files, whatever their weights."""

from collections.abc import Callable
from functools import cache
from math import prod
from pathlib import Path

import numpy as np
import pytest
from both_formats import load_narrow

from mixnet_export.lowering import DEFAULT, Model, find_plan, lower
from mixnet_export.lowering.taps import MOST_TAPS
from mixnet_export.writers import FORMATS
from mixnet_networks import load_network, network_names
from mixnet_runtimes import partitions, read_file

MIXNETS = ("mixnet-s", "mixnet-m", "mixnet-l")
GROWTH = 1.12
"""Zeros that stand for nothing make a file larger; so much is allowed for speed."""

Write = Callable[[str, str, str], bytes]


@pytest.fixture(scope="module")
def write() -> Write:
    """The content of a network's file: name, format, lowering. The weights are drawn."""

    @cache
    def model(name: str) -> Model:
        graph = load_narrow(name).graph
        random = np.random.default_rng(0)
        shapes = {name: shape for name, _, _, shape in graph.parameters()}
        return Model(
            graph,
            {name: random.random(shape, np.float32) + 0.5 for name, shape in shapes.items()},
        )

    @cache
    def content(name: str, form: str, lowering: str) -> bytes:
        return FORMATS[form].write(lower(model(name), find_plan(lowering, form)))

    return content


@pytest.mark.parametrize("name", network_names())
def test_the_default_tflite_file_runs_whole_in_one_partition(
    name: str, write: Write, tmp_path: Path
) -> None:
    path = tmp_path / "default.tflite"
    path.write_bytes(write(name, "tflite", DEFAULT))
    found = partitions(path)

    assert found.outside_kinds == {}
    assert (found.partitions, found.outside) == (1, 0)


@pytest.mark.parametrize("name", MIXNETS)
def test_the_literal_tflite_file_does_not(name: str, write: Write, tmp_path: Path) -> None:
    path = tmp_path / "reference.tflite"
    path.write_bytes(write(name, "tflite", "reference"))
    found = partitions(path)

    assert found.partitions is not None
    assert found.partitions > 10
    assert "SPLIT_V" in found.outside_kinds


@pytest.mark.parametrize("name", MIXNETS)
def test_xnnpack_gets_no_depthwise_kernel_that_it_has_no_microkernel_for(name: str) -> None:
    graph = load_network(name).graph
    model = Model(graph, {key: np.ones(shape, "f4") for key, _, _, shape in graph.parameters()})
    nodes = lower(model, find_plan(DEFAULT, "tflite")).graph.nodes
    taps = {prod(node.attributes["kernel"]) for node in nodes if node.op == "depthwise_conv2d"}

    assert max(taps) <= MOST_TAPS


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", MIXNETS)
def test_a_default_file_is_hardly_larger_than_the_literal_one(
    name: str, form: str, write: Write
) -> None:
    assert len(write(name, form, DEFAULT)) <= GROWTH * len(write(name, form, "reference"))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", MIXNETS)
def test_a_default_file_has_no_split(name: str, form: str, write: Write, tmp_path: Path) -> None:
    path = tmp_path / f"default.{form}"
    path.write_bytes(write(name, form, DEFAULT))

    assert not [each.name for each in read_file(path).operators if "SPLIT" in each.kind.upper()]
