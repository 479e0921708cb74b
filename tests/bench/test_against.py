"""Comparisons with a file side by side and with saved results, and what is refused."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from mixnet_android.phone.records import PhoneDevice
from mixnet_bench.cli import main
from mixnet_bench.commands import latency as latency_command
from mixnet_bench.results.file_run import FileRun
from mixnet_bench.results.latency import ComparisonResult, LatencyResult, Machine
from mixnet_bench.results.phones import PhoneLatencyResult
from mixnet_bench.results.verdict import Verdict
from mixnet_bench.timing.against import (
    check_alike,
    choose_baseline,
    compare_side_by_side,
    compare_with_saved,
    read_result,
    sentence,
)
from mixnet_bench.timing.host import Comparer
from mixnet_bench.timing.latency import Plan
from mixnet_bench.timing.report import describe_timings
from mixnet_bench.timing.trust import demand_valid, extend
from mixnet_common import MixnetError, UsageError
from mixnet_common.console import json_text
from mixnet_common.result import values_of

MACHINE = Machine(cpu="abacus", architecture="wood", cores=1, os="none")


def target(name: str, level: float, seed: int, launches: int = 6, **changes: Any) -> LatencyResult:
    """A target as ``latency`` describes it, on a quiet machine."""
    from mixnet_bench.timing.latency import Burst, Launch, Timing

    rng = np.random.default_rng(seed)

    def burst(number: int) -> Burst:
        return Burst(number, 0, level, tuple(level * rng.normal(1, 0.01, 20)))

    made = [Launch(1.0, 1.0, (), None, tuple(burst(n) for n in range(6))) for _ in range(launches)]
    plan = Plan((Path(name),), launches=launches)
    timing = Timing("Numbers", "1", {}, tuple(made))
    file = FileRun(name=name, sha256=name, size_bytes=1)
    (described,) = describe_timings(plan, [file], [timing], MACHINE)
    return replace(described, **changes)


def on_phone(found: LatencyResult, **known: Any) -> PhoneLatencyResult:
    return PhoneLatencyResult(**values_of(found), device=PhoneDevice(), **known)


def against_last(*targets: LatencyResult) -> ComparisonResult:
    """What the first target's comparison with the last says."""
    found, *_ = compare_side_by_side(targets)
    assert found is not None
    return found


def test_a_slower_file_side_by_side_is_slower() -> None:
    slow, fast = target("slow", 11, 0), target("fast", 10, 1)
    found, none = compare_side_by_side([slow, fast])
    assert found is not None
    assert (found.name, found.conclusion, found.by) == ("fast", "slower", "time")
    assert found.ratio == pytest.approx(1.1, abs=0.01)
    assert found.interval is not None
    assert found.interval[0] < found.ratio < found.interval[1]
    assert none is None
    assert sentence("slow", found).startswith("slow against fast: slower, ratio 1.1")


def test_equal_files_show_no_difference_and_how_large_one_would_have_been_seen() -> None:
    first, second = target("a", 10, 2), target("b", 10, 3)
    found = against_last(first, second)
    assert found.conclusion == "no detectable difference"
    assert found.smallest_difference is not None
    assert 0 < found.smallest_difference < 0.03
    assert "would have been detected in 90% of runs" in sentence("a", found)


@pytest.mark.parametrize("word", [Verdict.EMULATED, Verdict.VOID])
def test_nothing_is_concluded_from_times_that_mean_nothing(word: Verdict) -> None:
    slow, fast = target("slow", 20, 0, verdict=word), target("fast", 10, 1)
    found = against_last(slow, fast)
    assert found.conclusion == "no conclusion"
    assert sentence("slow", found) == f"slow against fast: no conclusion, it is {word}"


def test_two_launches_are_told_to_be_too_few() -> None:
    slow, fast = target("slow", 20, 0, launches=2), target("fast", 10, 1, launches=2)
    found = against_last(slow, fast)
    assert sentence("slow", found) == "slow against fast: no conclusion, launches: 2 are too few"


def as_read(result: LatencyResult) -> Any:
    """A result as a document has it."""
    return json.loads(json_text([result]))["targets"][0]


def saved(folder: Path, *targets: LatencyResult) -> Path:
    path = folder / "saved.json"
    path.write_text(json_text(targets))
    return path


