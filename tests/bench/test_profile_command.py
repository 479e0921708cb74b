import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mixnet_bench.cli import main
from mixnet_bench.commands import latency as latency_command
from mixnet_bench.counting import describe as count_command
from mixnet_bench.machine.affinity import can_pin, current_cpus
from mixnet_bench.profiling.report import describe_profile, profile_columns, profile_rows
from mixnet_bench.timing import profiles as profile_command
from mixnet_bench.timing.latency import Plan
from mixnet_bench.timing.profiles import pinned, take_profiles
from mixnet_common import MixnetError, UsageError
from mixnet_runtimes import Delegation, FileContents, OperatorTime, Profile

QUICK = ("--launches", "1", "--min-count", "3", "--min-time", "0", "--profile")


def made(**times: float) -> Profile:
    """A profile of operators without a file, by what their events begin with."""
    events = {"copy": "Copy (NC)", "convert": "Convert (NC)", "new": "New"}
    operators = tuple(
        OperatorTime(name, events[name], events[name], time) for name, time in times.items()
    )
    contents = FileContents("tflite", "", 0, {}, {}, (), {})
    return Profile("LiteRT", "1.0", 1, 3, operators, 10.0, 200.0, contents)


def test_the_shares_of_a_profile_and_what_is_unaccounted_are_the_whole() -> None:
    found = describe_profile(made(copy=60.0, convert=20.0, new=10.0))
    assert found.total_us == 100.0
    shares = [each.share or 0 for each in found.categories]
    assert sum(shares) + (found.unaccounted_us or 0) / found.total_us == pytest.approx(1)
    assert [each.category for each in found.categories] == [
        "moving data",
        "changing types",
        "rest",
    ]
    assert [each.category for each in found.operators] == [
        each.category for each in found.categories
    ]


def test_files_stand_side_by_side_and_what_one_lacks_is_left_blank() -> None:
    profiles = [made(copy=90.0), made(convert=1230.0)]
    assert profile_columns(["a", "b"]) == ("microseconds", "a", "%", "b", "%")
    assert profile_rows(profiles) == [
        ("moving data", "90", "90.0", "", ""),
        ("changing types", "", "", "1,230", "99.2"),
        ("between operators", "10", "10.0", "10", "0.8"),
        ("total", "100", "100.0", "1,240", "100.0"),
    ]


def test_a_profile_follows_the_usual_table(tiny_tflite: Path, tiny_onnx: Path) -> None:
    result = CliRunner().invoke(main, ["latency", str(tiny_tflite), str(tiny_onnx), *QUICK])
    assert result.exit_code == 0, result.output
    usual, profile = result.stdout.split("microseconds")
    assert "median" in usual
    assert "convolution 1×1" in profile
    assert "between operators" in profile


def test_json_lists_every_operator(tiny_tflite: Path) -> None:
    result = CliRunner().invoke(main, ["latency", str(tiny_tflite), *QUICK, "--json"])
    (target,) = json.loads(result.stdout)["targets"]
    assert [each["name"] for each in target["profile"]["operators"]] == ["y"]
    assert target["profile"]["operators"][0]["category"] == "convolution 1×1"
    assert target["profile"]["rounds"] == 3
    assert len(target["samples_ms"]) >= 3


def test_without_the_option_there_is_no_profile(tiny_onnx: Path) -> None:
    arguments = ["latency", str(tiny_onnx), *QUICK[:-1], "--json"]
    (target,) = json.loads(CliRunner().invoke(main, arguments).stdout)["targets"]
    assert "profile" not in target


def test_a_file_that_cannot_be_profiled_fails_before_anything_is_timed(
    tiny_onnx: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> Profile:
        raise MixnetError("no profiler here", "do without")

    def never(*_: object) -> list[dict[str, Any]]:
        raise AssertionError("timed")

    monkeypatch.setattr(profile_command, "profile", refuse)
    monkeypatch.setattr(latency_command, "describe_run", never)
    result = CliRunner().invoke(main, ["latency", str(tiny_onnx), *QUICK])
    assert result.exit_code == 1
    assert result.stderr == "error: no profiler here\n  hint: do without\n"


def test_threads_and_rounds_are_the_plans(tiny_onnx: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, int]] = []

    def remember(_path: Path, **options: int) -> Profile:
        asked.append(options)
        return made(copy=1.0)

    monkeypatch.setattr(profile_command, "profile", remember)
    take_profiles(Plan((tiny_onnx, tiny_onnx), threads=2, min_count=7))
    assert asked == [{"threads": 2, "rounds": 7}] * 2


@pytest.mark.skipif(not can_pin(), reason="this system pins no process")
def test_pinning_ends_with_the_profile_even_where_that_fails() -> None:
    before = current_cpus()
    assert before
    seen = []

    def fail() -> None:
        with pinned(before[-1:]):
            seen.append(current_cpus())
            raise MixnetError("failed")

    with pytest.raises(MixnetError):
        fail()
    assert [*seen, current_cpus()] == [before[-1:], before]


def test_nothing_is_pinned_unasked() -> None:
    before = current_cpus()
    with pinned(None):
        assert current_cpus() == before


def test_pinning_is_refused_where_a_system_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    with pytest.raises(UsageError, match="does not support choosing"), pinned((0,)):
        pass


def test_count_says_why_operators_are_outside(
    monkeypatch: pytest.MonkeyPatch, tiny_tflite: Path
) -> None:
    monkeypatch.setattr(
        count_command, "ask_partitions", lambda _use: Delegation(2, 5, 1, {"SPLIT_V": 1})
    )
    result = CliRunner().invoke(main, ["count", str(tiny_tflite)])
    assert "SPLIT_V: XNNPACK has no split by sizes" in result.stdout
    monkeypatch.setattr(
        count_command, "ask_partitions", lambda _use: Delegation(0, 0, 1, {"SPLIT_V": 1})
    )
    result = CliRunner().invoke(main, ["count", str(tiny_tflite), "--json"])
    (target,) = json.loads(result.stdout)["targets"]
    assert target["delegation"]["outside_reasons"] == {}
