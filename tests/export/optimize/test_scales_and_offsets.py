"""Batch norms that exporters left as scales and offsets: folded into weights, equal afterwards."""

from pathlib import Path
from typing import Any

from graph_files import Net, hold, rewritten
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mixnet_export.optimize.document import read_document


def kinds(path: Path) -> list[str]:
    document = read_document(path)
    names = document.kinds()
    return [names[each.opcodeIndex] for each in document.model.subgraphs[0].operators]


def norm(net: Net) -> str:
    return net.add("batch_norm", epsilon=1e-3)


def test_they_go_into_the_convolution_before(tmp_path: Path) -> None:
    net = Net(1, 9, 9, 6)
    net.add("conv2d", filters=8, kernel=(3, 3), bias=True)
    norm(net)
    norm(net)
    net.add("depthwise_conv2d", kernel=(3, 3), multiplier=1)
    norm(net)
    net.add("relu")
    made, _ = rewritten(net.save(tmp_path / "a.tflite"))
    assert kinds(made) == ["CONV_2D", "DEPTHWISE_CONV_2D", "RELU"]
    hold(made, net.model())


def test_they_go_into_all_convolutions_behind_that_pad_nothing(tmp_path: Path) -> None:
    net = Net(1, 8, 8, 6)
    wide = norm(net)
    one = net.add("conv2d", source=wide, filters=8, kernel=(1, 1))
    other = net.add("conv2d", source=wide, filters=5, kernel=(2, 2), strides=(2, 2),
                    padding="valid", bias=True)  # fmt: skip
    made, _ = rewritten(net.save(tmp_path / "a.tflite", one, other))
    assert kinds(made) == ["CONV_2D", "CONV_2D"]
    hold(made, net.model(one, other))


def test_zeros_around_a_map_keep_the_offset_out_of_weights(tmp_path: Path) -> None:
    net = Net(1, 8, 8, 6)
    norm(net)
    net.add("conv2d", filters=8, kernel=(3, 3))
    made, stages = rewritten(net.save(tmp_path / "a.tflite"))
    assert not stages.stages
    hold(made, net.model())


def test_a_long_row_becomes_two(tmp_path: Path) -> None:
    net = Net(1, 8, 8, 6)
    norm(net)
    norm(net)
    net.add("swish")
    made, _ = rewritten(net.save(tmp_path / "a.tflite"))
    assert kinds(made) == ["MUL", "ADD", "LOGISTIC", "MUL"]
    hold(made, net.model())


def test_what_is_read_elsewhere_stays(tmp_path: Path) -> None:
    net = Net(1, 8, 8, 6)
    wide = net.add("conv2d", filters=6, kernel=(3, 3))
    scaled = norm(net)
    net.add("conv2d", filters=4, kernel=(1, 1))
    made, _ = rewritten(net.save(tmp_path / "a.tflite", wide, scaled, net.last))
    hold(made, net.model(wide, scaled, net.last))


STEPS = {
    "norm": norm,
    "relu": lambda net: net.add("relu"),
    "swish": lambda net: net.add("swish"),
    "1x1": lambda net: net.add("conv2d", filters=5, kernel=(1, 1), bias=True),
    "2x2": lambda net: net.add("conv2d", filters=7, kernel=(2, 2), padding="valid"),
    "3x3": lambda net: net.add("conv2d", filters=4, kernel=(3, 3)),
    "depthwise": lambda net: net.add("depthwise_conv2d", kernel=(3, 3), multiplier=2, bias=True),
}

QUIET = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]


@settings(max_examples=25, deadline=None, suppress_health_check=QUIET)
@given(
    steps=st.lists(st.sampled_from(["norm", "norm", "norm", *STEPS]), min_size=2, max_size=7),
    seed=st.integers(0, 99),
    kept=st.integers(0, 6),
)
def test_made_rows_compute_the_same(
    steps: list[str], seed: int, kept: int, tmp_path_factory: Any
) -> None:
    net = Net(1, 12, 11, 4, seed=seed)
    outputs = [STEPS[each](net) for each in steps]
    chosen = dict.fromkeys([outputs[kept % len(outputs)], outputs[-1]])
    made, _ = rewritten(net.save(tmp_path_factory.mktemp("made") / "a.tflite", *chosen))
    hold(made, net.model(*chosen))
