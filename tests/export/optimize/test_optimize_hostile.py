"""Damaged and hostile files through ``optimize``: each ends in a result or an error in words."""

import random
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner
from depthwise_files import Case, content

from mixnet_export.cli import main

sys.path.append(str(Path(__file__).parents[2] / "runtimes"))
from fuzzed_models import WAYS, _damage, _hostile_tflite

FORMS = ("float32", "float16", "int8-per-channel", "int8-per-tensor")


def sound(rng: random.Random) -> bytes:
    form = rng.choice(FORMS)
    pads = rng.choice((None, ((3, 3), (3, 3))))
    return content(Case(form=form, pads=pads, size=(9, 9), channels=16))


def damaged(seed: int, folder: Path) -> Path:
    """A file with a large convolution, some of its bytes or tables changed."""
    rng = random.Random(f"optimize {seed}")
    data, other = sound(rng), sound(rng)
    if seed % 2:
        data = _hostile_tflite(data, rng)
    else:
        edited = bytearray(data)
        for _ in range(rng.choice((1, 1, 2, 4))):
            _damage(edited, other, rng.choice(WAYS), rng)
        data = bytes(edited)
    path = folder / f"{seed}.tflite"
    path.write_bytes(data)
    return path


def check(paths: Sequence[Path], folder: Path) -> dict[int, int]:
    """How many ended with each status."""
    found: dict[int, int] = {}
    for path in paths:
        result = CliRunner().invoke(main, ["optimize", str(path), "-o", str(folder / "out")])
        clear = result.exception is None or isinstance(result.exception, SystemExit)
        assert clear, (path, result.exc_info)
        assert result.exit_code in (0, 1, 2), path
        assert (result.exit_code == 0) == ("error: " not in result.stderr), path
        found[result.exit_code] = found.get(result.exit_code, 0) + 1
    return found


def test_ten_files_that_went_wrong_end_clearly(tmp_path: Path) -> None:
    found = check([damaged(seed, tmp_path) for seed in range(10)], tmp_path)
    assert len(found) > 1


def test_paddings_that_are_one_number_are_none_of_an_image(tmp_path: Path) -> None:
    check([damaged(109, tmp_path)], tmp_path)


@pytest.mark.long
def test_a_hundred_and_fifty_files_that_went_wrong_end_clearly(tmp_path: Path) -> None:
    check([damaged(seed, tmp_path) for seed in range(10, 160)], tmp_path)
