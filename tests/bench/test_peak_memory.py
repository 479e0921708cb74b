"""The peak memory of a file: what a process takes beyond what it had before the file was opened."""

import json
from pathlib import Path

import numpy as np
from click.testing import CliRunner
from onnx import TensorProto, helper, numpy_helper, save

from mixnet_bench.cli import main

PIXELS = 512
MEGABYTE = 1 << 20


def file_of(path: Path, channels: int) -> Path:
    """A 1×1 convolution on 512×512 pixels, its result averaged: its buffer is 1 MB a channel."""
    weight = np.full((channels, 3, 1, 1), 0.5, np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "w"], ["wide"]),
            helper.make_node("GlobalAveragePool", ["wide"], ["y"]),
        ],
        "wide",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, PIXELS, PIXELS])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, channels, 1, 1])],
        [numpy_helper.from_array(weight, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    save(model, path)
    return path


def test_a_large_buffer_is_in_its_files_peak_and_not_in_anothers(tmp_path: Path) -> None:
    large, small = file_of(tmp_path / "large.onnx", 200), file_of(tmp_path / "small.onnx", 1)
    brief = ["--launches", "1", "--min-count", "1", "--min-time", "0", "--warmup", "1", "--json"]
    result = CliRunner().invoke(main, ["latency", str(large), str(small), *brief])

    assert result.exit_code == 0, result.output
    peaks = [each["memory_peak_bytes"] for each in json.loads(result.stdout)["targets"]]
    assert 200 * MEGABYTE <= peaks[0] <= 700 * MEGABYTE
    assert peaks[1] <= 150 * MEGABYTE
    assert peaks[0] - peaks[1] >= 190 * MEGABYTE
