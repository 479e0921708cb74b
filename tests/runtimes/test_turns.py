"""Files that take turns in fresh processes: single inferences, or bursts."""

from pathlib import Path

import pytest
from tiny_models import conv_tflite

from mixnet_runtimes.turns import Pace, log_ratios, time_in_turns


@pytest.mark.parametrize("burst_s", [0.0, 0.005])
def test_every_file_has_a_time_in_every_round(burst_s: float, tmp_path: Path) -> None:
    file = conv_tflite(tmp_path / "a.tflite")
    pace = Pace(launches=2, least=5, most=5, warmup=1, burst_s=burst_s)
    launches = time_in_turns([file, file], pace=pace, first_seed=3)

    assert [[len(times) for times in launch] for launch in launches] == [[5, 5], [5, 5]]
    assert all(each > 0 for launch in launches for times in launch for each in times)


def test_a_file_in_bursts_takes_as_long_as_itself(tmp_path: Path) -> None:
    file = conv_tflite(tmp_path / "a.tflite")
    pace = Pace(launches=2, least=8, warmup=1, burst_s=0.005)
    ratios = log_ratios(time_in_turns([file, file], pace=pace), 1, 0)

    assert max(map(abs, ratios)) < 0.5  # of microseconds, on whatever machine
