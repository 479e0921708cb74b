"""Damaged and hostile model files through every command that takes anyone's: each ends clearly.

The files are made from seeds (``fuzzed_models``). A command may refuse a file or take it; it may
not end in a traceback, die, take minutes or half a gigabyte, or print what a terminal obeys.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

sys.path.append(str(Path(__file__).parents[1] / "runtimes"))
from fuzzed_models import SOUND, hostile, mutated
from many_commands import Outcome, run_all

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits and signals are POSIX's")

MOST_BYTES = 500_000_000

QUICKLY = ("--min-count", "2", "--min-time", "0", "--launches", "1")

OTHERS = {
    "classify": ("classify", "FILE", "PHOTOS/a.png"),
    "parity first": ("parity", "FILE", "SOUND", "--data", "PHOTOS", "--layers", "1"),
    "parity second": ("parity", "SOUND", "FILE", "--data", "PHOTOS"),
    "latency": ("latency", "FILE", "--profile", *QUICKLY),
    "inspect": ("inspect", "FILE"),
}
"""Command lines by what they try; FILE is the fuzzed file, SOUND one that fits it."""


def check(outcomes: Sequence[Outcome]) -> None:
    unclear = [each for each in outcomes if not each.is_clear]
    assert not unclear, "\n\n".join(
        f"{' '.join(each.arguments)}: {each.status}\n{(each.bug or each.stderr)[-3000:]}"
        for each in unclear
    )
    assert {each.status for each in outcomes} <= {0, 1, 2}
    assert max(each.peak_bytes for each in outcomes) < MOST_BYTES


def count(paths: Sequence[Path]) -> list[Outcome]:
    outcomes = run_all([("count", "--json", str(path)) for path in paths])
    check(outcomes)
    return outcomes


def test_sound_files_of_every_kind_are_counted(tmp_path: Path) -> None:
    paths = [
        write(tmp_path / f"{write.__name__}{suffix}")
        for suffix, writers in SOUND.items()
        for write in writers
    ]
    assert {each.status for each in count(paths)} == {0}


def test_thirty_files_that_went_wrong_are_counted_or_refused(tmp_path: Path) -> None:
    paths = [mutated(suffix, seed, tmp_path) for seed in range(5) for suffix in SOUND]
    paths += [hostile(suffix, seed, tmp_path) for seed in range(10) for suffix in SOUND]
    assert {each.status for each in count(paths)} == {0, 1}


@pytest.mark.long
@pytest.mark.parametrize("start", range(0, 250, 50))
@pytest.mark.parametrize("suffix", SOUND)
def test_damaged_files_are_counted_or_refused(tmp_path: Path, suffix: str, start: int) -> None:
    count([mutated(suffix, seed, tmp_path) for seed in range(start, start + 50)])


@pytest.mark.long
@pytest.mark.parametrize("start", range(0, 100, 25))
@pytest.mark.parametrize("suffix", SOUND)
def test_hostile_files_are_counted_or_refused(tmp_path: Path, suffix: str, start: int) -> None:
    count([hostile(suffix, seed, tmp_path) for seed in range(start, start + 25)])


@pytest.mark.long
@pytest.mark.parametrize("suffix", SOUND)
@pytest.mark.parametrize("command", OTHERS)
def test_hostile_files_end_every_other_command_clearly(
    tmp_path: Path, suffix: str, command: str
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.new("RGB", (8, 8), (120, 30, 200)).save(photos / "a.png")
    sound = SOUND[suffix][0](tmp_path / f"sound{suffix}")
    words = {"SOUND": str(sound), "PHOTOS": str(photos), "PHOTOS/a.png": str(photos / "a.png")}
    paths = [hostile(suffix, seed, tmp_path, classifier=seed % 5 > 0) for seed in range(25)]
    check(
        run_all(
            [
                [({"FILE": str(path)} | words).get(each, each) for each in OTHERS[command]]
                for path in paths
            ]
        )
    )
