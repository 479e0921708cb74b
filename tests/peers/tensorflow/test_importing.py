"""The authors' checkpoints, written by TensorFlow 1's own saver, imported again.

The variables are made anew here, scope by scope, as the authors' model makes them. What a layer is
called is left to TensorFlow's rules: every layer takes the next free name of its kind.
"""

import itertools
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner

from mixnet_common import MixnetError
from mixnet_export.cli import main
from mixnet_networks import Network, load_network
from mixnet_networks.importing import import_weights
from mixnet_networks.weights import weights_hash

v1 = tf.compat.v1

Arrays = dict[str, Any]
Name = Callable[[str, str], str]
"""The name of the next layer of a kind in a scope."""

# The rows of MixNet-S: how often, kernels, groups of the expansion and the projection, whether the
# block expands, whether it squeezes. Copied by hand from Figure 8, not from our architecture.
ROWS = [
    (1, (3,), 1, 1, False, False),
    (1, (3,), 2, 2, True, False),
    (1, (3,), 2, 2, True, False),
    (1, (3, 5, 7), 1, 1, True, True),
    (3, (3, 5), 2, 2, True, True),
    (1, (3, 5, 7), 1, 2, True, True),
    (2, (3, 5), 1, 2, True, True),
    (1, (3, 5, 7), 2, 2, True, True),
    (2, (3, 5, 7, 9), 2, 2, True, True),
    (1, (3, 5, 7, 9, 11), 1, 1, True, True),
    (2, (3, 5, 7, 9), 1, 2, True, True),
]

Layer = tuple[str, str, tuple[tuple[str, str], ...]]
"""Scope, kind, and pairs of variable and our name."""

NORM = ("gamma", "beta", ("moving_mean", "mean"), ("moving_variance", "variance"))


def norm(scope: str, ours: str) -> Layer:
    roles = [each if isinstance(each, tuple) else (each, each) for each in NORM]
    return (
        scope,
        "batch_normalization",
        tuple((theirs, f"{ours}.norm.{role}") for theirs, role in roles),
    )


def convolutions(scope: str, ours: str, groups: int) -> Iterator[Layer]:
    for group in range(groups):
        part = f".g{group}" if groups > 1 else ""
        yield scope, "conv2d", (("kernel", f"{ours}{part}.kernel"),)


def depthwise(scope: str, ours: str, kernels: tuple[int, ...]) -> Iterator[Layer]:
    for kernel in kernels:
        part = f".k{kernel}" if len(kernels) > 1 else ""
        yield scope, "depthwise_conv2d", (("depthwise_kernel", f"{ours}{part}.kernel"),)


def block(scope: str, ours: str, row: Any) -> Iterator[Layer]:
    _, kernels, expand_groups, project_groups, expands, squeezes = row
    if expands:
        yield from convolutions(scope, f"{ours}.expand", expand_groups)
        yield norm(scope, f"{ours}.expand")
    yield from depthwise(scope, f"{ours}.depthwise", kernels)
    yield norm(scope, f"{ours}.depthwise")
    for part in ("reduce", "expand") if squeezes else ():
        names = tuple((each, f"{ours}.se.{part}.{each}") for each in ("kernel", "bias"))
        yield f"{scope}/se", "conv2d", names
    yield from convolutions(scope, f"{ours}.project", project_groups)
    yield norm(scope, f"{ours}.project")


def blocks() -> Iterator[Layer]:
    count = itertools.count()
    for index, row in enumerate(ROWS):
        for repeat in range(row[0]):
            yield from block(f"blocks_{next(count)}", f"blocks.{index}.{repeat}", row)


def stem() -> Iterator[Layer]:
    yield from convolutions("stem", "stem.conv", 1)
    yield norm("stem", "stem.conv")


def head() -> Iterator[Layer]:
    yield from convolutions("head", "head.conv", 1)
    yield norm("head", "head.conv")
    names = tuple((each, f"head.classifier.{each}") for each in ("kernel", "bias"))
    yield "head", "dense", names


ORDERS: dict[str, list[Callable[[], Iterator[Layer]]]] = {
    "as the data flow": [stem, blocks, head],
    "blocks first": [blocks, stem, head],
    "ends first": [head, stem, blocks],
}


def named_in_each_scope() -> Name:
    """As ``tf.layers`` does it, on the first call."""
    used: dict[tuple[str, str], int] = {}

    def name(scope: str, kind: str) -> str:
        count = used[scope, kind] = used.get((scope, kind), -1) + 1
        return f"{kind}_{count}" if count else kind

    return name


def named_in_the_graph() -> Name:
    """As Keras does it, when a layer is made."""
    used: dict[str, int] = {}

    def name(scope: str, kind: str) -> str:
        count = used[kind] = used.get(kind, -1) + 1
        return f"{kind}_{count}" if count else kind

    return name


NAMES = {"in each scope": named_in_each_scope, "in the graph": named_in_the_graph}


