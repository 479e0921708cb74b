"""``mixnet-bench search``: from a latency table to networks that export."""

import json
import subprocess
import sys
from pathlib import Path
from shlex import split
from typing import Any

import pytest
from click.testing import CliRunner, Result
from made_up_results import latency, save
from made_up_table import write_table

from mixnet_bench.cli import main
from mixnet_export.cli import main as export
from mixnet_networks import load_network
from mixnet_networks.searchspace import load_space

SEARCH = "search --space space.toml --table table.json"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    write_table(folder)
    return folder


@pytest.fixture
def place(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a space and its table, which is the current one."""
    enter(tmp_path, made, monkeypatch)
    return tmp_path


def enter(folder: Path, made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir(exist_ok=True)
    for each in made.iterdir():
        (folder / each.name).write_bytes(each.read_bytes())
    monkeypatch.chdir(folder)


def run(words: str, status: int = 0) -> Result:
    done = CliRunner().invoke(main, split(f"{SEARCH} {words}"))
    assert done.exit_code == status, done.output
    return done


def contents(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


def found(words: str) -> dict[str, Any]:
    target: dict[str, Any] = json.loads(run(f"{words} --json").stdout)["targets"][0]
    return target


def candidates(folder: str) -> list[dict[str, Any]]:
    _, *lines = Path(folder, "candidates.jsonl").read_text().splitlines()
    return [json.loads(each) for each in lines]


def write_score(body: str, name: str = "score.py") -> None:
    Path(name).write_text(f"import math, os\n\ndef score(candidate):\n{body}")


# What is found


def test_a_search_leaves_a_front_of_networks_that_export(place: Path) -> None:
    result = found("--score synthetic --evaluations 200 -o found")
    front, names = result["front"], set(contents(Path("found")))

    assert len(front) > 3
    assert names == {
        "candidates.jsonl", "front.svg", "search.json", *(f"{each['name']}.toml" for each in front)
    }  # fmt: skip
    assert json.loads(Path("found/search.json").read_text())["targets"] == [result]
    assert [each["latency_ratio"] for each in front] == sorted(
        each["latency_ratio"] for each in front
    )
    assert [each["score"] for each in front] == sorted(each["score"] for each in front)
    space = load_space("space.toml")
    for each in front:
        network = load_network(each["path"])
        assert space.genotype_of(network.architecture) == tuple(each["genotype"])
        assert (network.resolution, network.classes) == (32, 10)
    done = CliRunner().invoke(export, ["tflite", front[0]["path"], "-o", "out"])
    assert done.exit_code == 0, done.output
    assert Path("out/front-01.tflite").stat().st_size > 10_000


def test_every_candidate_is_kept_and_within_the_limit(place: Path) -> None:
    result = found("--score synthetic --evaluations 150 --latency 0.54ms -o found")
    lines = candidates("found")

    assert len(lines) == 150
    assert result["limit_ratio"] == pytest.approx(0.054)
    assert all(each["latency_ratio_interval"][1] <= 0.054 for each in lines)


def test_likely_holds_the_predicted_value_against_the_limit(place: Path) -> None:
    words = "--score synthetic --evaluations 5 --latency 0.508ms -o found"
    refused = run(words, status=1)
    assert "the fastest is predicted to take 0.05072, at most 0.05102" in refused.stderr
    assert "--likely" in refused.stderr
    run(f"{words} --likely")
    assert all(each["latency_ratio"] <= 0.0508 for each in candidates("found"))


def test_a_limit_may_be_a_part_of_the_anchors_time_or_of_another_networks(place: Path) -> None:
    anchors = found("--score macs --evaluations 5 --latency 0.056xmixnet-s -o anchor")
    assert anchors["limit_ratio"] == 0.056
    member = found("--score macs --evaluations 5 -o found")["front"][-1]
    others = found(f"--score macs --evaluations 5 --latency 1.1x{member['path']} -o other")
    assert others["limit_ratio"] == pytest.approx(1.1 * member["latency_ratio"])


def test_the_shipped_proxies_say_that_they_are_and_prefer_larger_networks(place: Path) -> None:
    for score, key in (("macs", "macs"), ("parameters", "params")):
        result = found(f"--score {score} --evaluations 40 -o found-{score}")
        assert "a proxy: it does not say how accurate a network is" in result["about"]
        assert [each["score"] for each in result["front"]] == [
            each[key] for each in result["front"]
        ]


def test_the_table_is_for_people(place: Path) -> None:
    printed = run("--score synthetic --evaluations 300 --latency 30ms -o found")
    assert "front-01" in printed.stdout
    assert (
        "latencies are predicted, not measured, for LiteRT 2.3.0, a made-up CPU" in printed.stdout
    )
    assert "best possible within the limit: " in printed.stdout
    assert "mixnet-export tflite found/front-" in printed.stderr


# One's own score


def test_a_score_of_ones_own_gets_all_of_a_candidate(place: Path) -> None:
    write_score(
        "    assert candidate.network.graph.nodes\n"
        "    assert candidate.latency_ratio.interval.low < candidate.latency_ratio.value\n"
        "    assert candidate.save('tried').name == f'{candidate.name}.toml'\n"
        "    print('scored', candidate.name)\n"
        "    return candidate.macs / candidate.parameters - 0.01 * candidate.latency_ms\n"
    )
    result = found("--score score.py:score --evaluations 10 -o found")
    assert result["failed"] == 0
    assert result["score"] == "score.py:score"
    assert len(result["score_sha256"]) == 64
    assert load_network("tried/candidate-9.toml").classes == 10


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("    return [][1]\n", "of candidate-1 raised IndexError: list index out of range (line 5"),
        ("    return math.nan\n", "of candidate-1 returned nan; a score must be a finite number"),
        ("    return 'high'\n", "of candidate-1 returned 'high' (str), not a number"),
        ("    pass\n", "of candidate-1 returned None (NoneType), not a number"),
        ("    os.sys.exit(1)\n", "of candidate-1 raised SystemExit: 1"),
    ],
)
def test_a_score_that_fails_costs_the_candidate_and_then_the_search(
    place: Path, body: str, words: str
) -> None:
    write_score("    if candidate.number == 0: return 1\n" + body)
    stopped = run("--score score.py:score --evaluations 50 --failures 0 -o found", status=1)
    assert words in stopped.stderr
    assert "--failures allows 0" in stopped.stderr
    write_score("    if candidate.number != 1: return candidate.number\n" + body)
    result = found("--score score.py:score --evaluations 50 -o other")
    assert (result["failed"], result["evaluations"]) == (1, 50)
    assert words in candidates("other")[1]["error"]


def test_where_nothing_can_be_scored_nothing_is_written_but_the_candidates(place: Path) -> None:
    write_score("    raise OSError('no supernet.pt')\n")
    stopped = run("--score score.py:score --evaluations 5 -o found", status=1)
    assert "no candidate could be scored" in stopped.stderr
    assert "OSError: no supernet.pt" in stopped.stderr
    assert set(contents(Path("found"))) == {"candidates.jsonl"}


# Again, and on


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_contents = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        enter(tmp_path / name, made, monkeypatch)
        run(f"--score macs --evaluations 90 --latency 0.56ms --seed {seed} -o found")
        all_contents.append(contents(Path("found")))
    assert all_contents[0] == all_contents[1] != all_contents[2]


@pytest.mark.parametrize("number", [3, 80])
def test_a_killed_search_goes_on_to_the_same_bytes(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    body = (
        f"    if candidate.number == {number} and not os.path.exists('killed'):\n"
        "        open('killed', 'w').close()\n"
        "        os.kill(os.getpid(), 9)\n"
        "    return sum(map(math.sin, candidate.genotype))\n"
    )
    words = split(f"{SEARCH} --score score.py:score --evaluations 100 -o found")
    enter(tmp_path / "killed", made, monkeypatch)
    write_score(body)
    killed = subprocess.run([sys.executable, "-m", "mixnet_bench", *words], check=False)
    assert killed.returncode == -9
    assert len(Path("found/candidates.jsonl").read_text().splitlines()) == 1 + number
    assert set(contents(Path("found"))) == {"candidates.jsonl"}
    assert CliRunner().invoke(main, words).exit_code == 0
    resumed = contents(Path("found"))

    enter(tmp_path / "whole", made, monkeypatch)
    write_score(body)
    Path("killed").touch()
    assert CliRunner().invoke(main, words).exit_code == 0
    assert contents(Path("found")) == resumed


def test_more_evaluations_go_on_and_fewer_give_the_earlier_result(place: Path) -> None:
    run("--score synthetic --evaluations 60 -o found")
    short = contents(Path("found"))
    Path("found/notes.toml").write_text("mine")
    run("--score synthetic --evaluations 200 -o found")
    run("--score synthetic --evaluations 200 -o whole")
    longer, whole = contents(Path("found")), contents(Path("whole"))
    assert longer.pop("notes.toml") == b"mine"
    assert longer.keys() == whole.keys()
    assert longer["candidates.jsonl"] == whole["candidates.jsonl"]
    assert longer["front.svg"] == whole["front.svg"] != short["front.svg"]
    Path("found/notes.toml").unlink()
    run("--score synthetic --evaluations 60 -o found")
    again = contents(Path("found"))
    assert again.keys() == short.keys()
    assert again["search.json"] == short["search.json"]


@pytest.mark.parametrize(
    ("words", "differs"),
    [
        ("--score macs --seed 1", "seed"),
        ("--score parameters", "score"),
        ("--score macs --latency 30ms", "latency"),
        ("--score macs --population 9", "population"),
        ("--score macs --likely", "certain"),
    ],
)
def test_another_search_is_not_mixed_with_an_earlier_one(
    place: Path, words: str, differs: str
) -> None:
    run("--score macs --evaluations 5 -o found")
    before = contents(Path("found"))
    refused = run(f"{words} --evaluations 5 -o found", status=2)
    assert f"differences: {differs}" in refused.stderr
    assert contents(Path("found")) == before


def test_a_score_that_was_changed_since_is_another_search(place: Path) -> None:
    write_score("    return 1\n")
    run("--score score.py:score --evaluations 5 -o found")
    write_score("    return 2\n")
    refused = run("--score score.py:score --evaluations 9 -o found", status=2)
    assert "differences: the score's file" in refused.stderr


def test_a_space_smaller_than_the_evaluations_is_searched_whole(
    place: Path,
) -> None:
    words = "--score synthetic --evaluations 40 --latency 0.5115ms -o found --population 4"
    done = run(f"{words} --json")
    result = json.loads(done.stdout)["targets"][0]
    assert result["exhausted"]
    assert 2 < result["evaluations"] < 40
    words = f"only {result['evaluations']} different networks were found within the limit, of 40"
    assert words in done.stderr
    assert result["front"][-1]["score"] == result["best_possible"] or not result["best_possible"]


# What is refused


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        ("--score accuracy", 2, "unknown score 'accuracy'"),
        ("--score absent.py:score", 2, "no file absent.py"),
        ("--score macs --latency fast", 2, "--latency fast: give a time or a fraction of"),
        ("--score macs --latency 0.9xmixnet-z", 2, "--latency 0.9xmixnet-z: unknown network"),
        ("--score macs --latency 0.9xmobilenet-v2", 2, "lacks"),
        ("--score macs --latency 1us", 1, "no network of the space is within --latency 1us"),
        ("--score macs --evaluations 0", 2, "--evaluations 0: give a whole number"),
        ("--score macs --space mixnet", 2, "lacks"),
        ("--score macs --space table.json", 2, "unknown search space"),
        ("--score macs --table space.toml", 2, "space.toml is not valid JSON"),
        ("--score macs -o space.toml", 2, "-o space.toml is not a folder"),
    ],
)
def test_what_cannot_be_searched_is_refused_with_its_reason(
    place: Path, words: str, status: int, message: str
) -> None:
    refused = run(f"-o found {words}", status)
    assert message in refused.stderr
    assert "Traceback" not in refused.output
    assert not Path("found").exists()


def test_no_output_replaces_an_input(place: Path) -> None:
    Path("found").mkdir()
    Path("table.json").rename("found/search.json")
    done = CliRunner().invoke(
        main, split("search --space space.toml --table found/search.json --score macs -o found")
    )
    assert done.exit_code == 2
    assert "would replace found/search.json, an input" in done.stderr


def test_a_report_shows_the_front_and_what_was_measured_of_it(place: Path) -> None:
    result = found("--score macs --latency 0.9xmixnet-s --evaluations 40 -o found")
    front = result["front"]
    save(Path("l.json"), latency(front[0]["name"], "tflite", "float32", "xnnpack", 7.25))
    shown = CliRunner().invoke(main, ["report", "found", "l.json", "--markdown"])
    page = CliRunner().invoke(main, ["report", "found", "-o", "r.html"])

    assert shown.exit_code == page.exit_code == 0, shown.output + page.output
    section = shown.output.partition("## Search of")[2]
    assert [each["name"] for each in front if f"| {each['name']} |" not in section] == []
    assert "7.25" in section
    written = Path("r.html").read_text(encoding="utf-8")
    assert "Architecture searches" in written
    assert "within 0.9xmixnet-s" in written
    assert 'id="search0-title"' in written
    assert "7.25" not in written


def test_a_report_of_two_searches_shows_no_time_that_may_be_of_either(place: Path) -> None:
    first = found("--score macs --evaluations 20 -o found")
    found("--score parameters --evaluations 20 -o other")
    save(Path("l.json"), latency(first["front"][0]["name"], "tflite", "float32", "xnnpack", 7.25))
    both = CliRunner().invoke(main, ["report", "found", "other", "l.json", "--markdown"])

    assert both.exit_code == 0, both.output
    assert "7.25" not in both.output.partition("## Search of")[2]
    assert "Several searches have networks of the same name" in both.output


def test_the_csv_of_a_search_is_known_to_be_empty(place: Path) -> None:
    found("--score macs --evaluations 20 -o found")
    done = CliRunner().invoke(main, ["report", "found", "--csv"])
    assert done.exit_code == 0
    assert "the CSV is empty" in done.stderr


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"latency_ratio_interval": [2, 1]}, "has its end before its start"),
        ({"score": 1e300}, "score is out of range"),
        ({"latency_ms": -1}, "latency_ms is out of range"),
    ],
)
def test_a_damaged_front_is_refused_with_its_key(
    place: Path, change: dict[str, object], words: str
) -> None:
    found("--score macs --evaluations 20 -o found")
    path = Path("found/search.json")
    document = json.loads(path.read_text(encoding="utf-8"))
    document["targets"][0]["front"][0] |= change
    path.write_text(json.dumps(document), encoding="utf-8")
    done = CliRunner().invoke(main, ["report", "found", "--markdown"])
    assert done.exit_code == 2
    assert f"front[0].{next(iter(change))}" in done.stderr
    assert words in done.stderr


def test_far_networks_of_a_front_are_named_in_the_report(place: Path) -> None:
    front = found("--score macs --evaluations 20 -o found")["front"]
    path = Path("found/search.json")
    text = path.read_text(encoding="utf-8")
    assert "is far from the networks" not in _report()
    path.write_text(text.replace('"extrapolated": false', '"extrapolated": true', 1))
    assert f"{front[0]['name']}: it is far from the networks" in _report()


def _report() -> str:
    done = CliRunner().invoke(main, ["report", "found", "--markdown"])
    assert done.exit_code == 0, done.output
    return done.stdout
