"""docs/json.md against what the commands print and have printed, and against the records."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mixnet_bench.cli import main
from mixnet_common.console import json_text
from mixnet_common.result import decode
from mixnet_export.results import ExportResult

DOCS = Path(__file__).parents[2] / "docs" / "json.md"
FIXTURES = Path(__file__).parents[1] / "fixtures"

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


AS_THEY_ARE = ("provenance",)
"""Objects that are another document's, handed on as they are."""


def key_paths(value: Any, path: str = "") -> Iterator[str]:
    """The path of every value that is not an object, in the notation of the document."""
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


def documented(command: str) -> list[str]:
    text = DOCS.read_text(encoding="utf-8")
    section = text.split(f"## `{command}`")[1]
    return re.findall(r"^\| `([^`]+)` \|", section.split("\n## ")[0], re.MULTILINE)


def unknown(found: set[str], known: list[str]) -> list[str]:
    """Keys that no row tells of; ``outputs[]`` tells of all that is in it, ``*`` of any name."""
    patterns = [re.escape(row).replace(r"\*", "[^.]+") for row in known]
    rows = re.compile("|".join(rf"{each}(?:$|\.|\[\])" for each in patterns))
    return sorted(
        path
        for path in found
        if not rows.match(path) and not any(row.startswith(f"{path}[]") for row in known)
    )


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
def test_the_keys_printed_are_documented(
    command: str, commands: dict[str, tuple[object, ...]], tiny_onnx: Path
) -> None:
    found = printed(*commands[command])
    if command == "latency":
        quick = ("--launches", "1", "--min-count", "2", "--min-time", "0", "--json")
        found |= printed("latency", tiny_onnx, "--against", tiny_onnx, *quick)
        found |= printed("latency", tiny_onnx, "--sustained", "0.2s", "--json")
    assert len(found) > 8
    assert unknown(found, documented(f"mixnet-bench {command}")) == []


RESULTS = {
    "add-runtime": "mixnet-bench devices add-runtime",
    "build-runner": "mixnet-bench devices build-runner",
    "classify": "mixnet-bench classify",
    "count": "mixnet-bench count",
    "devices": "mixnet-bench devices",
    "export": "mixnet-export tflite, onnx",
    "list": "mixnet-export list",
    "paper-table2": "mixnet-bench paper",
    "paper-text": "mixnet-bench paper",
    "parity": "mixnet-bench parity",
    "phone-benchmark-model": "mixnet-bench latency --on adb --runner FILE",
    "run": "mixnet-bench run",
    "selftest": "mixnet-bench devices selftest",
    "setup": "mixnet-bench devices setup",
    "show": "mixnet-export show",
    "study-compare-runner": "python -m mixnet_bench.studies.runner",
    "study-export-cost": "python -m mixnet_bench.studies.export_cost",
    "study-trust-trial": "python -m mixnet_bench.studies.comparison_trial",
    "tune": "mixnet-bench tune",
}
"""Kept results, by name, and the section that tells of their keys."""


@pytest.mark.parametrize(("name", "section"), RESULTS.items(), ids=RESULTS)
def test_kept_results_have_no_key_that_is_not_documented(name: str, section: str) -> None:
    targets = json.loads((FIXTURES / "results" / f"{name}.json").read_text())["targets"]
    found = {path for target in targets for path in key_paths(target)}
    assert unknown(found, documented(section)) == []


@pytest.mark.parametrize("name", ["phone", "phone-against", "study-compare-exporters"])
def test_results_that_are_latencies_have_their_keys_and_their_own(name: str) -> None:
    own = "python -m mixnet_bench.studies.exporters"
    section = own if name.startswith("study") else "mixnet-bench latency --on adb"
    known = [*documented("mixnet-bench latency"), *documented(section)]
    targets = json.loads((FIXTURES / "results" / f"{name}.json").read_text())["targets"]
    found = {path for target in targets for path in key_paths(target)}
    assert unknown(found, known) == []


@pytest.mark.parametrize(
    "path", sorted(FIXTURES.glob("provenance/*.json")), ids=lambda path: path.stem
)
def test_provenance_is_an_exports_result(path: Path) -> None:
    value = {"path": "a", **json.loads(path.read_text(encoding="utf-8"))}
    value.setdefault("name", value["network"])
    (found,) = json.loads(json_text([decode(ExportResult, value)]))["targets"]
    assert {key: found[key] for key in value} == value


def test_the_page_is_what_the_records_say() -> None:
    page = subprocess.run(
        [sys.executable, "-c", "import write_json; print(write_json.render(), end='')"],
        cwd=DOCS.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert page.stdout == DOCS.read_text(encoding="utf-8"), "run python docs/write_json.py"


def test_every_key_has_its_meaning() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| (.*) \|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) > 400
    assert [path for path, meaning in rows if not meaning.strip()] == []
