"""``optimize`` for ``.onnx``: blocks of MixNet as exporters write them, equal afterwards."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from click.testing import CliRunner
from graph_files import Net, right
from hypothesis import HealthCheck, given, settings
from onnx import helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
from test_mixed_convolutions import block, nets, norm

from mixnet_common.hashing import sha256
from mixnet_export.cli import main
from mixnet_export.lowering import Model, find_plan
from mixnet_export.optimize.job import optimize
from mixnet_export.optimize.onnx import file as onnx_file
from mixnet_export.optimize.onnx.blocks import find, splice
from mixnet_export.optimize.onnx.graph import read_graph
from mixnet_export.writers.onnx import write_onnx

NHWC_TO_NCHW, NCHW_TO_NHWC = (0, 3, 1, 2), (0, 2, 3, 1)


def save(net: Net, path: Path, *outputs: str) -> Path:
    path.write_bytes(write_onnx(net.model(*outputs)))
    return path


def kinds(path: Path) -> Counter[str]:
    return Counter(node.op_type for node in onnx.load(path).graph.node)


def rewritten(path: Path) -> Path:
    """The file with its blocks replaced, without the proof's process."""
    model = onnx.load(path)
    blocks = find(read_graph(model), find_plan("default", "onnx"))
    made = path.with_name("made.onnx")
    onnx.save(splice(model, blocks), made)
    onnx.checker.check_model(str(made), full_check=True)
    return made


def run(path: Path, x: Any) -> list[Any]:
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found: list[Any] = session.run(None, {"x": x.transpose(NHWC_TO_NCHW).astype(np.float32)})
    return [each.transpose(NCHW_TO_NHWC) if each.ndim == 4 else each for each in found]


def hold(path: Path, model: Model) -> None:
    (entry,) = model.graph.inputs
    x = np.random.default_rng(1).standard_normal(entry.shape)
    for got, expected in zip(run(path, x), right(model, x), strict=True):
        assert expected.std() > 1e-3 * abs(expected).max() > 0
        assert abs(got - expected).max() < 1e-5 * max(1, abs(expected).max())


def mixnet_block() -> Net:
    net = Net(1, 16, 16, 8)
    block(net, "split")
    return net


def test_a_block_of_mixnet_is_put_together(tmp_path: Path) -> None:
    net = mixnet_block()
    path = save(net, tmp_path / "a.onnx")
    made = rewritten(path)
    assert kinds(path)["BatchNormalization"] == 3
    assert kinds(path)["Split"] == 3
    assert not {"BatchNormalization", "Split"} & set(kinds(made))
    hold(made, net.model())


def test_a_file_is_written_with_its_provenance(tmp_path: Path) -> None:
    net = mixnet_block()
    path = save(net, tmp_path / "a.onnx")
    result = CliRunner().invoke(
        main, ["optimize", str(path), "-o", str(tmp_path / "out"), "--json"]
    )
    assert result.exit_code == 0, result.output
    (found,) = json.loads(result.stdout)["targets"]
    written = tmp_path / "out" / "a.onnx"
    assert found["written"] == str(written)
    assert found["target"].startswith("onnxruntime-")
    assert found["regions"][0]["error"] < 1e-5
    assert found["before"]["partitions"] is None
    hold(written, net.model())
    beside = json.loads((tmp_path / "out" / "a.onnx.json").read_text())
    assert beside["optimized_from"] == {"name": "a.onnx", "sha256": sha256(path.read_bytes())}
    assert beside["sha256"] == sha256(written.read_bytes())
    again = optimize(written, tmp_path / "again")
    assert again.written is None
    assert "already" in again.reason


def test_nothing_to_do_is_no_error(tmp_path: Path) -> None:
    net = Net(1, 8, 8, 3)
    net.add("conv2d", filters=4, kernel=(3, 3), bias=True)
    result = optimize(save(net, tmp_path / "a.onnx"), tmp_path / "out")
    assert result.written is None
    assert "no mixed or grouped convolution" in result.reason


def test_a_quantized_file_is_left_alone_with_the_reason(tmp_path: Path) -> None:
    path = save(mixnet_block(), tmp_path / "a.onnx")
    feed = [{"x": np.random.default_rng(1).standard_normal((1, 8, 16, 16)).astype("f")}]
    reader = iter(feed)

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def get_next(self) -> Any:
            return next(reader, None)

    quantized = tmp_path / "q.onnx"
    quantize_static(path, quantized, Reader(), quant_format=QuantFormat.QDQ, per_channel=True)
    assert kinds(quantized)["QuantizeLinear"] > 10
    result = optimize(quantized, tmp_path / "out")
    assert result.written is None
    assert "nothing that is equal within one step is faster" in result.reason


