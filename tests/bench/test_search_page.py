"""docs/search.md: its example runs, its own score works, and its words are the command's."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from made_up_table import write_table

from mixnet_bench.architecture_search.scores import Candidate
from mixnet_bench.cli import main as bench
from mixnet_export.cli import main as export

PAGE = Path(__file__).parents[2] / "docs" / "search.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a latency table of a small space, which stands in for the paper's."""
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path)
    return tmp_path


def test_the_example_leads_from_a_table_to_files(place: Path) -> None:
    console, *_ = blocks("console")
    lines = re.findall(r"^\$ (.*)$", console, re.M)
    assert [line.split()[1] for line in lines] == ["table", "search", "tflite", "tflite", "latency"]
    for line in lines[1:4]:
        program, *words = shlex.split(line.replace("--space mixnet", "--space space.toml"))
        command = {"mixnet-bench": bench, "mixnet-export": export}[program]
        done = CliRunner().invoke(command, words)
        assert done.exit_code == 0, done.output
    for path in re.findall(r"out/\S+\.tflite", lines[-1]):
        assert Path(path).exists()
    for name in ("front-01.toml", "front.svg", "search.json", "candidates.jsonl"):
        assert Path("found", name).exists()
        assert name in PAGE.read_text()


def test_the_zero_cost_proxy_tells_networks_apart(place: Path) -> None:
    proxy, *others = blocks("python")
    Path("entropy.py").write_text(proxy)
    words = "search --space space.toml --table table.json --score entropy.py:entropy"
    done = CliRunner().invoke(bench, [*shlex.split(words), "--evaluations", "30", "-o", "found"])
    assert done.exit_code == 0, done.output
    assert "could not be scored" not in done.stderr
    assert len(list(Path("found").glob("front-*.toml"))) > 2
    for each in others:
        compile(each, "page", "exec")


def test_the_page_names_what_a_candidate_has() -> None:
    named = {name for cell in re.findall(r"^\| (`.*?) \|", PAGE.read_text(), re.M)
             for name in re.findall(r"`(\w+)", cell)}  # fmt: skip
    public = {name for name in (*dir(Candidate), *Candidate.__dataclass_fields__) if name[0] != "_"}
    assert public - {"space"} <= named
