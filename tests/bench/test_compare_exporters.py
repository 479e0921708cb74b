"""The comparison with other exporters, without any of them: makers and workers are stand-ins."""

import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from mixnet_bench.results.latency import BurstResult, LatencyResult, LaunchResult
from mixnet_bench.results.verdict import Verdict
from mixnet_bench.studies import exporters as compare_exporters
from mixnet_bench.studies.peers import files
from mixnet_bench.studies.peers.bars import LATENCY, SIZE, Bar, find_bar, judge_ratio, load_bars
from mixnet_bench.studies.peers.files import Made, kept_path, make_file
from mixnet_bench.studies.peers.groups import Group, Selection, build_groups
from mixnet_bench.studies.peers.make import answer_path, make
from mixnet_bench.studies.peers.making import ExportedFiles, orders_of
from mixnet_bench.studies.peers.registry import (
    EXPORTERS,
    OURS,
    PEERS,
    PRECISIONS,
    REFERENCE,
    RUNTIMES,
    FileRequest,
)
from mixnet_bench.studies.peers.result import (
    Compared,
    describe_group,
    missed,
    ratio_in,
    size_lines,
    table_rows,
)
from mixnet_common import MixnetError
from mixnet_common.intervals import Interval
from mixnet_common.result import encode
from mixnet_networks import load_network
from mixnet_networks.graph.operators import OPERATORS

SUBJECT = FileRequest(OURS, "mixnet-s", "float32", "litert", "default")
LITERAL = replace(SUBJECT, lowering=REFERENCE)
TENSORFLOW = FileRequest("tensorflow", "mixnet-s", "float32", "litert")
EVERYTHING = Selection(
    ("mixnet-s", "mixnet-m", "mixnet-l"), PRECISIONS, tuple(RUNTIMES), PEERS, "default"
)


# Bars


def test_every_bar_is_against_a_file_that_is_made() -> None:
    groups = build_groups(EVERYTHING, load_bars())

    for bar in load_bars():
        held = [
            (group.subject, other)
            for group in groups
            for other in group.orders[1:]
            if bar.concerns(group.subject, bar.threads or 1)
            and bar.is_against(group.subject, other)
        ]
        assert held, bar


def test_bars_are_those_that_were_set() -> None:
    found = {
        (bar.network, bar.runtime, bar.precision, bar.against, bar.against_network): bar.at_most
        for bar in load_bars()
        if bar.quantity == LATENCY
    }

    assert found == {
        ("mixnet-s", "litert", "float32", "tensorflow", None): 0.60,
        ("mixnet-m", "litert", "float32", "tensorflow", None): 0.48,
        ("mixnet-l", "litert", "float32", "tensorflow", None): 0.50,
        ("mixnet-s", "litert", "float32", "litert-torch", None): 0.63,
        ("mixnet-l", "litert", "float32", "litert-torch", None): 0.50,
        ("mixnet-s", "litert", "float32", "ours", "mobilenet-v2"): 1.30,
        ("mixnet-s", "litert", "int8", "tensorflow", None): 0.37,
        ("mixnet-s", "onnxruntime", "float32", "torch-onnx", None): 0.85,
        ("mixnet-s", "onnxruntime", "float32", "torch-onnx-legacy", None): 0.85,
    }


@pytest.mark.parametrize(
    ("value", "interval", "word"),
    [
        (0.50, Interval(0.45, 0.55), "met"),
        (0.60, Interval(0.55, 0.60), "met"),
        (0.58, Interval(0.55, 0.61), "met?"),
        (0.62, Interval(0.59, 0.65), "missed?"),
        (0.70, Interval(0.65, 0.75), "missed"),
        (0.60, None, "met"),
        (0.61, None, "missed"),
    ],
)
def test_a_ratio_is_certain_only_where_its_whole_interval_is_on_one_side(
    value: float, interval: Interval | None, word: str
) -> None:
    assert judge_ratio(Bar(LATENCY, "tensorflow", 0.60), value, interval).word == word


