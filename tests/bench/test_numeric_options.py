"""Every number on a command line is bounded, and refused in a line before any work.

All options are found by walking the commands: a new one is tested with the others.
"""

from pathlib import Path

import click
import pytest
from command_tree import call, commands, name_of, parameters

from mixnet_common import UsageError
from mixnet_common.options import CONFIDENCE, SECONDS, Real, ThreadCounts, Whole, threads_on

NUMBERS = (
    click.types.IntParamType,
    click.types.FloatParamType,
    ThreadCounts,
)
VALUES = (
    "0", "-1", "nan", "inf", "-inf", "1e308", f"1{30 * '0'}", "9" * 400, "", "1e-400", "one",
)  # fmt: skip

LEGAL = {
    "--cpu": ("0",),
    "--phones": ("0",),
    "--seed": ("0",),
    "--warmup": ("0",),
    "--min-time": ("0", "1e-400"),
    "--start": ("0",),
    "--worst": ("0",),
    "--layers": ("0",),
    "--failures": ("0",),
}
"""Of ``VALUES``; 1e-400 is 0."""

ARGUMENTS = {
    "mixnet-export show": ("mixnet-s",),
    "mixnet-export tflite": ("mixnet-s", "-o", "out"),
    "mixnet-export onnx": ("mixnet-s", "-o", "out"),
    "mixnet-bench count": ("mixnet-s",),
    "mixnet-bench run": (
        "--weights",
        "mixnet-s-glyphs",
        "--network",
        "mixnet-s",
        "--calibrate",
        ".",
    ),
    "mixnet-bench tune": ("mixnet-s", "-o", "tuned.toml"),
    "mixnet-bench predict": ("mixnet-s", "--table", "table.json"),
}
"""Where what a number costs depends on the network."""

OPTIONS = [
    (command, name_of(each), each.type)
    for command, found in commands().items()
    for each in parameters(found)
    if isinstance(each.type, NUMBERS)
]


def test_there_are_numbers_in_every_kind_of_command() -> None:
    assert len(OPTIONS) > 50
    for start in (
        "mixnet-export tflite",
        "mixnet-bench parity",
        "python -m mixnet_bench.studies",
    ):
        assert any(command.startswith(start) for command, *_ in OPTIONS)


@pytest.mark.parametrize(
    ("command", "option", "kind"), OPTIONS, ids=[" ".join(each[:2]) for each in OPTIONS]
)
def test_what_is_out_of_bounds_is_refused_in_a_line(
    command: str,
    option: str,
    kind: click.ParamType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert isinstance(kind, Whole | Real | ThreadCounts), "it has none of the bounded types"
    monkeypatch.chdir(tmp_path)
    for value in VALUES:
        if value in LEGAL.get(option, ()):
            assert kind.convert(value, None, None) == 0
            continue
        result = call(command, [*ARGUMENTS.get(command, ()), option, value])
        assert isinstance(result.exception, SystemExit), (value, result.exception)
        assert (result.exit_code, result.stdout) == (2, ""), (value, result.output)
        lines = result.stderr.splitlines()
        assert 1 <= len(lines) <= 2, (value, result.stderr)
        assert lines[0].startswith("error: "), value
        assert option.lstrip("-") in lines[0], (value, result.stderr)
        assert len(result.stderr) < 300, value
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("latency x --threads 100000", f"a whole number from 1 to {threads_on('host').max}, twice"),
        ("latency x --threads 65 --on adb", "a whole number from 1 to 64, the most on a phone"),
        ("latency x --on adb:1 --threads 0", "a whole number from 1 to 64, the most on a phone"),
        ("tune x --on adb --threads 65 -o x.toml", "a whole number from 1 to 64"),
        ("parity a b --data c --confidence 0.9999999999999999", "a number from 0.5 to 0.9999"),
        ("parity a b --data c --budget 100", "a number between 0 and 100"),
        ("latency x --timeout 86401", "a number above 0, at most 86,400"),
        ("latency x --min-time 86400.1", "a number from 0 to 86,400"),
        ("latency x --launches 1001", "a whole number from 1 to 1,000"),
        ("latency x --warmup 1000001", "a whole number from 0 to 1,000,000"),
        ("count mixnet-s --classes 1000000000", "the classifier alone would take 6.1 TB"),
        ("count mixnet-s --classes 400000", "the classifier alone would take 2.5 GB"),
        ("count mixnet-s --resolution 100000", "blocks.1.0.expand alone would take 960 GB"),
        ("count mixnet-s --multiplier 1000", "the weights would take 8.1 TB"),
        ("count mixnet-s --multiplier 50", "the weights would take 20 GB"),
    ],
)
def test_the_bound_or_the_cost_is_named(line: str, said: str) -> None:
    result = call("mixnet-bench", line.split())
    assert result.exit_code == 2
    assert said in result.stderr


def test_threads_on_a_phone_may_be_more_than_this_machine_s() -> None:
    result = call("mixnet-bench", ["latency", "x", "--on", "adb", "--threads", "64"])
    assert "x is not a model file" in result.stderr


def test_a_number_is_bounded_in_functions_too() -> None:
    assert CONFIDENCE.check(0.5, "a confidence of") == 0.5
    for wrong in (float("nan"), 1.0, "0.5x", None):
        with pytest.raises(UsageError, match=r"^a confidence of "):
            CONFIDENCE.check(wrong, "a confidence of")
    with pytest.raises(UsageError, match=r"^launches 2\.5: give a whole number from 1 to 3"):
        Whole(1, 3).check(2.5, "launches")
    assert SECONDS.check("86400", "") == 86400


def test_thread_counts_are_split_and_none_is_taken_twice() -> None:
    assert ThreadCounts().convert("2, 1,2", None, None) == (2, 1)
