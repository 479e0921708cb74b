"""CPUs are chosen by what the phone tells, and the runner is told just what was asked."""

from pathlib import Path

import pytest

from mixnet_android.parsers import Cluster
from mixnet_android.session import Installed, Work, arguments, choose_cpus, digest_of
from mixnet_common import UsageError


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
    with pytest.raises(UsageError, match="no faster and slower"):
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


def test_other_work_has_another_digest() -> None:
    from dataclasses import replace

    digests = {
        digest_of(work, hashes)
        for work in (WORK, replace(WORK, seed=2), replace(WORK, cpus=None))
        for hashes in (["a"], ["b"])
    }
    assert len(digests) == 6
    assert digest_of(WORK, ["a"]) == digest_of(replace(WORK), ["a"])
