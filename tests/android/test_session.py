"""CPUs are chosen by what the phone tells, and the runner is told just what was asked."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mixnet_android.adb import Answer, Lost
from mixnet_android.parsers import Cluster
from mixnet_android.phone.platform import choose_cpus
from mixnet_android.runs import session
from mixnet_android.runs.detached import Run
from mixnet_android.runs.status import RunKilled
from mixnet_android.runs.work import Installed, Work, arguments, digest_of
from mixnet_common import MixnetError, UsageError


def cluster(cpus: tuple[int, ...], khz: int | None, capacity: int | None) -> Cluster:
    return Cluster(cpus, khz, khz, khz, "schedutil", capacity)


PHONE = (
    cluster((7,), 2_850_000, 1024),
    cluster((0, 1, 2, 3), 1_800_000, 250),
    cluster((4, 5, 6), 2_400_000, 900),
)

WORK = Work(
    runner=Path("runner"),
    models=(Path("a.tflite"), Path("b.onnx")),
    libraries=(Path("t.so"), Path("o.so")),
    threads=2,
    cpus=(4, 5),
    warmup=3,
    min_count=20,
    min_time_s=0.5,
    burst_ms=100.0,
    seed=1,
    outputs=True,
)


@pytest.mark.parametrize(
    ("text", "cpus"),
    [
        (None, None),
        ("big", (7,)),
        ("little", (0, 1, 2, 3)),
        ("0,4-6", (0, 4, 5, 6)),
        ("7", (7,)),
    ],
)
def test_cpus_are_found_by_name_or_number(text: str | None, cpus: tuple[int, ...] | None) -> None:
    assert choose_cpus(text, PHONE) == cpus


def test_clusters_without_a_capacity_are_told_apart_by_their_clock() -> None:
    phone = (cluster((0, 1), 1_800_000, None), cluster((2, 3), 2_400_000, None))
    assert choose_cpus("big", phone) == (2, 3)


@pytest.mark.parametrize("text", ["8", "6-8", "", "4-2", "big,0", "-1", "0x3"])
def test_cpus_that_are_not_there_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        choose_cpus(text, PHONE)


@pytest.mark.parametrize("clusters", [(), (cluster((0, 1), 2_000_000, 1024),)])
def test_big_means_nothing_where_all_cores_are_alike(clusters: tuple[Cluster, ...]) -> None:
    with pytest.raises(UsageError, match="does not report faster and slower"):
        choose_cpus("big", clusters)


def test_each_model_stands_behind_its_own_library() -> None:
    installed = Installed("/r", ("/a.tflite", "/b.onnx"), ("/t.so", "/o.so"), 0)
    words = arguments(WORK, installed)
    assert words[-8:] == [
        *("--library", "/t.so", "--model", "/a.tflite"),
        *("--library", "/o.so", "--model", "/b.onnx"),
    ]
    assert words[words.index("--cpus") + 1] == "4,5"
    assert words[words.index("--min-time") + 1] == "0.500000"


def test_a_library_is_named_where_it_changes_and_sixteen_files_pass() -> None:
    installed = Installed(
        "/r", tuple(f"/{n}" for n in range(16)), ("/t.so",) * 10 + ("/o.so",) * 6, 0
    )
    words = arguments(replace(WORK, models=(Path("a"),) * 16), installed)
    assert words.count("--model") == 16
    assert words.count("--library") == 2
    assert words[words.index("/10") - 3 : words.index("/10")] == ["--library", "/o.so", "--model"]


@pytest.mark.parametrize(("seconds", "least_s"), [(0.5, 3601), (600, 4800), (3000, 9600)])
def test_the_limit_leaves_room_for_what_is_asked(seconds: float, least_s: int) -> None:
    work = replace(WORK, models=WORK.models[:1], min_time_s=seconds)
    words = arguments(work, Installed("/r", ("/a",), ("/t.so",), 0))
    assert words[words.index("--max-time") + 1] == str(least_s)
    assert replace(work, limit_s=5).longest_s == 5


def test_more_files_than_the_runner_takes_are_refused_before_any_phone() -> None:
    with pytest.raises(
        UsageError, match="17 files are too many for one run; the runner accepts 16"
    ):
        replace(WORK, models=(Path("a"),) * 17, libraries=(Path("t.so"),) * 17)


class StubPhone:
    """Hands out files by their names, whatever the folder."""

    serial = "stub"

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files

    def shell(self, script: str) -> Answer:
        return Answer(0, "")

    def pull(self, remote: str, local: Path, size: int = 0) -> None:
        name = remote.rpartition("/")[2]
        if name in self.files:
            local.write_bytes(self.files[name])
        else:
            local.mkdir()  # as adb does with a folder


def result(models: int = 2, samples: int = 3, output: str = "out.bin") -> bytes:
    """What a runner writes that timed so many files."""
    tensor = {"name": "y", "dtype": "int8", "shape": [4], "size_bytes": 4}
    lines: list[dict[str, Any]] = [
        {"type": "header", "protocol": 1, "runner": "1", "machine": "", "system": "", "pid": 1,
         "page_bytes": 1, "clock_ns": 0, "unix_s": 0, "arguments": []},
        {"type": "library", "path": "", "api": "litert", "interface": "", "load_ms": 0},
    ]  # fmt: skip
    for model in range(models):
        times = list(range(samples))
        lines += [
            {"type": "model", "model": model, "library": 0, "path": "", "size_bytes": 1,
             "load_ms": 1, "first_ms": 1, "input_source": "seed", "settings": {}, "inputs": [],
             "outputs": [tensor]},
            {"type": "burst", "model": model, "round": 0, "turn": 0, "t_ns": times, "ns": times,
             "cpu": times, "cpu_ns": 0, "preempted": 0, "khz_before": {}, "khz_after": {}},
            {"type": "output", "model": model, "index": 0, "path": output, **tensor},
        ]  # fmt: skip
    lines.append({"type": "end", "status": 0, "reason": "complete", "t_ns": 1, "lines": len(lines)})
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


@pytest.fixture
def removed() -> list[str]:
    """Folders that were removed from the phone."""
    return []


@pytest.fixture
def launched(
    monkeypatch: pytest.MonkeyPatch, removed: list[str]
) -> Callable[[dict[str, bytes]], session.Launched]:
    """``launch`` on a phone with these files, whose run has ended."""

    class StubRun:
        folder = "/runs/a"

        def kill(self) -> None:
            pass

        def remove(self) -> None:
            removed.append(self.folder)

    monkeypatch.setattr(session, "run_to_end", lambda *_, **__: StubRun())
    installed = Installed("/r", ("/a", "/b"), ("/t", "/o"), 0)

    def start(files: dict[str, bytes]) -> session.Launched:
        phone: Any = StubPhone(files)
        return session.launch(phone, "a", WORK, installed)

    return start


def test_outputs_come_back_by_model_and_number(
    launched: Callable[[dict[str, bytes]], session.Launched],
) -> None:
    files = {"result.jsonl": result(), "out.bin": b"four"}
    assert launched(files).outputs == {(0, 0): b"four", (1, 0): b"four"}


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"result.jsonl": result(models=1)}, "samples of 1 files, and 2"),
        ({"result.jsonl": result(samples=1)}, "samples of 0 files, and 2"),
        ({"result.jsonl": result(output="../..")}, "has the unusable name '..'"),
        ({"result.jsonl": result(output=".")}, "has the unusable name '.'"),
        ({"result.jsonl": result(output="-x")}, "has the unusable name '-x'"),
        ({"result.jsonl": result(output="\x1b[1m")}, "has the unusable name"),
        ({"result.jsonl": result()}, "out.bin is not a file with at most 4 bytes"),
        (
            {"result.jsonl": result(), "out.bin": b"five!"},
            "out.bin is not a file with at most 4 bytes",
        ),
        ({"result.jsonl": b"\xff\x00{"}, "garbled"),
    ],
)
def test_a_phone_that_sends_something_else_is_refused(
    files: dict[str, bytes],
    words: str,
    launched: Callable[[dict[str, bytes]], session.Launched],
    removed: list[str],
) -> None:
    with pytest.raises(MixnetError, match=words) as caught:
        launched(files)
    assert caught.value.message.isprintable()
    assert removed == ["/runs/a"]  # or the next try would find the same


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (0, ""),
        (2, "it had timed nothing until then"),
        (4, "it had timed 2 inferences of 1 files until then"),
        (7, "it had timed 4 inferences of 2 files until then"),
    ],
)
def test_what_a_killed_runner_had_timed_is_told(lines: int, words: str) -> None:
    part = b"".join(result().splitlines(keepends=True)[:lines]) + b'{"type": "bur'
    phone: Any = StubPhone({"result.jsonl.part": part})
    assert session._tell_rest(Run(phone, "a")) == words


@pytest.mark.parametrize(
    ("said", "full"),
    [("the result cannot be written", True), ("", True), ("cannot open libx.so", False)],
)
def test_a_result_that_was_never_written_may_mean_a_full_disk(
    launched: Callable[[dict[str, bytes]], session.Launched],
    monkeypatch: pytest.MonkeyPatch,
    said: str,
    full: bool,
) -> None:
    monkeypatch.setattr(StubPhone, "shell", lambda self, script: Answer(int("[" in script), said))
    with pytest.raises(RunKilled, match=said or "no message") as caught:
        launched({})
    assert ("full" in caught.value.hint) == full


def test_a_killed_runner_that_left_nothing_is_told_as_it_is() -> None:
    phone: Any = StubPhone({})
    assert session._tell_rest(Run(phone, "a")) == ""


def test_what_a_phone_holds_that_went_away_stays_there(
    launched: Callable[[dict[str, bytes]], session.Launched],
    removed: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def vanish(*_: object) -> None:
        raise Lost("gone")

    monkeypatch.setattr(StubPhone, "pull", vanish)
    with pytest.raises(Lost):
        launched({"result.jsonl": result()})
    assert removed == []


def test_other_work_has_another_digest() -> None:
    digests = {
        digest_of(work, hashes)
        for work in (WORK, replace(WORK, seed=2), replace(WORK, cpus=None))
        for hashes in (["a"], ["b"])
    }
    assert len(digests) == 6
    assert digest_of(WORK, ["a"]) == digest_of(replace(WORK), ["a"])