def test_nothing_is_written_where_the_proof_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(model: Any, blocks: Any) -> Any:
        made = splice(model, blocks)
        largest = max(made.graph.initializer, key=lambda each: numpy_helper.to_array(each).size)
        values = np.roll(numpy_helper.to_array(largest), 1)
        largest.CopyFrom(numpy_helper.from_array(values, largest.name))
        return made

    monkeypatch.setattr(onnx_file, "splice", wrong)
    result = optimize(save(mixnet_block(), tmp_path / "a.onnx"), tmp_path / "out")
    (left,) = result.left_alone
    assert "differs from a float64 reference" in left.why
    assert not (tmp_path / "out").exists()


def test_an_open_batch_stays_open(tmp_path: Path) -> None:
    net = Net(1, 16, 16, 8)
    block(net, "split", groups=1)
    path = save(net, tmp_path / "a.onnx")
    model = onnx.load(path)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "N"
    onnx.save(model, path)
    result = optimize(path, tmp_path / "out")
    assert result.written is not None
    x = np.random.default_rng(1).standard_normal((3, 16, 16, 8))
    for got, expected in zip(run(result.written, x), run(path, x), strict=True):
        assert abs(got - expected).max() < 1e-5 * abs(expected).max()


def test_paddings_that_the_file_computes_are_understood(tmp_path: Path) -> None:
    """As torch's older exporter writes TensorFlow's padding: from shapes, by a dozen nodes."""
    net = Net(1, 15, 15, 8)
    block(net, "split", stride=2)
    path = save(net, tmp_path / "a.onnx")
    model = onnx.load(path)
    graph = model.graph
    for place, node in enumerate(list(graph.node)):
        pads = next((a for a in node.attribute if a.name == "pads" and any(a.ints)), None)
        if node.op_type != "Conv" or pads is None:
            continue
        top, left, bottom, right_ = pads.ints
        pads.ints[:] = [0, 0, 0, 0]
        name = f"pad{place}"
        amounts = np.array([0, 0, top, left, 0, 0, bottom, right_])
        graph.initializer.append(numpy_helper.from_array(amounts - 15, f"{name}.less"))
        graph.initializer.append(numpy_helper.from_array(np.array([2]), f"{name}.axis"))
        made = [
            helper.make_node("Shape", [node.input[0]], [f"{name}.shape"]),
            helper.make_node("Gather", [f"{name}.shape", f"{name}.axis"], [f"{name}.size"], axis=0),
            helper.make_node("Add", [f"{name}.size", f"{name}.less"], [f"{name}.amounts"]),
            helper.make_node("Pad", [node.input[0], f"{name}.amounts"], [name]),
        ]
        node.input[0] = name
        at = list(graph.node).index(node)
        for offset, each in enumerate(made):
            graph.node.insert(at + offset, each)
    onnx.save(model, path)
    made_path = rewritten(path)
    assert kinds(path)["Pad"] == 3
    assert not {"Pad", "Shape", "Gather", "BatchNormalization"} & set(kinds(made_path))
    hold(made_path, net.model())


def test_weights_beside_the_file_come_into_it(tmp_path: Path) -> None:
    net = mixnet_block()
    path = save(net, tmp_path / "a.onnx")
    onnx.save(onnx.load(path), path, save_as_external_data=True, location="a.data",
              size_threshold=0)  # fmt: skip
    result = optimize(path, tmp_path / "out")
    assert result.written is not None
    assert not (tmp_path / "out" / "a.data").exists()
    hold(result.written, net.model())


def test_what_others_read_stays(tmp_path: Path) -> None:
    net = Net(1, 16, 16, 8)
    block(net, "split")
    joined = net.last
    norm(net)
    path = save(net, tmp_path / "a.onnx", joined, net.last)
    hold(rewritten(path), net.model(joined, net.last))


QUIET = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much]


@settings(max_examples=20, deadline=None, suppress_health_check=QUIET)
@given(net=nets())
def test_made_blocks_compute_the_same(net: Net, tmp_path_factory: Any) -> None:
    hold(rewritten(save(net, tmp_path_factory.mktemp("made") / "a.onnx")), net.model())


@pytest.mark.long
@settings(max_examples=300, deadline=None, suppress_health_check=QUIET)
@given(net=nets())
def test_300_made_blocks_compute_the_same(net: Net, tmp_path_factory: Any) -> None:
    hold(rewritten(save(net, tmp_path_factory.mktemp("made") / "a.onnx")), net.model())
