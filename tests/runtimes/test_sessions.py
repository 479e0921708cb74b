from pathlib import Path

import numpy as np
import pytest
from onnx import helper
from tiny_models import TfliteBuilder, conv_onnx, conv_tflite, numbers, write_onnx

from mixnet_common import MixnetError, UsageError
from mixnet_runtimes import FORMATS, open_session

WRITERS = {".tflite": conv_tflite, ".onnx": conv_onnx}
RUNTIMES = {".tflite": "LiteRT", ".onnx": "onnxruntime"}


def by_hand(image: np.ndarray) -> np.ndarray:
    """The tiny model's output: (1, 8, 8, 4) → (1, 4, 4, 6), with TensorFlow's SAME padding."""
    weights, bias = numbers(6, 3, 3, 2), numbers(6)
    padded = np.pad(image[0], ((0, 1), (0, 1), (0, 0)))  # 8 → 4 at stride 2 pads after only
    output = np.empty((1, 4, 4, 6), np.float32)
    for row in range(4):
        for column in range(4):
            patch = padded[2 * row : 2 * row + 3, 2 * column : 2 * column + 3]
            for channel in range(6):
                group = slice(0, 2) if channel < 3 else slice(2, 4)
                output[0, row, column, channel] = np.sum(patch[..., group] * weights[channel])
    return np.maximum(output + bias, 0)


def test_every_format_has_a_writer_here() -> None:
    assert set(WRITERS) == set(FORMATS)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_session_tells_its_runtime_settings_and_tensors(tmp_path: Path, suffix: str) -> None:
    session = open_session(WRITERS[suffix](tmp_path / f"m{suffix}"), threads=2)
    assert session.runtime == RUNTIMES[suffix]
    assert session.version[0].isdigit()
    assert session.settings["threads"] == 2
    assert [info.name for info in session.inputs] == ["image"]
    assert [info.name for info in session.outputs] == ["scores"]
    assert session.inputs[0].dtype == "float32"
    assert sorted(session.outputs[0].shape) == [1, 4, 4, 6]


def test_a_tflite_session_computes_what_hand_arithmetic_does(tmp_path: Path) -> None:
    session = open_session(conv_tflite(tmp_path / "m.tflite"))
    image = numbers(1, 8, 8, 4)
    expected = by_hand(image)
    assert np.count_nonzero(expected) > 30, "a reference of zeros proves nothing"
    np.testing.assert_allclose(session.run([image])["scores"], expected, atol=1e-4)


def test_an_onnx_session_computes_what_hand_arithmetic_does(tmp_path: Path) -> None:
    path = write_onnx(
        tmp_path / "m.onnx",
        [helper.make_node("Mul", ["x", "factor"], ["y"])],
        {"x": (2, 3)},
        {"y": (2, 3)},
        {"factor": np.array([1, -2, 3], np.float32)},
    )
    x = numbers(2, 3)
    result = open_session(path).run({"x": x})["y"]
    np.testing.assert_allclose(result, x * [1, -2, 3], rtol=1e-6)


@pytest.mark.parametrize("suffix", FORMATS)
def test_invoking_again_uses_the_inputs_that_are_set(tmp_path: Path, suffix: str) -> None:
    session = open_session(WRITERS[suffix](tmp_path / f"m{suffix}"))
    first, second = numbers(*session.inputs[0].shape), -numbers(*session.inputs[0].shape)
    expected = session.run([second])["scores"].copy()
    session.set_inputs([first])
    session.invoke()
    before = session.get_outputs()["scores"]
    session.set_inputs([second])
    session.invoke()
    np.testing.assert_array_equal(session.get_outputs()["scores"], expected)
    assert not np.array_equal(before, expected), "an earlier result must be a copy"


@pytest.mark.parametrize("suffix", FORMATS)
def test_arrays_that_are_not_contiguous_are_taken_as_they_read(tmp_path: Path, suffix: str) -> None:
    session = open_session(WRITERS[suffix](tmp_path / f"m{suffix}"))
    image = numbers(*session.inputs[0].shape)
    reversed_view = image[..., ::-1]
    np.testing.assert_array_equal(
        session.run([reversed_view])["scores"], session.run([reversed_view.copy()])["scores"]
    )


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_wrong_shape_or_type_is_refused_with_both_named(tmp_path: Path, suffix: str) -> None:
    session = open_session(WRITERS[suffix](tmp_path / f"m{suffix}"))
    with pytest.raises(UsageError, match=r"'image' is float32 .* but float32 \[1, 2\]"):
        session.run([numbers(1, 2)])
    with pytest.raises(UsageError, match="but float64"):
        session.run({"image": np.zeros(session.inputs[0].shape)})
    with pytest.raises(UsageError, match="numpy array, not list"):
        session.run({"image": [1.0]})  # type: ignore[dict-item]


