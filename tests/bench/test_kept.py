"""What an interrupted measurement leaves is found again, whole, fresh and by its own name only."""

import os
import time
from pathlib import Path

import pytest

from mixnet_android.runner.protocol import parse
from mixnet_android.runs.detached import FRESH_S
from mixnet_android.runs.session import Launched
from mixnet_bench.phones.unfinished import UnfinishedLaunches

TEXT = (
    '{"type": "header", "protocol": 1, "runner": "1", "machine": "aarch64", "system": "Linux", '
    '"pid": 1, "page_bytes": 4096, "clock_ns": 0, "unix_s": 0, "arguments": []}\n'
    '{"type": "end", "status": 0, "reason": "complete", "t_ns": 1, "lines": 1}\n'
)
LAUNCHED = Launched(parse(TEXT), {(0, 0): b"ab", (1, 2): b"c"}, TEXT)


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIXNET_HOME", str(tmp_path))


def test_a_launch_is_found_again_with_its_outputs() -> None:
    UnfinishedLaunches("serial", "d" * 64).save(3, LAUNCHED)
    assert UnfinishedLaunches("serial", "d" * 64).recall(3) == LAUNCHED
    assert UnfinishedLaunches("serial", "d" * 64).recall(2) is None
    assert UnfinishedLaunches("other", "d" * 64).recall(3) is None
    assert UnfinishedLaunches("serial", "e" * 64).recall(3) is None


def test_an_old_one_is_another_measurement() -> None:
    kept = UnfinishedLaunches("serial", "d" * 64)
    kept.save(0, LAUNCHED)
    long_ago = time.time() - FRESH_S - 1
    os.utime(kept.folder / "0.jsonl", (long_ago, long_ago))
    assert kept.recall(0) is None


def test_what_is_too_old_is_removed_with_the_next_launch(tmp_path: Path) -> None:
    old, young, now = (UnfinishedLaunches("serial", each * 64) for each in "abc")
    for kept, age_s in ((old, FRESH_S + 60), (young, FRESH_S - 60)):
        kept.save(0, LAUNCHED)
        for file in (*kept.folder.iterdir(), kept.folder):
            os.utime(file, (time.time() - age_s,) * 2)
    now.save(0, LAUNCHED)
    assert set((tmp_path / "unfinished").iterdir()) == {young.folder, now.folder}


def test_a_damaged_one_is_measured_again() -> None:
    kept = UnfinishedLaunches("serial", "d" * 64)
    kept.save(0, LAUNCHED)
    (kept.folder / "0.jsonl").write_text(TEXT[:-20])
    assert kept.recall(0) is None


def test_a_finished_measurement_leaves_nothing(tmp_path: Path) -> None:
    kept = UnfinishedLaunches("serial", "d" * 64)
    kept.save(0, LAUNCHED)
    kept.forget()
    kept.forget()
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == []


def test_a_serial_cannot_lead_to_another_folder(tmp_path: Path) -> None:
    for serial in ("../../etc", "..", "/abs", "a:b\\c"):
        folder = UnfinishedLaunches(serial, "d" * 64).folder
        assert folder.parent == tmp_path / "unfinished"
