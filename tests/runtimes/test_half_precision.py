"""Float32 files computed in float16: other numbers, near the same; all other files are refused."""

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from test_sessions import by_hand
from tiny_models import TfliteBuilder, conv_onnx, conv_tflite, numbers

from mixnet_common import UsageError
from mixnet_runtimes import Selection, open_session, prepare
from mixnet_runtimes.prepared import from_json, in_float32, open_prepared
from mixnet_runtimes.tflite.half_precision import (
    allow_fp16,
    allows_fp16,
    computes_fp16,
    half_precision_of,
)

HALF = Selection(fp16=True)
ARM = ("fp", "asimd", "fphp", "asimdhp")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return conv_tflite(tmp_path / "m.tflite")


def test_float16_is_near_float32_and_not_the_same(path: Path) -> None:
    image = numbers(1, 8, 8, 4)
    expected = by_hand(image)
    assert np.count_nonzero(expected) > 30, "a reference of zeros proves nothing"
    session = open_session(path, selection=HALF)
    half = session.run([image])["scores"]
    assert half.dtype == np.float32
    assert np.abs(half - expected).max() < 0.01 * np.abs(expected).max()
    assert np.abs(half - expected).max() > 1e-5 * np.abs(expected).max()
    assert session.settings["fp16"] is True
    assert "fp16" not in open_session(path).settings


def test_inputs_and_outputs_are_those_of_float32(path: Path) -> None:
    half, full = open_session(path, selection=HALF), open_session(path)
    assert (half.inputs, half.outputs) == (full.inputs, full.outputs)
    assert (half.runtime, half.version) == (full.runtime, full.version)


def test_a_file_that_is_made_ready_stays_in_float16(path: Path, tmp_path: Path) -> None:
    prepared = prepare(path, tmp_path / "ready", HALF)
    assert prepared.given == {"fp16": True}
    assert prepared.selection == HALF
    for each in (prepared, from_json(prepared.to_json())):
        assert open_prepared(each).settings["fp16"] is True
        assert "fp16" not in open_prepared(in_float32(each)).settings
    assert "fp16" not in prepare(path, tmp_path / "plain").given


def test_other_files_and_runtimes_are_refused(path: Path, tmp_path: Path) -> None:
    builder = TfliteBuilder()
    builder.tensor("weights", [1], np.zeros(1, np.float16))
    other = builder.write(tmp_path / "half.tflite")
    with pytest.raises(UsageError, match=r"for float32 files: .*half\.tflite has float16"):
        open_session(other, selection=HALF)
    with pytest.raises(UsageError, match=r"--fp16 is for \.tflite files"):
        open_session(conv_onnx(tmp_path / "m.onnx"), selection=HALF)
    with pytest.raises(UsageError, match="--fp16 is for LiteRT, not tensorflow"):
        open_session(path, runtime="tensorflow", selection=HALF)


def test_a_file_says_that_it_may_be_computed_in_float16(path: Path) -> None:
    assert not allows_fp16(path)
    model = schema.ModelT.InitFromPackedBuf(path.read_bytes())
    allow_fp16(model, schema)
    allow_fp16(model, schema)
    assert len(model.metadata) == 1, "once is enough"
    from mixnet_runtimes.tflite.pack import pack

    path.write_bytes(pack(schema, model))
    assert allows_fp16(path)
    assert half_precision_of(path, ARM, forced=False) == "allowed"
    assert half_precision_of(path, ARM[:2], forced=False) is None
    assert half_precision_of(path, (), forced=True) == "forced"


def test_a_processor_computes_float16_with_both_kinds_of_instructions() -> None:
    assert computes_fp16(ARM)
    assert not computes_fp16(("fp", "asimd", "fphp"))
    assert not computes_fp16(())