def test_a_bar_holds_for_its_own_threads_network_and_runtime_only() -> None:
    bars = load_bars()

    assert find_bar(LATENCY, SUBJECT, TENSORFLOW, 1, bars)
    assert find_bar(LATENCY, SUBJECT, TENSORFLOW, 2, bars) is None
    other = replace(SUBJECT, network="mobilenet-v2")
    assert find_bar(LATENCY, other, replace(TENSORFLOW, network="mobilenet-v2"), 1, bars) is None
    assert find_bar(LATENCY, SUBJECT, LITERAL, 1, bars) is None
    assert find_bar(SIZE, SUBJECT, LITERAL, 2, bars)


# Groups


def test_a_group_has_our_two_forms_the_peers_and_the_yardsticks_of_its_bars() -> None:
    selection = replace(EVERYTHING, networks=("mixnet-s",))
    groups = {
        (group.subject.runtime, group.subject.precision): [order.label for order in group.orders]
        for group in build_groups(selection, load_bars())
    }

    ours = ["ours, default", "ours, reference"]
    assert groups == {
        ("litert", "float32"): [*ours, "tensorflow", "litert-torch", "ours, default"],
        ("litert", "int8"): [*ours, "tensorflow"],
        ("onnxruntime", "float32"): [*ours, "torch-onnx", "torch-onnx-legacy"],
        ("onnxruntime", "int8"): ours,
    }


def test_the_literal_form_is_not_timed_twice_when_it_is_the_subject() -> None:
    selection = replace(EVERYTHING, lowering=REFERENCE, peers=())
    (group, *_) = build_groups(replace(selection, networks=("mixnet-m",)), load_bars())

    assert group.orders == (replace(LITERAL, network="mixnet-m"),)


def test_each_file_is_ordered_once() -> None:
    selection = replace(EVERYTHING, networks=("mobilenet-v2", "mixnet-s"))
    orders = orders_of(build_groups(selection, load_bars()))

    assert len(orders) == len(set(orders))


# The registry and the translation to TensorFlow


@pytest.mark.parametrize("name", EXPORTERS)
def test_every_exporter_has_a_maker_that_imports_without_its_packages(name: str) -> None:
    assert callable(EXPORTERS[name].load_maker())


@pytest.mark.parametrize("name", ["mixnet-s", "mixnet-m", "mixnet-l", "mobilenet-v2"])
def test_every_operator_of_a_network_is_translated_to_tensorflow(name: str) -> None:
    from mixnet_bench.studies.peers.tensorflow_converter import EMITTERS

    assert {node.op for node in load_network(name).graph.nodes} <= EMITTERS.keys()
    assert EMITTERS.keys() <= OPERATORS.keys()


# Making and keeping


def done(status: int = 0, stderr: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.CompletedProcess([], status, "", stderr)


class Maker:
    """Stands for the process that makes a file: writes one, and remembers being asked."""

    def __init__(self, content: bytes = b"file", logits: Any = (1.0, 2.0)) -> None:
        self.asked: list[FileRequest] = []
        self.content = content
        self.logits = logits

    def __call__(self, line: list[str]) -> "subprocess.CompletedProcess[str]":
        order, path = FileRequest(**json.loads(line[-2])), Path(line[-1])
        self.asked.append(order)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.content)
        answer_path(path).write_text(json.dumps(self.logits))
        return done()


def test_a_kept_file_is_not_made_again(tmp_path: Path) -> None:
    maker = Maker()

    first = make_file(SUBJECT, tmp_path, maker)
    second = make_file(SUBJECT, tmp_path, maker)

    assert first == second
    assert maker.asked == [SUBJECT]


def test_a_file_is_made_again_for_another_version_of_what_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = kept_path(TENSORFLOW, tmp_path)
    assert kept_path(TENSORFLOW, tmp_path) == before

    monkeypatch.setattr(files, "package_version", lambda distribution: "9.9")

    assert kept_path(TENSORFLOW, tmp_path) != before


