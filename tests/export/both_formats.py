"""One oracle, two writers: a model run by the numpy evaluator and as a file of each format."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_export.lowering import Model
from mixnet_export.writers import FORMATS, Format
from mixnet_export.writers.onnx_graph import TO_NHWC
from mixnet_networks import Graph, GraphBuilder, Network, load_network
from mixnet_networks.graph.reference import evaluate
from mixnet_runtimes import open_session

Array = NDArray[Any]

NARROWER = {"resnet-152": 0.25}
"""Multipliers of networks too large for a test of every network; their layers are the same."""


def load_narrow(name: str, **sizes: int) -> Network:
    """A shipped network, narrower where it is very large."""
    return load_network(name, multiplier=NARROWER.get(name), **sizes)


def one_node(op: str, *shapes: tuple[int, ...], **attributes: Any) -> Model:
    """A model of a single operator, called ``node``, over inputs ``x0``, ``x1`` and so on."""
    builder = GraphBuilder("tiny")
    inputs = tuple(builder.input(f"x{index}", shape) for index, shape in enumerate(shapes))
    node = builder.add_node(op, "node", inputs, **attributes)
    graph = builder.build(*node.outputs)
    return Model(graph, random_weights(graph))


def random_weights(graph: Graph, seed: int = 0) -> dict[str, Array]:
    """An array for every parameter; variances are positive, as a batch norm needs them."""
    random = np.random.default_rng(seed)
    return {
        name: (np.abs(draw) + 0.5 if role.endswith("variance") else draw).astype(np.float32)
        for name, _, role, shape in graph.parameters()
        for draw in [random.normal(size=shape)]
    }


def random_inputs(graph: Graph, seed: int = 1) -> dict[str, Array]:
    """Values on both sides of 0, some beyond 6."""
    random = np.random.default_rng(seed)
    return {
        tensor.name: (random.normal(size=tensor.shape) * 4).astype(np.float32)
        for tensor in graph.inputs
    }


def oracle(model: Model, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """The outputs that the evaluator computes in float64."""
    weights = {name: array.astype(np.float64) for name, array in model.weights.items()}
    exact = {name: array.astype(np.float64) for name, array in inputs.items()}
    results = evaluate(model.graph, weights, exact)
    return {name: results[name] for name in model.graph.outputs}


def run_file(content: bytes, form: Format, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Run a file's content on NHWC inputs; its outputs, NHWC too."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"model{form.suffix}")
        path.write_bytes(content)
        session = open_session(path)
        results = session.run({name: _to_file(form, array) for name, array in inputs.items()})
        del session  # Windows can't remove a file that is open
    return {name: _from_file(form, array) for name, array in results.items()}


def assert_both_formats_equal_the_oracle(model: Model, tolerance: float = 1e-5) -> None:
    """Relative to the largest value; refuses to compare outputs that prove nothing."""
    inputs = random_inputs(model.graph)
    expected = oracle(model, inputs)
    for name, values in expected.items():
        assert values.std() > 1e-2 * np.abs(values).max(), f"{name} is degenerate"
    for form in FORMATS.values():
        found = run_file(form.write(model), form, inputs)
        assert list(found) == list(expected)
        for name, values in expected.items():
            assert found[name].shape == values.shape, (form.name, name)
            difference = np.abs(found[name] - values).max() / np.abs(values).max()
            assert difference < tolerance, (form.name, name, difference)


def _to_file(form: Format, array: Array) -> Array:
    return form.from_nhwc(array) if array.ndim == 4 else array


def _from_file(form: Format, array: Array) -> Array:
    return array.transpose(TO_NHWC) if array.ndim == 4 and form.layout == "NCHW" else array
