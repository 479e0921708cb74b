"""What of a file is not proven equal is left as it was, and all else is rewritten."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from graph_files import Net, hold
from onnx import numpy_helper
from test_mixed_convolutions import block
from test_onnx_files import hold as hold_onnx
from test_onnx_files import save as save_onnx

from mixnet_common import MixnetError, UsageError
from mixnet_export.cli import main
from mixnet_export.optimize import tflite_file
from mixnet_export.optimize.attempt import UnprovenError
from mixnet_export.optimize.decisions import ALL, Decisions
from mixnet_export.optimize.job import optimize
from mixnet_export.optimize.onnx import file as onnx_file
from mixnet_export.optimize.settling import Trial, settle
from mixnet_runtimes.child import CrashError
from mixnet_runtimes.tflite.words import decoded_text

NAMES = tuple(f"p: {n}" for n in range(9))


def wanted(decisions: Decisions) -> list[str]:
    return [key for key in NAMES if not decisions.why_not("p", key[3:])]


def settled(fails: Any) -> tuple[list[str], int]:
    """What is left of nine rewritings, and how many proofs that took."""
    proofs = []

    def prove(decisions: Decisions) -> list[str]:
        keys = wanted(decisions)
        proofs.append(keys)
        fails(set(keys))
        return keys

    return settle(Trial(wanted, prove), ALL), len(proofs)


@pytest.mark.parametrize("bad", [{"p: 4"}, {"p: 0", "p: 8"}, set(NAMES), set(NAMES[1:])])
def test_rewritings_that_crash_the_runtime_are_found_by_halves(bad: set[str]) -> None:
    def fails(keys: set[str]) -> None:
        if keys & bad:
            raise CrashError("died")

    kept, proofs = settled(fails)
    assert kept == [key for key in NAMES if key not in bad]
    assert proofs <= 3 + 2 * 4 * len(bad)


def test_rewritings_that_fail_only_together_lose_one_of_them() -> None:
    def fails(keys: set[str]) -> None:
        if {"p: 2", "p: 7"} <= keys:
            raise MixnetError("output y differs")

    assert settled(fails)[0] == [key for key in NAMES if key != "p: 7"]


def test_rewritings_that_a_proof_names_are_left_out_at_once() -> None:
    def fails(keys: set[str]) -> None:
        if "p: 3" in keys:
            raise UnprovenError({"p: 3": "it differs by 2 steps"}, "")

    assert settled(fails) == ([key for key in NAMES if key != "p: 3"], 2)


def test_a_crash_hides_no_rewriting_that_differs() -> None:
    def fails(keys: set[str]) -> None:
        if "p: 5" in keys:
            raise CrashError("died")
        if "p: 6" in keys:
            raise UnprovenError({"p: 6": "it differs by 2 steps"}, "")

    assert settled(fails)[0] == [key for key in NAMES if key not in ("p: 5", "p: 6")]


def test_what_fails_without_any_rewriting_is_an_error() -> None:
    def fails(keys: set[str]) -> None:
        raise CrashError("the original died")

    with pytest.raises(CrashError, match="the original died"):
        settled(fails)


def test_a_failure_that_does_not_come_again_is_an_error() -> None:
    calls = []

    def fails(keys: set[str]) -> None:
        calls.append(keys)
        if len(calls) == 1:
            raise CrashError("once")

    with pytest.raises(CrashError, match="once"):
        settled(fails)


def test_wrong_use_is_not_looked_into() -> None:
    def fails(keys: set[str]) -> None:
        raise UsageError("wrong")

    with pytest.raises(UsageError):
        settled(fails)


def rolled(values: Any) -> Any:
    return np.roll(values, 1)


def two_large() -> Net:
    net = Net(1, 14, 14, 16)
    for kernel in (7, 9):
        net.add("depthwise_conv2d", kernel=(kernel, kernel), multiplier=1)
        net.add("relu")
    return net


def spoil_tiles(monkeypatch: pytest.MonkeyPatch, *kernels: int, change: Any = rolled) -> None:
    """Let some kernels be written with other weights than they should."""
    right = tflite_file.rewrite

    def wrong(model: Any, schema: Any, chosen: Sequence[Any]) -> Any:
        found = right(model, schema, chosen)
        outputs = [each.found.output for each in chosen if each.found.shape.rows.kernel in kernels]
        for graph in model.subgraphs:
            for name in (decoded_text(graph.tensors[output].name) for output in outputs):
                for tensor in graph.tensors:
                    data = model.buffers[tensor.buffer].data
                    own = decoded_text(tensor.name).startswith(f"{name}/")
                    if own and data is not None and len(list(tensor.shape)) == 4:
                        values = np.frombuffer(bytes(bytearray(data)), np.float32)
                        changed = change(values).astype(np.float32).tobytes()
                        model.buffers[tensor.buffer].data = np.frombuffer(changed, np.uint8)
        return found

    monkeypatch.setattr(tflite_file, "rewrite", wrong)


def test_a_convolution_that_differs_stays_and_the_others_are_rewritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = two_large()
    path = net.save(tmp_path / "a.tflite")
    spoil_tiles(monkeypatch, 7)
    result = CliRunner().invoke(main, ["optimize", str(path), "-o", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert "not proven equal: it differs from a float64 reference" in result.stderr
    assert "not rewritten: 1 operator: not proven equal" in result.stderr
    assert "1 depthwise convolution rewritten" in result.stdout
    hold(tmp_path / "out" / "a.tflite", net.model())


def test_nothing_is_written_where_nothing_is_proven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = two_large().save(tmp_path / "a.tflite")
    spoil_tiles(monkeypatch, 7, 9)
    result = optimize(path, tmp_path / "out")
    assert "proven" in result.reason
    assert [each.why.partition(":")[0] for each in result.left_alone] == ["not proven equal"] * 2
    assert not (tmp_path / "out").exists()


def two_blocks() -> Net:
    net = Net(1, 12, 12, 8)
    block(net, "split", groups=1)
    net.add("conv2d", filters=8, kernel=(3, 3))
    block(net, "split", groups=1)
    return net


def test_a_block_of_onnx_that_differs_stays_and_the_others_are_rewritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = onnx_file.splice

    def wrong(model: Any, blocks: Any) -> Any:
        made = right(model, blocks)
        if len(blocks) > 1:
            bad.append(blocks[0].outputs[-1])
        for each in made.graph.initializer:
            if bad and each.name.startswith(f"{bad[0]}/") and len(each.dims) == 4:
                values = np.roll(numpy_helper.to_array(each), 1)
                each.CopyFrom(numpy_helper.from_array(values, each.name))
        return made

    bad: list[str] = []
    monkeypatch.setattr(onnx_file, "splice", wrong)
    net = two_blocks()
    result = optimize(save_onnx(net, tmp_path / "a.onnx"), tmp_path / "out")
    assert len(result.regions) == 1
    (left,) = result.left_alone
    assert left.name == bad[0]
    assert "not proven equal: it differs from a float64 reference" in left.why
    assert any("please report this" in text for text in result.warnings)
    hold_onnx(tmp_path / "out" / "a.onnx", net.model())
    assert any(n.op_type == "Split" for n in onnx.load(tmp_path / "out" / "a.onnx").graph.node)