def drawn(network: Network) -> Arrays:
    random = np.random.default_rng(3)
    return {
        name: random.uniform(0.5, 1.5, shape).astype(np.float32)
        for name, _, _, shape in network.graph.parameters()
    }


def write(
    folder: Path,
    weights: Arrays,
    order: str = "as the data flow",
    names: str = "in each scope",
    averages: bool = True,
) -> Path:
    """A checkpoint as a training run leaves it: variables, averages, slots, the step.

    Written by the operator that TensorFlow 1's saver runs; a thousand variables in a graph take a
    minute, so only one test makes them.
    """
    values = dict(variables(weights, order, names, averages))
    tf.raw_ops.SaveV2(
        prefix=str(folder / "model.ckpt"),
        tensor_names=list(values),
        shape_and_slices=[""] * len(values),
        tensors=list(values.values()),
    )
    return folder


def variables(weights: Arrays, order: str, names: str, averages: bool) -> Iterator[tuple[str, Any]]:
    name = NAMES[names]()
    for scope, kind, roles in itertools.chain(*(part() for part in ORDERS[order])):
        layer = name(scope, kind)
        for variable, ours in roles:
            for suffix, value in stored(weights[ours], averages):
                yield f"mixnet-s/{scope}/{layer}/{variable}{suffix}", value
    yield "global_step", np.int64(7)


def write_with_the_saver(folder: Path, weights: Arrays) -> Path:
    """The same from variables in a graph, by ``tf.compat.v1.train.Saver``, with its graph."""
    values = variables(weights, "as the data flow", "in each scope", averages=False)
    with tf.Graph().as_default(), v1.Session() as session:
        made = {
            v1.get_variable(name, shape=value.shape, dtype=value.dtype, use_resource=False): value
            for name, value in ((name, np.asarray(value)) for name, value in values)
        }
        feeds = {variable.initializer.inputs[1]: value for variable, value in made.items()}
        session.run([variable.initializer for variable in made], feeds)
        v1.train.Saver().save(session, str(folder / "model.ckpt"), global_step=7)
    return folder


def stored(value: Any, averages: bool) -> Iterator[tuple[str, Any]]:
    if not averages:
        yield "", value
        return
    yield "", np.zeros_like(value)
    yield "/ExponentialMovingAverage", value
    yield "/RMSProp", np.full_like(value, 9)


@pytest.fixture(scope="module")
def network() -> Network:
    return load_network("mixnet-s", classes=12)


@pytest.mark.parametrize(
    ("order", "names", "averages"),
    [
        *((order, names, True) for order in ORDERS for names in NAMES),
        ("as the data flow", "in the graph", False),
    ],
)
def test_every_variable_is_found(
    order: str, names: str, averages: bool, network: Network, tmp_path: Path
) -> None:
    weights = drawn(network)
    imported = import_weights(write(tmp_path, weights, order, names, averages), "mixnet-s")

    assert (imported.classes, imported.source) == (12, "the authors' TensorFlow code")
    assert weights_hash(imported.weights) == weights_hash(weights)
    count = len(weights)
    expected = (f"moving averages of {count} of {count} variables",) if averages else ()
    assert imported.notes == expected


def test_what_tensorflows_saver_leaves_is_read(network: Network, tmp_path: Path) -> None:
    weights = drawn(network)
    imported = import_weights(write_with_the_saver(tmp_path, weights), "mixnet-s")

    assert weights_hash(imported.weights) == weights_hash(weights)
    assert (tmp_path / "checkpoint").is_file()
    assert list(tmp_path.glob("*.meta"))


@pytest.mark.parametrize("ending", ["", ".index"])
def test_a_prefix_names_a_checkpoint(ending: str, network: Network, tmp_path: Path) -> None:
    weights = drawn(network)
    write(tmp_path, weights)
    imported = import_weights(tmp_path / f"model.ckpt{ending}", "mixnet-s")

    assert weights_hash(imported.weights) == weights_hash(weights)


def save(folder: Path, values: dict[str, Any]) -> Path:
    tf.raw_ops.SaveV2(
        prefix=str(folder / "model.ckpt"),
        tensor_names=list(values),
        shape_and_slices=[""] * len(values),
        tensors=list(values.values()),
    )
    return folder


def test_what_any_optimizer_leaves_is_left(network: Network, tmp_path: Path) -> None:
    weights = drawn(network)
    plain = dict(variables(weights, "as the data flow", "in the graph", averages=False))
    values = dict(plain)
    for name, value in plain.items():
        if np.ndim(value):
            values |= {f"{name}/{slot}": np.full_like(value, 9) for slot in ("AdamW", "adam_m")}
            values[f"{name}/Adam_1"] = np.full_like(value, 9)
    values |= {"beta1_power": np.float32(0.9), "opt/learning_rate": np.float32(0.1)}
    imported = import_weights(save(tmp_path, values), "mixnet-s")

    assert weights_hash(imported.weights) == weights_hash(weights)
    assert imported.notes == ()


