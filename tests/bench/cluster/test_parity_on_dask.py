"""Parity on Dask's workers: the plain run's digits, whatever dies meanwhile."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mixnet_bench.cli import main

Pair = tuple[Path, Path]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["parity", *map(str, arguments), "--json"])


def told(*arguments: object) -> dict[str, Any]:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    (found,) = json.loads(result.stdout)["targets"]
    return dict(found)


def images_in(state: Path) -> Counter[int]:
    """How often each image is in a state file."""
    lines = [json.loads(line) for line in state.read_text().splitlines()[1:]]
    return Counter(each["image"] for each in lines if "image" in each)


@pytest.fixture(scope="module")
def plain(pair: Pair, photos: Path) -> dict[str, Any]:
    found = told(*pair, "--data", photos)
    assert found["logit_error"]["rms"] > 0
    assert found["unreadable"]
    return found


def test_two_workers_give_the_plain_runs_digits_and_each_has_a_line(
    pair: Pair, photos: Path, plain: dict[str, Any], tmp_path: Path
) -> None:
    state = tmp_path / "state"
    result = run(*pair, "--data", photos, "--dask", "local:2", "--state", state)
    assert json.loads(result.stdout)["targets"] == [plain]
    lines = [each for each in result.stderr.splitlines() if " a second" in each]
    assert [each.split(" on ")[0] for each in lines] == ["0", "1"]
    assert "unreadable" not in result.stdout.partition('"unreadable"')[0]
    assert set(images_in(state).values()) == {1}


def test_what_one_began_the_other_goes_on_with(
    pair: Pair, photos: Path, plain: dict[str, Any], tmp_path: Path
) -> None:
    state = tmp_path / "state"
    told(*pair, "--data", photos, "--state", state)
    lines = state.read_text().splitlines(keepends=True)
    state.write_text("".join([*lines[:1], *reversed(lines[2:30:2])]))  # of an earlier version
    assert told(*pair, "--data", photos, "--state", state, "--dask", "local:1") == plain
    assert set(images_in(state).values()) == {1}
    assert '{"machine":' in state.read_text()

    lines = state.read_text().splitlines(keepends=True)
    state.write_text("".join(lines[:-9]))
    assert told(*pair, "--data", photos, "--state", state) == plain
    assert state.read_text().count('{"machine":') == 1, "it is the same machine"


def test_jobs_are_of_this_process(pair: Pair, photos: Path) -> None:
    result = run(*pair, "--data", photos, "--dask", "local:1", "--jobs", 2)
    assert result.exit_code == 2
    assert "--jobs has no effect" in result.stderr
