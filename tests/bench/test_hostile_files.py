"""Hostile values in every file that a command reads: one clear error each, soon, and no harm.

All of it runs in one process of its own, whose memory is limited; see ``hostile_files.py``.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hostile_files import KINDS, LONG, SPECIAL

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs on this system")

MOST_S = 5.0
"""Of a CPU: how long the machine makes it wait says nothing of the command."""

MOST_MB = 500.0

READERS = (
    "report", "against", "paper", "state", "truth", "lowering", "network", "campaign",
    "campaign folder", "onnx quantization", "onnx preprocessing", "tflite preprocessing",
)  # fmt: skip
"""Files whose content is tried."""

PLACES = (
    "image", "labels", "preprocessing", "classes", "synsets", "count", "latency", "parity",
    "runtime", "library", "images", "calibration", "weights w.safetensors",
    "weights w.weights.h5", "weights w.keras", "weights w.pth", "weights w.tar.gz",
    "weights w.ckpt.index",
)  # fmt: skip
"""Other options, of which only what is not a regular file is tried, and a name that is too long."""

CASES = [
    *((reader, kind) for reader in READERS for kind in KINDS),
    *((place, kind) for place in PLACES for kind in (*SPECIAL, LONG)),
]

Answers = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """What every command came to, by reader and kind."""
    program = Path(__file__).with_name("hostile_files.py")
    folder = tmp_path_factory.mktemp("hostile")
    command = [sys.executable, str(program), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return {(each["reader"], each["kind"]): each for each in json.loads(done.stdout)}


@pytest.mark.parametrize(("reader", "kind"), CASES)
def test_a_hostile_file_is_one_clear_error_soon_and_stays_as_it_is(
    answers: Answers, reader: str, kind: str
) -> None:
    found = answers[reader, kind]
    assert not found["escaped"]
    assert found["status"] in (1, 2)
    (error,) = (line for line in found["said"].splitlines() if line.startswith("error: "))
    assert error.isprintable()
    assert kind == LONG or len(error) < 400
    assert found["file"] in error or kind == LONG or reader in ("images", "calibration")
    assert not found["changed"]
    assert found["seconds"] < MOST_S
    assert found["peak_mb"] < MOST_MB


def test_every_command_that_was_tried_is_looked_at(answers: Answers) -> None:
    assert set(answers) == set(CASES)
