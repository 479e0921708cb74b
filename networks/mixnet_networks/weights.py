"""Weights of a graph: seeded, saved, loaded and checked.

A set of weights is a mapping from name to float32 array, named ``{node}.{role}`` as in the graph
before any lowering. Files are safetensors: reading one never executes code.
"""

import math
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_common import MixnetError, UsageError, write_whole
from mixnet_common.hashing import sha256_of_parts
from mixnet_common.readers import is_file, missing_file
from mixnet_networks import bfloat16
from mixnet_networks.graph import Graph, Node, Shape
from mixnet_networks.graph.reference import Array, evaluate
from mixnet_networks.graph.sizes import check_memory_for
from mixnet_networks.images.picture import PICTURE_SIZE, picture_input
from mixnet_networks.network import Network

Weights = dict[str, NDArray[np.float32]]

STATISTICS_BITS = 12
"""Significant bits of batch-norm statistics: a machine's order of summing, which differs in
the last of float64's 53, then cannot change them, and a seed gives the same weights everywhere."""

READABLE = ("F32", "F16", "BF16", "F64")
"""Element types of a file that are read, all as float32."""

_CONSTANTS = {"bias": 0.0, "beta": 0.0, "mean": 0.0, "variance": 1.0}


FEWEST_PLACES = 16
"""Places of a map from which statistics are taken channel by channel."""


def seeded_weights(network: Network, seed: int = 0) -> Weights:
    """Weights as the authors initialise them, with batch-norm statistics taken from the picture.

    Kernels are normal with variance 2 / fan_out, the classifier is uniform within
    1 / sqrt(classes); then the statistics of every batch norm are those of its input in a forward
    pass over the sample image, layer by layer, so that activations keep a sane scale however
    deep the network. They depend on the seed and the architecture alone, not on the resolution.
    """
    graph = network.at(resolution=PICTURE_SIZE, batch=1).graph
    check_memory_for(graph, np.dtype(np.float64).itemsize)
    return _set_statistics(graph, drawn_weights(graph, seed), network)


def drawn_weights(graph: Graph, seed: int = 0) -> Weights:
    """Weights as drawn, with batch norms that change nothing: enough to time a graph by."""
    return {
        name: _initial(name, node, role, shape, seed)
        for name, node, role, shape in graph.parameters()
    }


def _initial(name: str, node: Node, role: str, shape: Shape, seed: int) -> NDArray[np.float32]:
    kind = role.rpartition(".")[2]
    if kind == "gamma":
        return np.full(shape, node.attributes["initial_gamma"], np.float32)
    if kind in _CONSTANTS:
        return np.full(shape, _CONSTANTS[kind], np.float32)
    random = np.random.default_rng([seed, zlib.crc32(name.encode())])
    if len(shape) == 2:
        limit = 1 / math.sqrt(shape[1])
        return random.uniform(-limit, limit, shape).astype(np.float32)
    height, width, _, filters = shape
    deviation = math.sqrt(2 / (height * width * filters))
    return (random.standard_normal(shape) * deviation).astype(np.float32)


def _set_statistics(graph: Graph, weights: Weights, network: Network) -> Weights:
    exact: dict[str, Array] = {name: array.astype(np.float64) for name, array in weights.items()}

    def measure(node: Node, inputs: list[Array]) -> None:
        if node.op != "batch_norm":
            return
        for role, statistic in zip(("mean", "variance"), _statistics(inputs[0]), strict=True):
            name = node.parameter_name(role)
            weights[name] = _rounded(statistic).astype(np.float32)
            exact[name] = weights[name].astype(np.float64)

    image = picture_input(PICTURE_SIZE, network.preprocessing)
    evaluate(graph, exact, {graph.inputs[0].name: image.astype(np.float64)}, before=measure)
    return weights


def _statistics(x: Array) -> tuple[Array, Array]:
    """Mean and variance of each channel of a map (1, h, w, channels).

    Where there are too few places, as at a detector's end, where a single one would have no
    variance at all, the channels share what they have together.
    """
    *_, channels = x.shape
    if x.size // channels >= FEWEST_PLACES:
        return x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
    return np.full(channels, x.mean()), np.full(channels, x.var())