def test_a_file_is_made_again_when_a_lowering_in_a_file_changes(tmp_path: Path) -> None:
    lowering = tmp_path / "tuned.toml"
    order = replace(SUBJECT, lowering=str(lowering))
    lowering.write_text("a = 1")
    before = kept_path(order, tmp_path)
    lowering.write_text("a = 2")

    assert before.name.startswith("mixnet-s-float32-ours-tuned-")
    assert kept_path(order, tmp_path) != before


def test_a_new_file_is_kept_apart_from_every_other(tmp_path: Path) -> None:
    orders = orders_of(build_groups(EVERYTHING, load_bars()))

    assert len({kept_path(order, tmp_path) for order in orders}) == len(orders)


@pytest.mark.parametrize(
    ("stderr", "words"),
    [
        ("noise\nerror: unknown lowering 'x'\n  hint: known: y\n", "unknown lowering"),
        ("Traceback\nValueError: bad graph\n\n", "ValueError: bad graph"),
        ("", "exit status 1"),
    ],
)
def test_what_a_converter_died_of_is_told(tmp_path: Path, stderr: str, words: str) -> None:
    with pytest.raises(MixnetError, match=words):
        make_file(SUBJECT, tmp_path, lambda line: done(1, stderr))


def test_our_own_file_is_made_with_its_logits(tmp_path: Path) -> None:
    path = tmp_path / "s.tflite"

    make(LITERAL, path)

    logits = json.loads(answer_path(path).read_text())
    assert len(logits) == 1000
    assert np.std(logits) > 0.1
    assert path.read_bytes()[4:8] == b"TFL3"


def made_with(logits: dict[str, tuple[float, ...]]) -> Callable[[FileRequest, Path], Made]:
    return lambda order, directory: Made(order, Path(order.label), logits.get(order.label))


def workshop_of(make: Callable[[FileRequest, Path], Made], group: Group) -> ExportedFiles:
    exported = ExportedFiles(Path(), make)
    for order in group.orders:
        exported.fill(order)
    return exported


def test_a_peer_that_is_not_installed_is_skipped_with_a_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    absent = replace(EXPORTERS["tensorflow"], packages={"no_such_module": "tensorflow"})
    monkeypatch.setitem(EXPORTERS, "tensorflow", absent)

    exported = workshop_of(made_with({}), Group((TENSORFLOW,)))

    assert exported.skipped == {TENSORFLOW: "tensorflow not installed"}


