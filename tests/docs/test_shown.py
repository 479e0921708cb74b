"""The outputs that pages show are what the commands print today.

What is measured is compared by shape (``shown``); which outputs are, and which need more than a
clean folder, stands in ``shown_table``.
"""

import doctest
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from mixnet_bench.timing.canary import caveats_of_canary
from mixnet_bench.timing.latency import Burst, Canary, Launch
from mixnet_bench.timing.verdict import judge
from mixnet_common.intervals import Interval
from mixnet_networks import load_network
from mixnet_networks.weights import save_weights, seeded_weights

sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1] / "networks")]

from command_lines import PAGES, PROGRAMS, ROOT, blocks, simple
from foreign import timm_arrays
from shown import Shown, differences, shape, shown
from shown_table import BUSY, OUTPUTS, Output

HOME = "~/.cache/mixnet-mobile"
"""What pages call the user's folder."""

DATA = Path(__file__).parents[1] / "data"
GENERATED = {"cli.md", "json.md"}
"""Pages that programs write; other tests hold them to these."""

ALL = [each for page in PAGES if page.name not in GENERATED for each in shown(page)]


def how(each: Shown) -> Output:
    """The row of an output."""
    for (page, beginning), row in OUTPUTS.items():
        if page == each.page and each.first.startswith(beginning):
            return row
    return Output()


CASES = [
    pytest.param(
        each,
        id=f"{each.page}:{each.number}",
        marks=[pytest.mark.long] if how(each).long else [],
    )
    for each in ALL
    if not how(each).reason
]


def test_the_comparison_gives_what_its_examples_say() -> None:
    found = doctest.testmod(sys.modules["shown"])
    assert found.attempted > 4
    assert found.failed == 0


def test_every_row_of_the_table_is_of_one_output() -> None:
    for page, beginning in OUTPUTS:
        found = [each for each in ALL if each.page == page and each.first.startswith(beginning)]
        assert len(found) == 1, (page, beginning)


def test_every_output_has_a_command_or_a_reason_to_have_none() -> None:
    known = [each.commands or how(each).commands or how(each).reason for each in ALL]
    assert len(known) > 20
    assert [each for each, commands in zip(ALL, known, strict=True) if not commands] == []


@pytest.mark.parametrize("each", CASES)
def test_an_output_on_a_page_is_what_is_printed(
    each: Shown, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = how(each)
    phone = request.getfixturevalue("phone") if row.place.endswith("phone") else None
    monkeypatch.setenv("MIXNET_HOME", str(tmp_path / "home"))
    if phone is None:
        monkeypatch.chdir(tmp_path)
        prepare(row.place, tmp_path, request)
    else:
        monkeypatch.chdir(phone.folder)
        monkeypatch.setenv("MIXNET_HOME", str(phone.become(row.place, tmp_path / "home")))

    lines, status = printed(row, row.commands or each.commands)

    found = differences(in_the_tests(each.lines, row), lines, measured=row.measured)
    assert not found, "\n".join(found)
    if row.stream == "output":
        assert (status != 0) == any(line.startswith("error: ") for line in each.lines)


def prepare(place: str, folder: Path, request: pytest.FixtureRequest) -> None:
    """What the commands of a place read."""
    toml, *_ = blocks(ROOT / "docs" / "networks.md", "toml")
    (folder / "my-net.toml").write_text(toml, encoding="utf-8")
    if place == "files":
        cases: Path = request.getfixturevalue("cases")
        shutil.copy(cases / "dynamic.tflite", folder / "detector.tflite")
    if place == "glyphs":
        shutil.copytree(DATA / "glyphs", folder / "glyphs")
    if place == "weights":
        make_weights(folder / "mixnet_s.ft_in1k")


def make_weights(folder: Path) -> None:
    """A folder as the Hugging Face Hub has it, with timm's arrays of a network."""
    network = load_network("mixnet-s-symmetric")
    folder.mkdir()
    save_weights(folder / "model.safetensors", timm_arrays(network, seeded_weights(network)))
    described = {"architecture": "mixnet_s", "num_classes": 1000}
    (folder / "config.json").write_text(json.dumps(described))


@pytest.fixture(scope="module")
def phone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The phone of docs/phones.md."""
    sys.path.append(str(ROOT / "tests" / "fixtures"))
    from making_phones import unavailable

    if unavailable():
        pytest.skip(unavailable())
    from shown_phone import page_phone

    with page_phone(tmp_path_factory.mktemp("phone")) as made:
        yield made


def test_the_warnings_of_a_busy_core_have_the_words_that_are_printed() -> None:
    """They hang on other programs, so measurements are made up, and judged as the command does."""
    (page,) = [each for each in ALL if how(each).reason == BUSY]
    waited = Canary((9.0, 1.0, 1.0, 1.0), (1.0, 1.0, 1.0, 1.0), 0)
    burst = Burst(0, 0, 10.0, (10.0,) * 9, t_ms=(1.0, 2.0), canary=waited)
    launch = Launch(1.0, 1.0, (), None, tuple(replace(burst, round=each) for each in range(30)))
    samples = np.array([10.0] * 8 + [30.0] * 2)
    caveats = (*caveats_of_canary([launch]), *judge([samples, 1.5 * samples], Interval(9.0, 15.0)))

    said = {shape(each.sentence) for each in caveats}
    shown_there = {shape(re.sub(r"^warning: \S+ on \S+: ", "", line)) for line in page.lines}
    assert len(shown_there) == 4
    assert shown_there <= said


def printed(row: Output, commands: tuple[str, ...]) -> tuple[list[str], int]:
    """What commands print, one after the other, and the last one's exit status."""
    text, status = "", 0
    for line in commands:
        for program, *arguments in simple(line):
            result = CliRunner().invoke(PROGRAMS[program], [*arguments, *row.more.split()])
            assert result.exception is None or isinstance(result.exception, SystemExit), line
            text += result.stdout if row.stream == "stdout" else result.output
            status = result.exit_code
    return text.replace(os.environ["MIXNET_HOME"], HOME).splitlines(), status


def in_the_tests(lines: tuple[str, ...], row: Output) -> list[str]:
    """A page's lines, with what the tests call otherwise."""
    text = "\n".join(lines)
    for word, other in row.words.items():
        text = text.replace(word, other)
    return text.split("\n")
