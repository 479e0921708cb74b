"""docs/json.md against what the commands print: every key is documented, none is stale."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mixnet_bench.cli import main

DOCS = Path(__file__).parents[2] / "docs" / "json.md"

FREE = (
    "macs_by_convention",
    "not_counted",
    "origin",
    "metadata",
    "operators",
    "preprocessing",
    "provenance",
    "delegation.outside_kinds",
    "delegation.outside_reasons",
    "settings.runtime",
    "macs.by_convention",
    "launches[].bursts[].khz_before",
    "launches[].bursts[].khz_after",
    "shapes",
    "files[].shapes",
    "given.shapes",
    "given.inputs",
)
"""Objects whose keys depend on the content."""

RARE = {
    "not_counted.*",
    "signatures[].name",
    "signatures[].params",
    "signatures[].macs",
    "signatures[].activations",
    "signatures[].reason",
    "layers[].bodies[].name",
    "metadata.*",
    "layers[].bodies[].layers",
    "delegation.outside_kinds.*",
    "delegation.outside_reasons.*",
    "launches[].bursts[].khz_before.*",
    "launches[].bursts[].khz_after.*",
    "data_files[].name",
    "data_files[].sha256",
    "data_files[].size_bytes",
    "given.shapes.*",
    "given.signature",
    "given.inputs.*.sha256",
    "given.inputs.*.range",
    "blocks[].best.ratio",
    "blocks[].best.interval",
    "blocks[].best.faster",
}
"""Keys that the tiny files of these tests do not have."""


AS_THEY_ARE = ("provenance",)
"""Objects that are another document's, handed on as they are."""


def key_paths(value: Any, path: str = "") -> Iterator[str]:
    """The path of every value that is no object, in the notation of the document."""
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        for each in value:
            yield from key_paths(each, f"{path}[]")
    elif isinstance(value, dict) and path in AS_THEY_ARE:
        yield f"{path}.*"
    elif isinstance(value, dict):
        for key, each in value.items():
            name = "*" if path in FREE else key
            yield from key_paths(each, f"{path}.{name}" if path else name)
    else:
        yield path


def documented(command: str) -> set[str]:
    section = DOCS.read_text(encoding="utf-8").split(f"## `mixnet-bench {command}`")[1]
    return set(re.findall(r"^\| `([^`]+)` \|", section.split("\n## ")[0], re.MULTILINE))


def printed(*arguments: object) -> set[str]:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return {path for target in json.loads(result.stdout)["targets"] for path in key_paths(target)}


@pytest.fixture
def commands(
    tiny_onnx: Path,
    tiny_tflite: Path,
    tiny_network: Path,
    tiny_classifier: Path,
    tiny_photo: Path,
) -> dict[str, tuple[object, ...]]:
    quick = ("--launches", "1", "--min-count", "2", "--min-time", "0")
    return {
        "count": ("count", "mixnet-s", tiny_onnx, tiny_tflite, "--json"),
        "latency": ("latency", tiny_onnx, tiny_tflite, *quick, "--profile", "--json"),
        "classify": ("classify", tiny_classifier, tiny_photo, "--json"),
        "inspect": ("inspect", tiny_classifier, "--json"),
        "paper": ("paper", "all", "--json"),
        "tune": (
            "tune",
            tiny_network,
            "-o",
            tiny_network.with_name("plan.toml"),
            "--no-cache",
            "--json",
        ),
    }


@pytest.mark.parametrize("command", ["count", "inspect", "latency", "classify", "paper", "tune"])
def test_the_keys_printed_are_the_keys_documented(
    command: str, commands: dict[str, tuple[object, ...]], tiny_onnx: Path
) -> None:
    found = printed(*commands[command])
    if command == "latency":
        quick = ("--launches", "1", "--min-count", "2", "--min-time", "0", "--json")
        found |= printed("latency", tiny_onnx, "--against", tiny_onnx, *quick)
        found |= printed("latency", tiny_onnx, "--sustained", "0.2s", "--json")
    assert found | (RARE & documented(command)) == documented(command)
