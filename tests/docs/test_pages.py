"""The pages against the software: none is stale, and what they tell one to type works."""

import dataclasses
import re
import shlex
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import mixnet_mobile as mm
from mixnet_bench.cli import main as bench
from mixnet_export.cli import main as export
from mixnet_networks import architecture, load_network

sys.path.append(str(Path(__file__).parents[1]))
from test_structure import FLOORS

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
COMMANDS = {"mixnet-export": export, "mixnet-bench": bench}
RECORDS = [
    architecture.Architecture,
    architecture.Stem,
    architecture.Stage,
    architecture.Head,
    architecture.Preprocessing,
]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)


def typed(page: Path) -> list[str]:
    """What a reader is told to type: lines with ``$`` in console blocks."""
    return re.findall(r"^\$ (.*)$", "\n".join(blocks(page, "console")), re.M)


def test_the_commands_page_is_what_help_prints() -> None:
    place = ROOT / "docs" / "write_cli.py"
    spec = spec_from_file_location("write_cli", place)
    assert spec is not None
    assert spec.loader is not None
    writer = module_from_spec(spec)
    spec.loader.exec_module(writer)

    written = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert written == writer.render(), "run: python docs/write_cli.py"


@pytest.mark.parametrize("record", RECORDS)
def test_every_key_of_a_network_is_documented_with_its_default(record: type[Any]) -> None:
    """In the section of its table; Architecture's keys stand under ``The file``."""
    page = (ROOT / "docs" / "networks.md").read_text(encoding="utf-8")
    titles = {"Architecture": "The file", "Stage": "`stages`"}
    title = titles.get(record.__name__, f"`{record.__name__.lower()}`")
    section = page.partition(f"## {title}\n")[2].partition("\n## ")[0]
    documented = re.findall(r"^\| `(\w+)` \| ([^|]*) \|", section, re.M)
    fields = {field.name: field.default for field in dataclasses.fields(record)}

    assert {key for key, _ in documented} == set(fields)
    for key, default in documented:
        if default.strip("`")[:1] in '0123456789"[':
            value = fields[key]
            expected = list(value) if isinstance(value, tuple) else value
            assert default.strip("`").replace('"', "") == shown(expected), key


def shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def test_the_example_network_is_one(tmp_path: Path) -> None:
    text, *_ = blocks(ROOT / "docs" / "networks.md", "toml")
    path = tmp_path / "my-net.toml"
    path.write_text(text)

    assert load_network(str(path)).graph.shape("blocks.0.0.project")[3] == 24


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))

    for target in targets:
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_has_marks_of_a_merge(page: Path) -> None:
    marks = re.findall(r"^(?:<{7}|={7}|>{7}).*$", page.read_text(encoding="utf-8"), re.M)
    assert marks == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_section_leads_to_a_heading(page: Path) -> None:
    for file, section in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text(encoding="utf-8")):
        target = page.parent / file if file else page
        assert section in anchors(target), f"{target.name}#{section}"


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_named_on_a_page_exists(page: Path) -> None:
    text = "\n".join([*blocks(page, "console"), *re.findall(r"`([^`\n]+)`", page.read_text())])
    for name, command in re.findall(r"\b(mixnet-export|mixnet-bench) ([a-z]+)\b", text):
        if page.name != "README.md" or command not in not_yet():
            assert command in COMMANDS[name].commands, f"{name} {command}"


def test_every_decision_is_in_the_reading_order() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = set(re.findall(r"\]\(([a-z-]+\.md)\)", (folder / "README.md").read_text()))
    assert listed == {path.name for path in folder.glob("*.md")} - {"README.md"}


def test_the_layers_of_the_bench_on_the_page_are_those_that_the_code_is_held_to() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d) \| ([^|]*) \|", page, re.M)
    shown = {part: int(layer) for layer, parts in rows for part in re.findall(r"`(\w+)`", parts)}
    earlier_programs = {name for name in FLOORS if name.endswith(("_exporters", "_runner"))}
    earlier_programs |= {"export_cost", "glyphs", "trust_trial"}
    assert shown == {name: floor for name, floor in FLOORS.items() if name not in earlier_programs}


def not_yet() -> set[str]:
    """Commands that the README names as still to come."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\|.*\| not yet.*\|$", text, re.M)
    return set(re.findall(r"mixnet-(?:bench|export) ([a-z]+)", "\n".join(rows)))


NOT_HERE = (
    *("latency", "devices", "parity", "run", "report"),
    *("table", "predict", "search"),
)
"""Timing, phones, labelled images, and minutes of work: each has its own tests."""


def test_every_command_of_the_readme_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In order, in one empty directory; what needs more than that is tested elsewhere."""
    monkeypatch.chdir(tmp_path)
    network, *_ = blocks(ROOT / "docs" / "networks.md", "toml")
    (tmp_path / "my-net.toml").write_text(network)
    from PIL import Image

    (tmp_path / "photos").mkdir()
    Image.new("RGB", (300, 260), (200, 80, 10)).save(tmp_path / "photos" / "a.jpg")
    written = mm.export("mixnet-s", lowering="reference", output=tmp_path / "anyones")
    written.path.rename(tmp_path / "model.tflite")
    ran = []
    for line in typed(ROOT / "README.md"):
        program, *arguments = shlex.split(line, comments=True)
        if program in COMMANDS and arguments[0] not in NOT_HERE:
            result = CliRunner().invoke(COMMANDS[program], arguments)
            assert result.exit_code == 0, f"{line}\n{result.output}"
            ran.append(arguments[0])
        else:
            assert program in {"make", "git", "cd", "pip", *COMMANDS}, line

    assert {"list", "show", "tflite", "onnx", "count", "paper"} <= set(ran)


def test_every_make_target_of_the_pages_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    named = {
        target
        for page in PAGES
        for target in re.findall(r"\bmake ([a-z-]+)`|^\$ make ([a-z-]+)", page.read_text(), re.M)
        for target in target
        if target
    }

    assert {"bench", "test"} <= named <= targets


def test_the_python_example_of_the_readme_runs(tmp_path: Path) -> None:
    (code,) = blocks(ROOT / "README.md", "python")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out/mixnet-s.tflite").stat().st_size > 16_000_000