def test_the_averages_alone_are_enough(network: Network, tmp_path: Path) -> None:
    weights = drawn(network)
    every = dict(variables(weights, "ends first", "in each scope", averages=True))
    values = {name: value for name, value in every.items() if "Exponential" in name}
    imported = import_weights(save(tmp_path, values))

    assert imported.network.name == "mixnet-s", "told by the authors' padding"
    assert weights_hash(imported.weights) == weights_hash(weights)


def test_averages_of_some_variables_are_completed_and_told(
    network: Network, tmp_path: Path
) -> None:
    weights = drawn(network)
    values = dict(variables(weights, "as the data flow", "in each scope", averages=True))
    statistics = [name for name in values if name.endswith("moving_mean")]
    for name in statistics:
        values[name] = values.pop(f"{name}/ExponentialMovingAverage")
    imported = import_weights(save(tmp_path, values), "mixnet-s")

    assert weights_hash(imported.weights) == weights_hash(weights)
    assert len(statistics) > 4
    assert imported.notes[1].startswith("no moving average of mixnet-s/blocks_0/batch_norm")


def test_a_checkpoint_without_one_of_its_files_is_refused(network: Network, tmp_path: Path) -> None:
    write(tmp_path, drawn(network))
    (tmp_path / "model.ckpt.data-00000-of-00001").unlink()

    assert "is not a complete TensorFlow checkpoint" in refused(tmp_path).message


def test_a_checkpoint_of_a_part_of_the_network_names_what_it_lacks(
    network: Network, tmp_path: Path
) -> None:
    every = dict(variables(drawn(network), "as the data flow", "in each scope", averages=False))
    values = {name: value for name, value in every.items() if "/head/" not in name}
    message = refused(save(tmp_path, values)).message

    assert "7 missing (head.conv.kernel" in message
    assert "surplus" not in message


def test_a_checkpoint_of_objects_says_what_to_do(tmp_path: Path) -> None:
    tf.train.Checkpoint(w=tf.Variable([1.0])).save(str(tmp_path / "objects"))
    error = refused(tmp_path)

    assert "is an object-based checkpoint of TensorFlow 2" in error.message
    assert "save_weights" in error.hint


def test_a_twin_is_warned_of_with_its_cost(network: Network, tmp_path: Path) -> None:
    imported = import_weights(write(tmp_path, drawn(network)), "mixnet-s-symmetric")

    (warning,) = imported.warnings
    assert warning.startswith("the authors' TensorFlow code says same padding")


def archived(folder: Path, path: Path) -> Path:
    with tarfile.open(path, "w:gz") as file:
        file.add(folder, arcname="mixnet-s")
    return path


def test_the_archive_as_published_is_exported(network: Network, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    path = archived(write(folder, drawn(network)), tmp_path / "mixnet-s.tar.gz")
    options = ["--weights", str(path), "-o", str(tmp_path / "out"), "--resolution", "64"]
    result = CliRunner().invoke(main, ["tflite", "mixnet-s", "--no-verify", *options])

    assert result.exit_code == 0, result.output
    assert (tmp_path / "out" / "mixnet-s.tflite").is_file()
    assert "moving averages of" in result.stderr


def refused(path: Path, name: str = "mixnet-s") -> MixnetError:
    with pytest.raises(MixnetError) as caught:
        import_weights(path, name)
    return caught.value


def test_a_checkpoint_of_another_network_is_told(network: Network, tmp_path: Path) -> None:
    error = refused(write(tmp_path, drawn(network)), "mixnet-m")

    assert "does not fit mixnet-m" in error.message
    assert error.hint.startswith("its arrays are those of mixnet-s")


def test_values_that_are_not_finite_are_named(network: Network, tmp_path: Path) -> None:
    weights = drawn(network)
    weights["stem.conv.norm.beta"][3] = np.nan
    message = refused(write(tmp_path, weights)).message

    assert "1 not finite (mixnet-s/stem/batch_normalization/beta)" in message


@pytest.mark.parametrize("file", ["model.ckpt.index", "model.ckpt.data-00000-of-00001"])
@pytest.mark.parametrize("kept", [0.0, 0.5, 0.99])
def test_a_truncated_checkpoint_is_refused(
    kept: float, file: str, network: Network, tmp_path: Path
) -> None:
    write(tmp_path, drawn(network))
    data = (tmp_path / file).read_bytes()
    (tmp_path / file).write_bytes(data[: int(kept * len(data))])

    assert "is not a complete TensorFlow checkpoint" in refused(tmp_path).message


def test_an_archive_that_leads_out_of_its_folder_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "evil.tar.gz"
    (tmp_path / "x.index").write_bytes(b"x")
    with tarfile.open(path, "w:gz") as file:
        file.add(tmp_path / "x.index", arcname="../x.index")

    assert "leads out of it" in refused(path).message