def _rounded(values: Array) -> Array:
    mantissa, exponent = np.frexp(values)
    scale = 2.0**STATISTICS_BITS
    return np.asarray(np.ldexp(np.round(mantissa * scale) / scale, exponent))


def weights_hash(weights: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 over all names, shapes and values, in the order of the names."""
    arrays = ((name, np.ascontiguousarray(weights[name], dtype="<f4")) for name in sorted(weights))
    return sha256_of_parts(
        part for name, array in arrays for part in (f"{name}{array.shape}", array.tobytes())
    )


def save_weights(path: Path, weights: Weights) -> None:
    """Write weights as ``.safetensors``, whole or not at all."""
    from safetensors.numpy import save

    write_whole(path, save({name: np.ascontiguousarray(weights[name]) for name in sorted(weights)}))


def load_weights(path: Path, graph: Graph) -> Weights:
    """Read the weights of a graph from ``.safetensors``, as float32.

    Raises UsageError if there is no such file, MixnetError if it is damaged or does not fit.
    """
    if path.suffix != ".safetensors":
        raise UsageError(f"cannot read weights from {path}", "give a .safetensors file")
    if not is_file(path):
        raise missing_file(path)
    weights = read_arrays(path)
    check_weights(graph, weights, str(path))
    return weights


def read_arrays(path: Path, wanted: Callable[[str], bool] = lambda name: True) -> Weights:
    """The wanted arrays of a ``.safetensors`` file as float32, of whatever network.

    Raises MixnetError if the file is damaged or stores one of them in another type.
    """
    from safetensors import SafetensorError, safe_open

    arrays, halves = {}, []
    try:
        with safe_open(path, framework="numpy") as file:
            for name in filter(wanted, file.keys()):
                kind = file.get_slice(name).get_dtype()
                if kind not in READABLE:
                    raise MixnetError(
                        f"{path} stores {name} as {kind}", f"save it as {', '.join(READABLE)}"
                    )
                if kind == bfloat16.KIND:
                    halves.append(name)
                    continue
                with np.errstate(over="ignore"):  # it becomes infinite, which is reported later
                    arrays[name] = file.get_tensor(name).astype(np.float32)
        arrays.update(bfloat16.read_bfloat16(path, halves) if halves else {})
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise MixnetError(
            f"{path} is not a complete .safetensors file: {error}", "copy or download it again"
        ) from error
    return arrays


def check_weights(graph: Graph, weights: Mapping[str, NDArray[Any]], where: str) -> None:
    """Raise MixnetError unless the arrays are exactly those of the graph, and can be such."""
    expected = {name: shape for name, _, _, shape in graph.parameters()}
    both = sorted(expected.keys() & weights.keys())
    problems = {
        "missing": sorted(expected.keys() - weights.keys()),
        "surplus": sorted(weights.keys() - expected.keys()),
        "misshaped": [
            f"{name} {weights[name].shape} for {expected[name]}"
            for name in both
            if weights[name].shape != expected[name]
        ],
        **impossible({name: weights[name] for name in both}),
    }
    if found := describe_problems(problems):
        raise MixnetError(
            f"{where} does not fit {graph.name}: {found}",
            "check the network's name, its --classes and its --multiplier",
        )


def impossible(weights: Mapping[str, NDArray[Any]]) -> dict[str, list[str]]:
    """Names of invalid arrays by their fault; names are ours."""
    return {
        NOT_FINITE: [name for name, array in weights.items() if not np.isfinite(array).all()],
        NEGATIVE: [
            name
            for name, array in weights.items()
            if name.endswith(".variance") and (array < 0).any()
        ],
    }


NOT_FINITE = "not finite"
NEGATIVE = "with a negative variance"


def describe_problems(problems: Mapping[str, Sequence[str]]) -> str:
    """Kinds of problems with the names that have them, in words; empty if there is none.

    >>> describe_problems({"missing": ["a", "b"], "surplus": []})
    '2 missing (a, b)'
    """
    return "; ".join(
        f"{len(names)} {kind} ({some(names)})" for kind, names in problems.items() if names
    )


def some(names: Iterable[str], most: int = 4) -> str:
    """The first few names, in words."""
    names = list(names)
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
