"""Warnings that a file was made for another kind of runtime than the one that runs it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from mixnet_bench.cli import main
from mixnet_bench.timing.made_for import unsuited
from mixnet_export.cli import main as export
from mixnet_runtimes.targets import find_target

DEFAULT = {"target": "litert-2.3", "precision": "float32", "lowering": "xnnpack"}
WHOLE = {"target": "litert-1.1", "precision": "float32", "lowering": "xnnpack-multipass"}


@pytest.mark.parametrize(
    ("provenance", "running", "advice"),
    [
        (DEFAULT, "litert-2.3", ""),
        (DEFAULT, "litert-1.4", ""),
        (DEFAULT, "tflite-2.20", ""),
        (DEFAULT, "litert-1.1", "--for litert-1.1"),
        (DEFAULT, "tflite-2.17", "--for tflite-2.17"),
        (WHOLE, "litert-1.0", ""),
        (WHOLE, "litert-2.3", "--for litert-2.3"),
        ({**DEFAULT, "precision": "int8"}, "litert-1.1", ""),
        ({**DEFAULT, "precision": "float16"}, "litert-1.1", "--for litert-1.1"),
        ({**DEFAULT, "large_kernels": 0}, "litert-1.1", ""),
        ({**DEFAULT, "large_kernels": 3}, "litert-1.1", "--for litert-1.1"),
        # Files of earlier versions do not name a target.
        ({"precision": "float32", "lowering": "xnnpack"}, "litert-1.1", "--for litert-1.1"),
        ({"precision": "float32", "lowering": "reference"}, "litert-1.1", ""),
        ({"precision": "float32", "lowering": "mine.toml"}, "litert-1.1", ""),
        # Somebody's file, optimized.
        ({"target": "litert-2.3"}, "litert-1.1", "--for litert-1.1"),
        ({"target": "litert-2.3"}, "litert-1.2", ""),
        ({"target": "mnn-3.6"}, "litert-1.1", ""),
        ({"target": 3, "precision": [], "lowering": {}}, "litert-1.1", ""),
        ({}, "litert-1.1", ""),
    ],
)
def test_a_file_for_another_kind_of_runtime_is_named(
    provenance: dict[str, object], running: str, advice: str
) -> None:
    said = unsuited(provenance, find_target(running))
    assert said.endswith(advice)
    assert bool(said) == bool(advice)


def test_latency_warns_of_a_file_for_another_kind_of_runtime(tmp_path: Path) -> None:
    runner = CliRunner()
    small = ("--multiplier", "0.25", "--resolution", "32", "--no-verify", "-o", str(tmp_path))
    made = runner.invoke(export, ["tflite", "mixnet-s", *small, "--for", "litert-1.1"])
    assert made.exit_code == 0, made.output
    (file,) = tmp_path.glob("*.tflite")
    quick = ("--launches", "1", "--min-count", "2", "--min-time", "0", "--warmup", "0", "--json")
    result = runner.invoke(main, ["latency", str(file), *quick])
    (target,) = json.loads(result.stdout)["targets"]
    assert target["runtime"] == "LiteRT"
    assert "made for LiteRT 1.1; on LiteRT 2.3, which runs it" in result.stderr
    assert "--for litert-2.3" in result.stderr
    runner.invoke(export, ["tflite", "mixnet-s", *small])
    again = runner.invoke(main, ["latency", str(file), *quick])
    assert again.exit_code == 0
    assert "made for" not in again.stderr
