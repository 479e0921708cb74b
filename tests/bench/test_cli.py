"""The command line from outside: help, errors, exit statuses, and each command end to end."""

import json
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mixnet_bench.cli import main
from mixnet_bench.timing import host

COMMANDS = sorted(main.commands)
ELSEWHERE = (
    *("latency", "classify", "inspect", "devices", "parity", "run", "report"),
    *("table", "predict", "search"),
)
"""Commands whose examples need files, phones or minutes; their own tests run them."""
QUICK = ("--launches", "2", "--min-count", "8", "--min-time", "0", "--warmup", "1")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def targets(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["format"] == 1
    return list(document["targets"])


def test_help_answers_in_half_a_second_without_heavy_libraries() -> None:
    code = (
        "import sys; from mixnet_bench.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: print(sorted(sys.modules), file=sys.stderr)"
    )
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert time.perf_counter() - start < 2  # 0.1 s on an idle machine
    for heavy in ("onnxruntime", "ai_edge_litert", "tensorflow", "rich", "PIL", "onnx"):
        assert f"'{heavy}'" not in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_helps_with_an_example(command: str) -> None:
    text = run(command, "--help").output
    examples = re.findall(r"^  +(mixnet-bench .*)$", text, re.MULTILINE)
    assert examples
    assert command in {shlex.split(each)[1] for each in examples}


@pytest.mark.parametrize("command", [c for c in COMMANDS if c not in ELSEWHERE])
def test_the_example_of_a_command_works(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # what it writes belongs nowhere else
    text = run(command, "--help").output
    for example in re.findall(r"^  +mixnet-bench (.*)$", text, re.MULTILINE):
        assert run(*shlex.split(example)).exit_code == 0


def test_an_unknown_command_is_answered_with_the_nearest() -> None:
    result = run("cuont", "mixnet-s")
    assert result.exit_code == 2
    assert "count" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("count", "mixnet-z"), "mixnet-"),
        (("count", "nothing.onnx"), "no file nothing.onnx"),
        (("count", "mixnet-s", "--resolution", "0"), "resolution"),
        (("count", "mixnet-s", "--classes", "0"), "classes"),
        (("latency", "mixnet-s"), "mixnet-export tflite mixnet-s"),
        (("latency", "my-net.toml"), "mixnet-export tflite my-net.toml"),
        (("latency", "nothing.tflite"), "no file nothing.tflite"),
        (("latency", "picture.png"), ".tflite or .onnx"),
        (("paper", "tabel2"), "table2"),
    ],
)
def test_wrong_use_is_two_lines_and_exit_status_2(arguments: tuple[str, ...], words: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert len(result.stderr.splitlines()) <= 2
    assert result.stdout == ""


@pytest.mark.parametrize("name", ["broken.tflite", "broken.onnx"])
@pytest.mark.parametrize("command", ["count", "latency"])
def test_a_broken_file_is_named_and_exit_status_1(command: str, name: str, tmp_path: Path) -> None:
    broken = tmp_path / name
    broken.write_bytes(b"\x08\x00\x00\x00not a model at all" * 9)
    result = run(command, broken, "--json")
    assert result.exit_code == 1
    assert name in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_a_file_has_no_classes_to_choose(tiny_onnx: Path) -> None:
    result = run("count", tiny_onnx, "--classes", "10")
    assert result.exit_code == 2
    assert "fixed" in result.stderr


def test_count_reproduces_the_papers_parameters_and_the_known_multiply_adds() -> None:
    counted = targets(run("count", "mixnet-s", "mixnet-m", "mixnet-l", "--json"))
    assert [each["name"] for each in counted] == ["mixnet-s", "mixnet-m", "mixnet-l"]
    assert [each["params"] for each in counted] == [4_134_606, 5_014_382, 7_329_252]
    assert [round(each["macs"] / 1e6, 2) for each in counted] == [239.17, 339.17, 555.25]
    other = [each["macs_by_convention"]["conv_dense_batch_norm_1"] for each in counted]
    assert [round(each / 1e6, 1) for each in other] == [245.4, 347.4, 566.1]


def test_a_network_is_counted_at_the_size_asked_for() -> None:
    (counted,) = targets(run("count", "mixnet-m", "--classes", "10", "--json"))
    assert round(counted["params"] / 1e6, 2) == 3.49
    assert round(counted["macs"] / 1e6, 1) == 337.7


@pytest.mark.parametrize("fixture", ["tiny_onnx", "tiny_tflite"])
def test_a_file_is_counted_from_itself(fixture: str, request: pytest.FixtureRequest) -> None:
    path = request.getfixturevalue(fixture)
    (counted,) = targets(run("count", path, "--json"))
    assert (counted["name"], counted["params"]) == (path.name, 12 + 4)
    assert (counted["macs"], counted["activations"]) == (8 * 8 * 4 * 3, 8 * 8 * 4)
    assert counted["source"] == path.suffix[1:]
    assert ("partitions" in counted) == (path.suffix == ".tflite")


def test_layers_are_printed_when_asked_for(tiny_onnx: Path) -> None:
    assert "conv" not in run("count", tiny_onnx).stdout.replace("convolutions", "")
    assert "conv" in run("count", tiny_onnx, "--layers").stdout.replace("convolutions", "")


def test_latency_keeps_every_sample_of_both_runtimes(tiny_onnx: Path, tiny_tflite: Path) -> None:
    timed = targets(run("latency", tiny_tflite, tiny_onnx, *QUICK, "--json"))
    assert [each["runtime"] for each in timed] == ["LiteRT", "onnxruntime"]
    for each in timed:
        samples = each["samples_ms"]
        assert len(samples) >= 8
        assert sum(launch["count"] for launch in each["launches"]) == len(samples)
        for launch in each["launches"]:
            assert sum(burst["count"] for burst in launch["bursts"]) == launch["count"]
        low, high = each["median_ms_interval"]
        assert low <= each["median_ms"] <= high
        assert each["verdict"] in ("too-short", "contended")  # by who else runs
        assert each["reasons"]
    assert timed[0]["ratio_to_first"] == {"value": 1.0, "interval": [1.0, 1.0], "by": "time"}
    assert timed[1]["settings"]["runtime"]["allow_spinning"] is False


def test_latency_prints_a_table_and_its_doubts_to_stderr(tiny_onnx: Path) -> None:
    result = run("latency", tiny_onnx, *QUICK)
    assert result.exit_code == 0, result.output
    assert "tiny.onnx" in result.stdout
    assert re.search("too-short|contended", result.stdout)
    assert "warning: tiny.onnx: " in result.stderr


def test_the_saved_document_is_the_printed_one(tiny_onnx: Path, tmp_path: Path) -> None:
    saved = tmp_path / "new" / "latency.json"
    result = run("latency", tiny_onnx, *QUICK, "--json", "-o", saved)
    assert json.loads(saved.read_text()) == json.loads(result.stdout)


def test_an_output_that_cannot_be_written_is_refused_before_measuring(
    tiny_onnx: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("measured before the output was checked")

    monkeypatch.setattr(host, "measure", never)
    assert run("latency", tiny_onnx, "-o", tmp_path).exit_code == 2
    assert run("latency", tiny_onnx, "-o", tiny_onnx).exit_code == 2
    (tmp_path / "file").write_text("")
    assert run("latency", tiny_onnx, "-o", tmp_path / "file" / "x.json").exit_code == 2
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file"]


def test_pinning_where_it_is_impossible_is_refused(
    tiny_onnx: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    result = run("latency", tiny_onnx, "--pin", "0")
    assert result.exit_code == 2
    assert "operating system" in result.stderr


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="it works on Linux only")
def test_pinned_cpus_are_read_back_from_the_workers(tiny_onnx: Path) -> None:
    cpu = min(os.sched_getaffinity(0))
    (timed,) = targets(run("latency", tiny_onnx, *QUICK, "--pin", cpu, "--json"))
    assert [launch["affinity"] for launch in timed["launches"]] == [[cpu], [cpu]]
    assert timed["settings"]["pin"] == [cpu]


def test_paper_reproduces_the_parameters_of_mixnet() -> None:
    rows = {each["model"]: each for each in targets(run("paper", "table2", "--json"))}
    assert len(rows) == 17
    for model in ("MixNet-S", "MixNet-M", "MixNet-L"):
        assert rows[model]["params"]["verdict"] == "reproduced"
    assert rows["MixNet-S"]["macs"]["deviation_percent"] == -6.57
    assert rows["MnasNet-A2"]["verdict"] == "not comparable"


def test_paper_names_its_convention_and_whose_the_accuracies_are() -> None:
    text = run("paper").stdout
    assert "Multiply-adds: convolutions and dense layers" in text
    assert "Accuracies are the paper's" in text
    assert "not comparable" in text


def test_the_version_is_the_distributions() -> None:
    result = run("--version")
    assert result.exit_code in (0, 1)  # 1 where it runs from a checkout that is not installed
    assert "mixnet" in result.output or result.exit_code == 1


@pytest.mark.parametrize("option", ["--min-time", "--timeout"])
@pytest.mark.parametrize("value", ["nan", "inf"])
def test_times_are_finite_numbers(option: str, value: str) -> None:
    result = run("latency", "some.tflite", option, value)

    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {option} {value}: give a number ")