def test_a_saved_result_of_a_like_run_is_compared(tmp_path: Path) -> None:
    path = saved(tmp_path, target("old", 10, 4))
    new = target("new", 8, 5)
    (found,) = compare_with_saved([new], read_result(path))
    assert (found.conclusion, found.side_by_side) == ("faster", False)
    assert found.ratio == pytest.approx(0.8, abs=0.01)


def test_a_saved_result_that_was_doubted_concludes_nothing(tmp_path: Path) -> None:
    path = saved(tmp_path, target("old", 10, 4, verdict=Verdict.CONTENDED))
    new = target("new", 8, 5)
    (found,) = compare_with_saved([new], read_result(path))
    assert found.reason == "a verdict is contended"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"threads": 4}, "threads 4 then, 1 now"),
        ({"target": "adb:X"}, "target 'adb:X' then"),
        ({"machine": replace(MACHINE, cpu="slide rule")}, "slide rule"),
    ],
)
def test_unlike_runs_are_refused_with_what_differs(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(MixnetError, match="cannot be compared") as caught:
        check_alike(target("old", 10, 0, **changes), target("new", 10, 1))
    assert words in caught.value.message
    assert "side by side" in caught.value.hint


def test_what_turns_out_unlike_after_measuring_concludes_nothing_and_says_why(
    tmp_path: Path,
) -> None:
    path = saved(tmp_path, on_phone(target("old", 10, 4), fixed_performance=True))
    new = on_phone(target("new", 8, 5), fixed_performance=False)
    (found,) = compare_with_saved([new], read_result(path))
    assert found.conclusion == "no conclusion"
    assert found.reason == (
        "the runs had different conditions: fixed_performance True then, False now"
    )


def test_what_is_known_to_be_unlike_is_refused_before_measuring(
    tiny_onnx: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(plan: Plan) -> list[LatencyResult]:
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
    def fail(targets: Sequence[LatencyResult]) -> Sequence[None]:
        raise MixnetError("no comparison today")

    new = target("new", 8, 5)
    monkeypatch.setattr(latency_command, "describe_run", lambda plan: [new])
    file = tmp_path / "r.json"
    with pytest.raises(MixnetError, match="today"):
        latency_command.run_latency(Plan((tiny_onnx,)), True, file, comparer=Comparer(fail))
    assert json.loads(file.read_text())["targets"] == [as_read(new)]
    assert json.loads(capsys.readouterr().out)["targets"] == [as_read(new)]


def test_among_several_saved_results_the_one_of_the_same_name_is_taken() -> None:
    several = [target("a", 10, 0), target("b", 10, 0)]
    assert choose_baseline(several, "b") is several[1]
    with pytest.raises(UsageError, match="0 of the saved results are called c"):
        choose_baseline(several, "c")


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
        with pytest.raises(UsageError, match="one file at a time"):
            extend(Plan(paths), against, "2m")


def test_strict_names_what_is_not_valid() -> None:
    good, bad = (
        target("good", 10, 0, verdict=Verdict.VALID),
        target("bad", 10, 1, verdict=Verdict.DRIFTING),
    )
    demand_valid([good])
    with pytest.raises(MixnetError, match=r"not valid: bad \(drifting\)"):
        demand_valid([good, bad])


def test_the_command_compares_saves_and_is_strict(tiny_onnx: Path, tmp_path: Path) -> None:
    quick = ("--launches", "3", "--min-count", "3", "--min-time", "0", "--warmup", "0")
    saved_to = tmp_path / "r.json"
    words = ("latency", tiny_onnx, "--against", tiny_onnx, *quick, "-o", saved_to, "--strict")
    done = CliRunner().invoke(main, [str(word) for word in words])
    assert done.exit_code == 1  # three samples are too short
    assert re.search(
        r"--strict: verdicts that are not valid: tiny.onnx \((too-short|contended)\)", done.stderr
    )
    assert "tiny.onnx against tiny.onnx: " in done.stdout
    first, second = json.loads(saved_to.read_text())["targets"]
    assert first["against"]["launches"] == 3
    assert "against" not in second


def test_the_command_shows_a_sustained_run(tiny_onnx: Path) -> None:
    done = CliRunner().invoke(main, ["latency", str(tiny_onnx), "--sustained", "0.3s"])
    assert done.exit_code == 0, done.output
    assert "plateau" in done.stdout
    assert "show no plateau" in done.stderr