def present(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let TensorFlow seem installed; nothing imports it here."""
    known = replace(EXPORTERS["tensorflow"], packages={})
    monkeypatch.setitem(EXPORTERS, "tensorflow", known)


@pytest.mark.parametrize(("theirs", "skipped"), [(2.0001, False), (2.001, True)])
def test_a_peer_that_computes_something_else_is_not_timed(
    monkeypatch: pytest.MonkeyPatch, theirs: float, skipped: bool
) -> None:
    present(monkeypatch)
    group = Group((SUBJECT, TENSORFLOW))
    make = made_with({"ours, default": (1.0, 2.0), "tensorflow": (1.0, theirs)})
    exported = workshop_of(make, group)

    exported.compare(group)

    assert (TENSORFLOW in exported.skipped) == skipped
    assert (TENSORFLOW in exported.made) != skipped


def test_files_with_other_weights_need_not_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    present(monkeypatch)
    group = Group((SUBJECT, TENSORFLOW))
    exported = workshop_of(made_with({"ours, default": (1.0, 2.0)}), group)

    exported.compare(group)

    assert TENSORFLOW in exported.made


def test_nothing_is_compared_without_our_own_file() -> None:
    def fail(order: FileRequest, directory: Path) -> Made:
        raise MixnetError("no room")

    exported = workshop_of(fail, Group((SUBJECT,)))

    with pytest.raises(MixnetError, match="ours, default: no room"):
        exported.compare(Group((SUBJECT,)))


# Results


def target(name: str, launches: list[list[float]], size_bytes: int) -> LatencyResult:
    middle = float(np.median([sample for launch in launches for sample in launch]))
    return LatencyResult(
        name=name,
        size_bytes=size_bytes,
        samples_ms=tuple(sample for launch in launches for sample in launch),
        launches=tuple(
            LaunchResult(
                load_ms=1.0,
                count=len(launch),
                bursts=(BurstResult(count=len(launch), lead_ms=9.0),),
            )
            for launch in launches
        ),
        first_ms=middle,
        median_ms=middle,
        median_ms_interval=(1.0, 2.0),
        p90_ms=middle,
        verdict=Verdict.VALID,
        threads=1,
    )


def described() -> tuple[Group, list[Compared]]:
    gone = FileRequest("litert-torch", "mixnet-s", "float32", "litert")
    group = Group((SUBJECT, LITERAL, gone, TENSORFLOW))
    made = {order: Made(order, Path(order.label), (1.0, 2.0)) for order in group.orders}
    del made[gone]
    timed = [
        target("ours.tflite", [[5.0] * 9, [5.2] * 9, [5.1] * 9], 110),
        target("reference.tflite", [[10.0] * 9, [10.4] * 9, [10.2] * 9], 100),
        target("tensorflow.tflite", [[8.0] * 9, [8.3] * 9, [8.1] * 9], 100),
    ]
    return group, describe_group(group, made, {gone: "timm not installed"}, timed, load_bars())


def test_ratios_are_of_our_median_over_the_others_and_held_against_bars() -> None:
    _, found = described()
    ours, literal, _, tensorflow = map(encode, found)

    assert ours["ours_over_this"] is None
    assert literal["ours_over_this"]["value"] == pytest.approx(0.5)
    low, high = literal["ours_over_this"]["interval"]
    assert low <= 0.5 <= high
    assert literal["bars"][0]["quantity"] == SIZE
    assert literal["bars"][0]["word"] == "met"
    assert tensorflow["ours_over_this"]["value"] == pytest.approx(5.1 / 8.133, rel=1e-3)
    assert tensorflow["bars"][0]["at_most"] == 0.60
    assert tensorflow["bars"][0]["met"] is False


def test_logits_are_compared_within_one_network_only() -> None:
    other = replace(SUBJECT, network="mobilenet-v2")
    group = Group((SUBJECT, LITERAL, other))
    logits = {SUBJECT: (1.0, 2.0), LITERAL: (1.0, 2.5), other: (7.0, 7.0)}
    made = {order: Made(order, Path(), logits[order]) for order in group.orders}
    timed = [target(f"{index}.tflite", [[1.0] * 9] * 3, 100) for index in range(3)]

    objects = list(map(encode, describe_group(group, made, {}, timed, ())))

    assert [each["difference"] for each in objects] == [0.0, 0.25, None]
    assert {each["group"] for each in objects} == {"mixnet-s float32, litert, threads: 1"}


def test_what_slows_a_launch_for_all_cancels_out_of_a_ratio() -> None:
    ours = target("ours.tflite", [[5.0 * slow] * 20 for slow in (1.0, 1.5, 2.0)], 100)
    theirs = target("theirs.tflite", [[10.0 * slow] * 20 for slow in (1.0, 1.5, 2.0)], 100)

    found, by = ratio_in(ours, theirs)

    assert (found.value, by) == (pytest.approx(0.5), "time")
    assert (found.interval.low, found.interval.high) == pytest.approx((0.5, 0.5))


def test_missed_bars_are_named() -> None:
    _, objects = described()

    assert missed(objects) == ["tensorflow.tflite: latency above 0.6 times this"]


def test_the_table_shows_bars_sizes_and_who_was_skipped() -> None:
    group, objects = described()
    rows = {row[0]: row[1:] for row in table_rows(group, objects)}

    assert "≤ 0.60" in rows["tensorflow"]
    assert "missed" in rows["tensorflow"]
    assert rows["litert-torch"][-1] == "skipped: timm not installed"
    assert rows["ours, default"][2:4] == ("", "")
    assert size_lines(group, objects) == ["size: 1.100 of ours, reference's; ≤ 1.12: met"]


# The command


def call(*arguments: str) -> Result:
    return CliRunner().invoke(compare_exporters.command, arguments)


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["--networks", "mixnet-z"], "mixnet-z", "mixnet-"),
        (["--networks", ","], "--networks", ""),
        (["--only", "tensorflaw"], "tensorflaw", "did you mean tensorflow?"),
        (["--runtimes", "tflite"], "tflite", "litert"),
        (["--precisions", "int4"], "int4", "int8"),
        (["--threads", "1,0"], "--threads 0", "from 1 to "),
        (["--threads", "one"], "--threads one", "from 1 to "),
        (["--lowering", "defalt"], "defalt", "default"),
        (["--pin", "x"], "--pin x", "0,2-4"),
    ],
)
def test_wrong_use_is_refused_before_anything_is_made(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str, hint: str
) -> None:
    monkeypatch.setattr(compare_exporters, "export_files", pytest.fail)
    result = call(*arguments)

    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert message in result.stderr
    assert hint in result.stderr


def test_our_files_are_made_timed_and_told_end_to_end(
    tmp_path: Path, tiny_onnx: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make_tiny(order: FileRequest, directory: Path) -> Made:
        path = directory / f"{order.network}-{order.lowering}.{order.form}"
        path.write_bytes(tiny_onnx.read_bytes())
        return Made(order, path, (1.0, 2.0))

    monkeypatch.setattr(
        compare_exporters, "ExportedFiles", lambda where: ExportedFiles(where, make_tiny)
    )
    saved = tmp_path / "result.json"

    result = call(
        "--networks=mixnet-m",
        "--runtimes=onnxruntime",
        "--precisions=float32",
        "--threads=1",
        "--only=nobody",
        "--launches=1",
        "--rounds=5",
        "--json",
        f"-o{saved}",
    )

    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document == json.loads(saved.read_text())
    assert [
        (each["runtime"], each["lowering"], each["precision"]) for each in document["targets"]
    ] == [
        ("onnxruntime", "default", "float32"),
        ("onnxruntime", "reference", "float32"),
    ]
    for each in document["targets"]:
        assert len(each["samples_ms"]) >= 5


def test_a_missed_bar_fails_the_command_only_where_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(compare_exporters, "compare_exporters", lambda *arguments: described()[1])

    assert call().exit_code == 0
    result = call("--check")
    assert result.exit_code == 1
    assert "error: bars missed: 1" in result.stderr


# The documentation

DOCS = Path(__file__).parents[2] / "docs" / "exporters.md"


def test_every_key_of_ours_is_documented() -> None:
    objects = list(map(encode, described()[1]))
    latency = set(encode(target("x", [[1.0]], 1)))
    keys = {key for each in objects for key in each} - latency
    keys |= {f"bars[].{key}" for each in objects for bar in each.get("bars", []) for key in bar}
    text = DOCS.read_text(encoding="utf-8")

    documented = set(re.findall(r"^\| `([a-z_\[\].]+)` \|", text, re.MULTILINE))
    documented = {key for key in documented if not key.startswith("ours_over_this.")}
    assert documented - set(EXPORTERS) - {OURS} == (keys | {"bars[].quantity"}) - {
        "bars",
        "ours_over_this",
    }


@pytest.mark.parametrize("name", EXPORTERS)
def test_every_exporter_is_documented(name: str) -> None:
    assert f"\n| `{name}` |" in DOCS.read_text(encoding="utf-8")