@pytest.mark.parametrize("suffix", FORMATS)
def test_missing_and_surplus_inputs_are_refused(tmp_path: Path, suffix: str) -> None:
    session = open_session(WRITERS[suffix](tmp_path / f"m{suffix}"))
    image = numbers(*session.inputs[0].shape)
    with pytest.raises(UsageError, match=r"\['image', 'more'\]"):
        session.run({"image": image, "more": image})
    with pytest.raises(UsageError, match="2 arrays given for 1 inputs"):
        session.run([image, image])


@pytest.mark.parametrize("suffix", FORMATS)
def test_no_threads_and_unknown_runtimes_are_refused(tmp_path: Path, suffix: str) -> None:
    path = WRITERS[suffix](tmp_path / f"m{suffix}")
    with pytest.raises(UsageError, match="0 threads"):
        open_session(path, threads=0)
    with pytest.raises(UsageError, match="no runtime 'ncnn'"):
        open_session(path, runtime="ncnn")
    assert open_session(path, runtime=RUNTIMES[suffix].lower()).runtime == RUNTIMES[suffix]


def test_unknown_suffixes_and_missing_files_are_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        open_session(tmp_path / "model.pb")
    assert ".tflite, .onnx" in error.value.hint
    with pytest.raises(UsageError, match="no file"):
        open_session(tmp_path / "model.onnx")
    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises(UsageError, match="is not a file"):
        open_session(tmp_path / "folder.onnx")


def test_onnxruntime_does_not_spin_between_runs(tmp_path: Path) -> None:
    session = open_session(conv_onnx(tmp_path / "m.onnx"))
    options = session._session.get_session_options()  # type: ignore[attr-defined]
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert session.settings["allow_spinning"] is False


def test_an_open_batch_runs_as_one_and_other_open_sizes_are_refused(tmp_path: Path) -> None:
    session = open_session(conv_onnx(tmp_path / "m.onnx", batch="N"))
    assert session.inputs[0].shape == (1, 4, 8, 8)
    assert session.run([numbers(1, 4, 8, 8)])["scores"].shape == (1, 6, 4, 4)
    node = helper.make_node("Relu", ["x"], ["y"])
    shape = (1, 3, "height", "width")
    with pytest.raises(MixnetError, match=r"height \(axis 2\), width \(axis 3\)"):
        open_session(write_onnx(tmp_path / "open.onnx", [node], {"x": shape}, {"y": shape}))


def test_a_signature_of_another_subgraph_names_nothing_here(tmp_path: Path) -> None:
    builder = TfliteBuilder()
    x, y = builder.tensor("x", (1, 4)), builder.tensor("y", (1, 4))
    builder.operator("RELU", [x], [y])
    builder.graph.inputs, builder.graph.outputs = [x], [y]
    builder.signature({"other": y}, {"result": x})
    session = open_session(builder.write(tmp_path / "m.tflite"))
    assert [info.name for info in (*session.inputs, *session.outputs)] == ["x", "y"]


def test_scale_and_zero_point_of_quantized_tensors_are_told(tmp_path: Path) -> None:
    builder = TfliteBuilder()
    x = builder.tensor("x", (1, 4), dtype="int8", scale=(0.5,))
    y = builder.tensor("y", (1, 4))
    builder.operator("DEQUANTIZE", [x], [y])
    builder.graph.inputs, builder.graph.outputs = [x], [y]
    session = open_session(builder.write(tmp_path / "m.tflite"))
    assert (session.inputs[0].dtype, session.inputs[0].scale) == ("int8", 0.5)
    result = session.run([np.array([[-4, 0, 2, 127]], np.int8)])["y"]
    np.testing.assert_array_equal(result, [[-2, 0, 1, 63.5]])


def test_what_the_runtime_refuses_is_our_error_and_names_the_file(tmp_path: Path) -> None:
    node = helper.make_node("Mystery", ["x"], ["y"], domain="org.example")
    shapes = {"x": (1, 3)}, {"y": (1, 3)}
    path = write_onnx(tmp_path / "odd.onnx", [node], *shapes, domains=["org.example"])
    with pytest.raises(MixnetError, match=r"onnxruntime .* cannot open .*odd\.onnx"):
        open_session(path)
