"""``--for``: the default lowering of each runtime and version, and what a file says of it."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mixnet_common import UsageError
from mixnet_export.cli import main
from mixnet_export.lowering import PLANS, Model, find_plan, lower
from mixnet_export.lowering.model import MOST_CONCATENATED
from mixnet_export.lowering.taps import MOST_TAPS
from mixnet_export.lowering.tiling import large_kernels
from mixnet_networks import load_network
from mixnet_networks.building import ssdlite
from mixnet_networks.weights import seeded_weights
from mixnet_runtimes.targets import PRECISIONS, Target, load_targets
from mixnet_runtimes.tflite.undelegated import REASONS

PAGE = Path(__file__).parents[2] / "docs" / "runtimes.md"
TARGETS = load_targets().targets
FILES = ("float32", "float16", "int8", "int8-dynamic", "mixed")


@cache
def model() -> Model:
    network = load_network("mixnet-s", multiplier=0.25, resolution=64)
    return Model(network.graph, seeded_weights(network))


def export(form: str, folder: Path, *options: str) -> Result:
    command = [form, "mixnet-s", "--multiplier", "0.25", "--resolution", "64", "-o", str(folder)]
    return CliRunner().invoke(main, [*command, "--no-verify", "--json", *options])


def written(form: str, folder: Path, *options: str) -> dict[str, Any]:
    result = export(form, folder, *options)
    assert result.exit_code == 0, result.output
    (target,) = json.loads(result.stdout)["targets"]
    return target


@cache
def large_after(plan: str) -> int:
    """Kernels of more than 25 taps that a plan leaves in a network."""
    return large_kernels(lower(model(), plan).graph)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_every_target_has_a_plan_for_every_precision(target: Target) -> None:
    plans = {
        each: find_plan("default", target.file_format, precision=each, target=target)
        for each in FILES
    }
    assert all(plan == PLANS[plan.name] and plan.measured for plan in plans.values())
    if target.file_format == "tflite":
        whole = {each: large_after(plan.name) for each, plan in plans.items()}
        assert large_kernels(model().graph) > 10
        left = {"float32", "float16"} if target.multipass else set()
        assert {each for each, count in whole.items() if count} == left


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_the_limits_of_passes_and_explanations_are_those_of_the_table(target: Target) -> None:
    if target.file_format != "tflite":
        assert target.rules.split is target.rules.concatenation is None
        return
    assert all(max(target.tiles(each)) == MOST_TAPS for each in PRECISIONS)
    least, most = target.rules.concatenation
    assert most == MOST_CONCATENATED == ssdlite.MOST_CONCATENATED
    assert REASONS["CONCATENATION"] == f"XNNPACK joins {least} to {most} tensors"
    least, most = target.rules.split
    assert REASONS["SPLIT"] == f"XNNPACK splits into {least} to {most} equal parts"


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_the_page_on_runtimes_has_every_target(target: Target) -> None:
    rows = PAGE.read_text(encoding="utf-8").splitlines()
    (row,) = (each for each in rows if each.startswith(f"| `{target.name}` |"))
    plans = dict.fromkeys(target.lowering(each) for each in FILES)
    assert ", ".join(f"`{plan}`" for plan in plans) in row
    assert row.endswith(f"| {target.measured.partition(' on ')[0]} |".replace("|  |", "| |"))


def test_a_file_for_a_version_with_multipass_kernels_is_not_tiled(tmp_path: Path) -> None:
    newest = written("tflite", tmp_path)
    older = written("tflite", tmp_path, "--for", "litert-1.1.2")
    same = written("tflite", tmp_path, "--for", "litert-2.3")
    assert (newest["target"], newest["lowering"]) == ("litert-2.3", "xnnpack")
    assert (older["target"], older["lowering"]) == ("litert-1.1", "xnnpack-multipass")
    assert same["sha256"] == newest["sha256"] != older["sha256"]
    assert older["large_kernels"] == newest["large_kernels"] > 10
    (side,) = tmp_path.glob("*.tflite.json")
    assert json.loads(side.read_text())["target"] == "litert-2.3"


def test_a_plan_says_what_it_was_tuned_on(tmp_path: Path) -> None:
    plan = tmp_path / "mine.toml"
    plan.write_text('target = "tflite-2.17.1"\n', encoding="utf-8")
    assert written("tflite", tmp_path, "--lowering", str(plan))["target"] == "tflite-2.17"
    assert written("tflite", tmp_path, "--lowering", "reference")["target"] is None
    plan.write_text("target = 2.17\n", encoding="utf-8")
    with pytest.raises(UsageError, match="'target' must be a runtime"):
        find_plan(str(plan), "tflite")


def test_onnx_files_are_for_onnxruntime(tmp_path: Path) -> None:
    assert written("onnx", tmp_path)["target"] == "onnxruntime-1.32"
    assert written("onnx", tmp_path, "--for", "onnxruntime-1.17")["target"] == "onnxruntime-1.17"


@pytest.mark.parametrize(
    ("form", "options", "said"),
    [
        ("tflite", ("--for", "litert-9.9"), "unknown runtime 'litert-9.9'"),
        ("tflite", ("--for", "litret-2.3"), "did you mean litert-2.3?"),
        ("tflite", ("--for", "mnn"), "known: litert-1.0, litert-1.1"),
        ("tflite", ("--for", "onnxruntime-1.32"), "runs .onnx files, not .tflite"),
        ("onnx", ("--for", "tflite-2.17"), "runs .tflite files, not .onnx"),
        ("tflite", ("--for", "litert-1.1", "--lowering", "reference"), "omit one of them"),
    ],
)
def test_what_no_file_can_be_for_is_refused(
    form: str, options: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    result = export(form, tmp_path, *options)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not list(tmp_path.iterdir())
