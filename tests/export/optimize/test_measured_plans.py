"""Rewritings that are measured: kept where the interval says faster, written as a plan."""

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from graph_files import Net, hold
from test_mixed_convolutions import block

from mixnet_bench.cli import main as bench
from mixnet_common import UsageError
from mixnet_common.hashing import sha256_of
from mixnet_export.cli import main
from mixnet_export.optimize.decisions import load_decisions
from mixnet_export.optimize.job import optimize
from mixnet_export.optimize.planning import MeasuredPlan, plan_with
from mixnet_export.writers.onnx import write_onnx
from mixnet_runtimes.targets import find_target


def net_of_two() -> Net:
    """A block of MixNet, whose parts have a large kernel, and a multiplier."""
    net = Net(1, 16, 16, 8)
    block(net)
    net.add("depthwise_conv2d", kernel=(3, 3), multiplier=2, bias=True)
    net.add("conv2d", filters=5, kernel=(1, 1), bias=True)
    return net


def measured(path: Path, ratios: Sequence[float]) -> MeasuredPlan:
    """A plan by a clock that gives these ratios, pair by pair, in three launches."""
    left = list(ratios)

    def timer(contents: Sequence[bytes]) -> list[Any]:
        assert len(contents) == 2
        assert contents[0] != contents[1]
        ratio = left.pop(0)
        return [[[1.0, 1.0], [ratio * noise] * 2] for noise in (0.99, 1.0, 1.01)]

    target = find_target(None, path.suffix[1:])
    plan = plan_with(path, target, timer, "a clock of its own")
    assert not left
    return plan


def test_what_is_slower_or_may_be_stays_as_it_is(tmp_path: Path) -> None:
    net = net_of_two()
    path = net.save(tmp_path / "a.tflite")
    everything = optimize(path)
    assert {region.pattern for region in everything.regions} == {
        "mixed convolution", "depth multiplier",
    }  # fmt: skip
    assert everything.rewritten
    plan = measured(path, (1.2, 0.5, 0.99))
    assert [each.is_faster for each in plan.measured] == [False, True, False]
    (tmp_path / "plan.toml").write_text(plan.text)
    decisions = load_decisions(tmp_path / "plan.toml")
    assert decisions == plan.decisions
    result = optimize(path, tmp_path / "out", decisions=decisions)
    assert [region.pattern for region in result.regions] == ["depth multiplier"]
    assert "mixed convolution: measured, not faster" in result.left_alone[0].why
    assert result.written is not None
    hold(result.written, net.model())


def test_onnx_files_are_measured_too(tmp_path: Path) -> None:
    net = Net(1, 16, 16, 8)
    block(net)
    path = tmp_path / "a.onnx"
    path.write_bytes(write_onnx(net.model()))
    assert optimize(path, decisions=measured(path, (0.5,)).decisions).regions
    assert not optimize(path, decisions=measured(path, (1.5,)).decisions).regions


def test_a_plan_is_for_one_file_and_one_target(tmp_path: Path) -> None:
    net = net_of_two()
    path = net.save(tmp_path / "a.tflite")
    plan = tmp_path / "plan.toml"
    plan.write_text(measured(path, (0.5, 0.5, 0.5)).text)
    assert tomllib.loads(plan.read_text())["original_sha256"] == sha256_of(path)
    second = Net(1, 16, 16, 8, seed=3)
    block(second)
    another = second.save(tmp_path / "b.tflite")
    out = str(tmp_path / "out")
    call = ["optimize", str(another), "-o", out, "--lowering", str(plan)]
    result = CliRunner().invoke(main, call)
    assert result.exit_code == 2
    assert "another file" in result.stderr
    call = ["optimize", str(path), "-o", out, "--lowering", str(plan), "--for", "litert-1.1"]
    result = CliRunner().invoke(main, call)
    assert result.exit_code == 2
    assert "measured for litert-2.3" in result.stderr


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("rewrite = 3", "true and false"),
        ("[rewrite]\na = 1", "true and false"),
        ("target = 'nothing-1'", "nothing-1"),
        ("speed = 1", "speed"),
        ("measured = [", "TOML"),
    ],
)
def test_a_wrong_plan_is_refused_with_its_key(text: str, word: str, tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(text)
    with pytest.raises(UsageError, match=word):
        load_decisions(tmp_path / "plan.toml")


@pytest.mark.long
def test_measuring_writes_a_plan_that_gives_the_same_file(tmp_path: Path) -> None:
    path = net_of_two().save(tmp_path / "a.tflite")
    first, second = tmp_path / "one", tmp_path / "two"
    result = CliRunner().invoke(main, ["optimize", str(path), "-o", str(first), "--measure"])
    assert result.exit_code == 0, result.output
    plan = first / "a.tflite.toml"
    call = ["optimize", str(path), "-o", str(second), "--lowering", str(plan), "--json"]
    (found,) = json.loads(CliRunner().invoke(main, call).stdout)["targets"]
    written = first / "a.tflite"
    assert written.exists() is (found["written"] is not None)
    if written.exists():
        assert written.read_bytes() == (second / "a.tflite").read_bytes()
    both = ["optimize", str(path), "-o", str(second), "--lowering", str(plan), "--measure"]
    assert CliRunner().invoke(main, both).exit_code == 2


def test_tuning_a_file_gives_such_a_plan(tmp_path: Path) -> None:
    net = Net(1, 16, 16, 8)
    net.add("depthwise_conv2d", kernel=(3, 3), multiplier=2, bias=True)
    net.add("conv2d", filters=5, kernel=(1, 1), bias=True)
    path, plan = net.save(tmp_path / "a.tflite"), tmp_path / "plan.toml"
    result = CliRunner().invoke(bench, ["tune", str(path), "-o", str(plan), "--json"])
    assert result.exit_code == 0, result.output
    (found,) = json.loads(result.stdout)["targets"]
    assert found["rewritings"][0]["pattern"] == "depth multiplier"
    decisions = load_decisions(plan)
    assert list(decisions.rewrite.values()) == [found["rewritings"][0]["faster"]]
    result = CliRunner().invoke(bench, ["tune", str(path), "-o", str(plan), "--classes", "5"])
    assert result.exit_code == 2
    assert "is a file" in result.stderr
