"""Comparisons with a file side by side and with saved results, and what is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from mixnet_bench import latency_command
from mixnet_bench.against import (
    add_comparisons,
    add_saved_comparisons,
    check_alike,
    choose,
    read_result,
    sentence,
)
from mixnet_bench.cli import main
from mixnet_bench.latency import Plan
from mixnet_bench.latency_report import describe
from mixnet_bench.trust import demand_valid, extend
from mixnet_common import MixnetError, UsageError

MACHINE = {"cpu": "abacus", "architecture": "wood", "cores": 1, "os": "none", "governor": None}


def target(name: str, level: float, seed: int, launches: int = 6, **changes: Any) -> dict[str, Any]:
    """A target as ``latency`` describes it, on a quiet machine."""
    from mixnet_bench.latency import Burst, Launch, Timing

    rng = np.random.default_rng(seed)

    def burst(number: int) -> Burst:
        return Burst(number, 0, level, tuple(level * rng.normal(1, 0.01, 20)))

    made = [Launch(1.0, 1.0, (), None, tuple(burst(n) for n in range(6))) for _ in range(launches)]
    plan = Plan((Path(name),), launches=launches)
    timing = Timing("Numbers", "1", {}, tuple(made))
    (described,) = describe(plan, [{"name": name, "sha256": name}], [timing], MACHINE)
    return {**described, **changes}


def test_a_slower_file_side_by_side_is_slower() -> None:
    slow, fast = target("slow", 11, 0), target("fast", 10, 1)
    add_comparisons([slow, fast])
    found = slow["against"]
    assert (found["name"], found["conclusion"], found["by"]) == ("fast", "slower", "time")
    assert found["ratio"] == pytest.approx(1.1, abs=0.01)
    assert found["interval"][0] < found["ratio"] < found["interval"][1]
    assert "against" not in fast
    assert sentence(slow).startswith("slow against fast: slower, ratio 1.1")


def test_equal_files_show_no_difference_and_how_large_one_would_have_been_seen() -> None:
    first, second = target("a", 10, 2), target("b", 10, 3)
    add_comparisons([first, second])
    assert first["against"]["conclusion"] == "no detectable difference"
    assert 0 < first["against"]["smallest_difference"] < 0.03
    assert "would have been seen 90% of the time" in sentence(first)


@pytest.mark.parametrize("word", ["emulated", "void"])
def test_nothing_is_concluded_from_times_that_mean_nothing(word: str) -> None:
    slow, fast = target("slow", 20, 0, verdict=word), target("fast", 10, 1)
    add_comparisons([slow, fast])
    assert slow["against"]["conclusion"] == "no conclusion"
    assert sentence(slow) == f"slow against fast: no conclusion, it is {word}"


def test_two_launches_are_told_to_be_too_few() -> None:
    slow, fast = target("slow", 20, 0, launches=2), target("fast", 10, 1, launches=2)
    add_comparisons([slow, fast])
    assert sentence(slow) == "slow against fast: no conclusion, launches: 2 are too few"


def saved(folder: Path, *targets: dict[str, Any]) -> Path:
    path = folder / "saved.json"
    path.write_text(json.dumps({"format": 1, "targets": targets}))
    return path


def test_a_saved_result_of_a_like_run_is_compared(tmp_path: Path) -> None:
    path = saved(tmp_path, target("old", 10, 4))
    new = target("new", 8, 5)
    add_saved_comparisons([new], read_result(path))
    found = new["against"]
    assert (found["conclusion"], found["side_by_side"]) == ("faster", False)
    assert found["ratio"] == pytest.approx(0.8, abs=0.01)


def test_a_saved_result_that_was_doubted_concludes_nothing(tmp_path: Path) -> None:
    path = saved(tmp_path, target("old", 10, 4, verdict="contended"))
    new = target("new", 8, 5)
    add_saved_comparisons([new], read_result(path))
    assert new["against"]["reason"] == "a verdict is contended"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"threads": 4}, "threads 4 then, 1 now"),
        ({"target": "adb:X"}, "target 'adb:X' then"),
        ({"machine": {**MACHINE, "cpu": "slide rule"}}, "slide rule"),
    ],
)
def test_unlike_runs_are_refused_with_what_differs(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(MixnetError, match="can't be compared") as caught:
        check_alike(target("old", 10, 0, **changes), target("new", 10, 1))
    assert words in caught.value.message
    assert "side by side" in caught.value.hint


def test_what_turns_out_unlike_after_measuring_concludes_nothing_and_says_why(
    tmp_path: Path,
) -> None:
    path = saved(tmp_path, target("old", 10, 4, fixed_performance=True))
    new = target("new", 8, 5, fixed_performance=False)
    add_saved_comparisons([new], read_result(path))
    assert new["against"]["conclusion"] == "no conclusion"
    assert new["against"]["reason"] == (
        "the runs were unlike: fixed_performance True then, False now"
    )


def test_what_is_known_to_be_unlike_is_refused_before_measuring(
    tiny_onnx: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(plan: Plan) -> list[dict[str, Any]]:
        raise AssertionError("it was measured")

    monkeypatch.setattr(latency_command, "describe_run", measured)
    baseline = saved(tmp_path, target("old", 10, 0))  # on another machine
    done = CliRunner().invoke(main, ["latency", str(tiny_onnx), "--against", str(baseline)])
    assert done.exit_code == 1, done.output
    assert "machine.cpu 'abacus' then" in done.stderr


def test_what_was_measured_is_saved_and_printed_whatever_becomes_of_a_comparison(
    tiny_onnx: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(targets: list[dict[str, Any]]) -> None:
        raise MixnetError("no comparison today")

    new = target("new", 8, 5)
    monkeypatch.setattr(latency_command, "describe_run", lambda plan: [new])
    file = tmp_path / "r.json"
    with pytest.raises(MixnetError, match="today"):
        latency_command.run(Plan((tiny_onnx,)), True, file, finish=latency_command.Finish(fail))
    assert json.loads(file.read_text())["targets"] == [new]
    assert json.loads(capsys.readouterr().out)["targets"] == [new]


def test_among_several_saved_results_the_one_of_the_same_name_is_taken() -> None:
    several = [{"name": "a"}, {"name": "b"}]
    assert choose(several, "b") is several[1]
    with pytest.raises(UsageError, match="0 of the saved results are called c"):
        choose(several, "c")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[1]",
        '{"format": 2, "targets": [{}]}',
        '{"format": 1, "targets": []}',
        '{"format": 1, "targets": [{"name": "mixnet-s", "macs": 5}]}',
        '{"format": 1, "targets": [{"samples_ms": [1], "launches": [{"count": 2}]}]}',
        '{"format": 1, "targets": [{"samples_ms": ["x"], "launches": [{"count": 1}]}]}',
        '{"format": 1, "targets": [{"samples_ms": [1], "launches": 3}]}',
    ],
)
def test_what_is_no_saved_latency_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(UsageError, match=r"x\.json"):
        read_result(path)


def test_a_missing_result_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*gone\.json"):
        read_result(tmp_path / "gone.json")


def test_sustained_runs_one_file_without_a_baseline(tiny_onnx: Path) -> None:
    plan, _ = extend(Plan((tiny_onnx,)), None, "2m")
    assert (plan.sustained, plan.launches, plan.warmup, plan.min_time_s) == (True, 1, 0, 120)
    for paths, against in (((tiny_onnx,) * 2, None), ((tiny_onnx,), str(tiny_onnx))):
        with pytest.raises(UsageError, match="one file alone"):
            extend(Plan(paths), against, "2m")


def test_strict_names_what_is_not_valid() -> None:
    good, bad = target("good", 10, 0, verdict="valid"), target("bad", 10, 1, verdict="drifting")
    demand_valid([good])
    with pytest.raises(MixnetError, match=r"not valid: bad \(drifting\)"):
        demand_valid([good, bad])


def test_the_command_compares_saves_and_is_strict(tiny_onnx: Path, tmp_path: Path) -> None:
    quick = ("--launches", "3", "--min-count", "3", "--min-time", "0", "--warmup", "0")
    saved_to = tmp_path / "r.json"
    words = ("latency", tiny_onnx, "--against", tiny_onnx, *quick, "-o", saved_to, "--strict")
    done = CliRunner().invoke(main, [str(word) for word in words])
    assert done.exit_code == 1  # three samples are too short
    assert "--strict: not valid: tiny.onnx (too-short)" in done.stderr
    assert "tiny.onnx against tiny.onnx: " in done.stdout
    first, second = json.loads(saved_to.read_text())["targets"]
    assert first["against"]["launches"] == 3
    assert "against" not in second


def test_the_command_shows_a_sustained_run(tiny_onnx: Path) -> None:
    done = CliRunner().invoke(main, ["latency", str(tiny_onnx), "--sustained", "0.3s"])
    assert done.exit_code == 0, done.output
    assert "plateau" in done.stdout
    assert "show no plateau" in done.stderr
