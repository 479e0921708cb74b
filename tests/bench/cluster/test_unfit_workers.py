"""Workers that would give other numbers, or lack what is needed: named, and not used."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cluster_kit import Lab, Processes, free_port

from mixnet_bench.campaign.remote import check_fit
from mixnet_bench.campaign.step import Step
from mixnet_bench.cluster.answers import UnfitError, WorkerAnswer
from mixnet_bench.cluster.carried import Carried, inside, unpack
from mixnet_bench.cluster.shard_work import Compared, Shard, compare_shard
from mixnet_bench.cluster.shards import _read, cut
from mixnet_bench.machine.description import cpu_model
from mixnet_common import MixnetError, UsageError
from mixnet_common.hashing import sha256
from mixnet_quantize.parity.data import Images
from mixnet_quantize.parity.machine_kind import kind_of_this_machine
from mixnet_quantize.parity.record import Bounds, Record, to_line

Pair = tuple[Path, Path]

OTHER_CPU = """
from mixnet_quantize.parity import machine_kind
machine_kind.cpu_features = lambda: ("x86_64", ("avx2", "avx9999"))
"""
OTHER_VERSION = """
from mixnet_common.versions import package_version as here
from mixnet_quantize.parity import machine_kind
machine_kind.package_version = lambda name: "0.0.1" if name == "pillow" else here(name)
"""


def parity(pair: Pair, photos: Path, address: str, *options: object) -> Any:
    program = [sys.executable, "-m", "mixnet_bench", "parity", "--json", "--dask", address]
    return subprocess.run(
        [*program, *map(str, (*pair, "--data", photos, *options))],
        capture_output=True, text=True, check=False, timeout=100, env=dict(os.environ),
    )  # fmt: skip


@pytest.mark.long
@pytest.mark.slow
def test_workers_of_another_kind_are_named_and_get_nothing(
    pair: Pair, photos: Path, tmp_path: Path, started: Processes
) -> None:
    lab = Lab(started, free_port())
    lab.worker("--name", "good", "--nthreads", 2)
    for name, preload in (("cpu", OTHER_CPU), ("version", OTHER_VERSION)):
        (tmp_path / f"{name}.py").write_text(preload)
        lab.worker("--name", name, "--preload", tmp_path / f"{name}.py")
    wait = ("import sys, distributed; c = distributed.Client(sys.argv[1]); c.wait_for_workers(3)",)
    subprocess.run([sys.executable, "-c", *wait, lab.address], check=True, timeout=60)
    state = tmp_path / "state"
    done = parity(pair, photos, lab.address, "--state", state)
    assert done.returncode == 0, done.stderr
    assert "good on 127.0.0.1: 44 of 44" in done.stderr
    assert (
        "worker cpu on 127.0.0.1 is not used: its results would differ in their last digits: a CPU "
        in done.stderr
    )
    assert (
        "worker version on 127.0.0.1 is not used: its results would differ in their last digits"
        in done.stderr
    )
    assert "pillow 0.0.1, not" in done.stderr
    assert state.read_text().count('"machine"') == 1

    lines = state.read_text().splitlines(keepends=True)
    old = lines[1].replace('"features":[', '"features":["avx1234",')
    state.write_text("".join([lines[0], old, *lines[2:9]]))
    refused = parity(pair, photos, lab.address, "--state", state)
    assert refused.returncode == 1
    assert "no worker can do it: its results would differ in their last digits" in refused.stderr


def shard(folder: Path, *names: str, size: int = 3) -> Shard:
    return Shard(str(folder), tuple(range(len(names))), names, (size,) * len(names))


def compared() -> Compared:
    return Compared("name", (), (), kind_of_this_machine({}))  # type: ignore[arg-type]


def test_a_worker_without_the_images_says_so(tmp_path: Path) -> None:
    with pytest.raises(UnfitError, match=r"it has no image folder .*gone"):
        compare_shard(compared(), shard(tmp_path / "gone", "a.png"))
    with pytest.raises(UnfitError, match=r"differs: a\.png is missing"):
        compare_shard(compared(), shard(tmp_path, "a.png"))
    (tmp_path / "a.png").write_bytes(b"12345")
    with pytest.raises(UnfitError, match=r"differs: a\.png has 5 bytes, not 3"):
        compare_shard(compared(), shard(tmp_path, "a.png"))


def test_shards_have_every_image_once_in_whole_chunks(tmp_path: Path) -> None:
    names = tuple(f"{index:05}.png" for index in range(5000))
    for threads, chunk in ((1, 8), (4, 8), (100, 32), (3, 300)):
        shards = list(cut(Images(tmp_path, names, None, None), range(3, 5000), chunk, threads))
        assert [each for one in shards for each in one.indices] == list(range(3, 5000))
        assert all(len(one.indices) % chunk == 0 for one in shards[:-1])
        assert all(len(one.indices) <= max(256, chunk) for one in shards)
        assert all(one.names == tuple(names[each] for each in one.indices) for one in shards)


RECORD = Record(4, (0, 1), (0, 1), 0.5, 0.5, 0.1, 0.1, 1.0)


@pytest.mark.parametrize(
    "value",
    [
        {"lines": [], "unreadable": []},
        {"lines": [to_line(RECORD)] * 2, "unreadable": []},
        {"lines": [to_line(RECORD)], "unreadable": [["a.png", "broken"]]},
        {"lines": [], "unreadable": [["b.png", "broken"]]},
        {"lines": [to_line(RECORD).replace("4", "5", 1)], "unreadable": []},
        {"lines": ["{}"], "unreadable": []},
        {"lines": ["["], "unreadable": []},
        {"lines": [to_line(RECORD).replace("0.1", "NaN")], "unreadable": []},
        {"lines": [3], "unreadable": []},
        {},
    ],
)
def test_an_answer_about_other_images_is_none(value: Any) -> None:
    asked = Shard("/", (4,), ("a.png",), (1,))
    assert _read({"lines": [to_line(RECORD)], "unreadable": []}, asked, Bounds(9, 2))[0] == [RECORD]
    with pytest.raises(Exception, match=r".") as caught:
        _read(value, asked, Bounds(9, 2))
    assert type(caught.value).__name__ in ("ValueError", "KeyError", "TypeError", "WrongValueError")


@pytest.mark.parametrize("name", ["/etc/passwd", "../a", "a/../../b", "a\\b", ""])
def test_received_files_stay_in_their_folder(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is outside"):
        inside(tmp_path, name)
    with pytest.raises(UsageError, match="is outside"):
        unpack(tmp_path, [Carried(name, sha256(b"x"))], [b"x"])


def test_a_received_file_is_what_was_sent(tmp_path: Path) -> None:
    unpack(tmp_path, [Carried("a/b", sha256(b"x"))], [b"x"])
    assert (tmp_path / "a/b").read_bytes() == b"x"
    with pytest.raises(MixnetError, match="arrived with different content"):
        unpack(tmp_path, [Carried("c", sha256(b"x"))], [b"y"])
    assert not (tmp_path / "c").exists()


def test_a_step_is_done_only_where_its_key_is_true() -> None:
    check_fit(Step("count", "a", {"versions": {"no-such-package": None}}))
    with pytest.raises(UnfitError, match=r"numpy .*, not 0"):
        check_fit(Step("count", "a", {"versions": {"numpy": "0"}}))
    check_fit(Step("latency", "a", {"device": "host", "cpu": cpu_model()}))
    with pytest.raises(UnfitError, match="its processor is "):
        check_fit(Step("latency", "a", {"device": "host", "cpu": "another"}))
    with pytest.raises(UnfitError, match="its runtime library for phone X is another"):
        check_fit(
            Step(
                "latency",
                "a",
                {"device": "adb:X", "libraries_sha256": {"tflite on android-arm64": "0"}},
                (Step("export", "b", {"file_format": "tflite"}),),
            )
        )


def test_what_went_wrong_is_one_line() -> None:
    assert WorkerAnswer("", "", failure=("it broke", "mend it")).words == "it broke (mend it)"
    assert WorkerAnswer("", "", bug=["Traceback\n", "ZeroDivisionError: oh\n"]).words == (
        "ZeroDivisionError: oh"
    )
    json.dumps(WorkerAnswer("", "").words)
