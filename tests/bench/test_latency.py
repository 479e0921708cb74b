"""Who runs when, and how often, told from workers that run by reading numbers: nothing waits."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixnet_bench.timing.latency import Plan, measure
from mixnet_common import MixnetError, UsageError

Fleet = Callable[[dict[str, list[float]]], Any]
A, B = Path("a.tflite"), Path("b.onnx")


def test_more_threads_than_this_machine_has_a_use_for_start_no_worker(fleet: Fleet) -> None:
    workers = fleet({"a.tflite": [1.0]})
    with pytest.raises(UsageError, match=r"^threads: 100000: give a whole number from 1 to "):
        measure(Plan((A,), threads=100_000), workers)
    assert workers.workers == []


def test_every_sample_comes_back_in_order(fleet: Fleet) -> None:
    workers = fleet({"a.tflite": [float(number) for number in range(1, 1000)]})
    plan = Plan((A,), launches=1, min_count=20, min_time_s=0, warmup=3, burst_ms=30)
    (launch,) = measure(plan, workers)[0].launches
    assert launch.first_ms == 1.0
    assert launch.warmup_ms == (2.0, 3.0, 4.0)
    taken = [x for burst in launch.bursts for x in (burst.lead_ms, *burst.samples_ms)]
    assert taken == [float(number) for number in range(5, 5 + len(taken))]


def test_the_first_of_a_burst_is_no_sample(fleet: Fleet) -> None:
    # one inference opens the burst, two fill it
    workers = fleet({"a.tflite": [99.0, 10.0, 10.0]})
    plan = Plan((A,), launches=1, min_count=20, min_time_s=0, warmup=2, burst_ms=20)
    (launch,) = measure(plan, workers)[0].launches
    assert {burst.lead_ms for burst in launch.bursts} == {99.0}
    assert set(launch.samples_ms) == {10.0}


def test_targets_take_turns_in_bursts_of_equal_time(fleet: Fleet) -> None:
    workers = fleet({"a.tflite": [10.0], "b.onnx": [50.0]})
    measure(Plan((A, B), launches=1, min_count=4, min_time_s=1, warmup=1), workers)
    bursts = workers.runs()[4:]  # after a first inference and a warm-up each
    assert set(bursts) == {("a.tflite", 1 + 10), ("b.onnx", 1 + 2)}
    rounds = [{name for name, _ in bursts[i : i + 2]} for i in range(0, len(bursts), 2)]
    assert all(each == {"a.tflite", "b.onnx"} for each in rounds)


@settings(deadline=None, max_examples=60)
@given(
    duration=st.sampled_from([0.01, 1.0, 40.0, 300.0]),
    launches=st.integers(1, 4),
    min_count=st.integers(1, 60),
    min_time_s=st.sampled_from([0.0, 0.1, 1.0]),
)
def test_both_minima_hold_for_every_target(
    fleet: Fleet, duration: float, launches: int, min_count: int, min_time_s: float
) -> None:
    workers = fleet({"a.tflite": [duration], "b.onnx": [3 * duration]})
    plan = Plan((A, B), launches=launches, min_count=min_count, min_time_s=min_time_s, warmup=1)
    for timing in measure(plan, workers):
        samples = np.concatenate([launch.samples_ms for launch in timing.launches])
        assert len(timing.launches) == launches
        assert len(samples) >= min_count
        assert samples.sum() >= 1000 * min_time_s * (1 - 1e-9)


def test_sustained_load_lasts_as_long_as_asked_also_for_a_slow_file(fleet: Fleet) -> None:
    workers = fleet({"a.tflite": [500.0]})
    plan = Plan((A,), launches=1, min_count=1, min_time_s=60, warmup=0, burst_ms=500)
    (launch,) = measure(replace(plan, sustained=True), workers)[0].launches
    assert 60 <= sum(burst.lead_ms + sum(burst.samples_ms) for burst in launch.bursts) / 1000 < 62


def test_a_target_that_has_enough_goes_on_beside_one_that_has_not(fleet: Fleet) -> None:
    workers = fleet({"a.tflite": [1.0], "b.onnx": [500.0]})
    measure(Plan((A, B), launches=1, min_count=10, min_time_s=0, warmup=0), workers)
    bursts = Counter(name for name, count in workers.runs() if count > 1)
    assert bursts["a.tflite"] == bursts["b.onnx"] == 10


def test_the_order_is_shuffled_by_the_seed_and_recorded(fleet: Fleet) -> None:
    def orders(seed: int) -> list[int]:
        workers = fleet({"a.tflite": [10.0], "b.onnx": [10.0]})
        plan = Plan((A, B), launches=1, min_count=200, min_time_s=0, seed=seed)
        first, _ = measure(plan, workers)
        asked = [name for name, count in workers.runs() if count == 11]
        turns = [burst.turn for burst in first.launches[0].bursts]
        assert [names.index("a.tflite") for names in zip(asked[::2], asked[1::2], strict=True)] == (
            turns
        )
        return turns

    assert orders(1) == orders(1)
    assert orders(1) != orders(2)
    assert set(orders(1)) == {0, 1}


def test_each_launch_starts_a_fresh_worker_and_ends_it(fleet: Fleet) -> None:
    workers = fleet({"a.tflite": [10.0], "b.onnx": [10.0]})
    measure(Plan((A, B), launches=3, min_count=3, min_time_s=0), workers)
    assert Counter(worker.target for worker in workers.workers) == {"a.tflite": 3, "b.onnx": 3}
    assert all(worker.ended for worker in workers.workers)


def test_all_are_loaded_before_any_runs(fleet: Fleet) -> None:
    workers = fleet({"a.tflite": [10.0], "b.onnx": [10.0]})
    measure(Plan((A, B), launches=1, min_count=3, min_time_s=0), workers)
    assert [asked["do"] for _, asked, _ in workers.log[:3]] == ["load", "load", "run"]


def test_the_same_file_twice_is_two_targets(fleet: Fleet) -> None:
    workers = fleet({"a.tflite": [10.0]})
    assert len(measure(Plan((A, A), launches=1, min_count=3, min_time_s=0), workers)) == 2


def test_workers_are_ended_when_one_fails(fleet: Fleet) -> None:
    workers = fleet({"a.tflite": [10.0], "b.onnx": [10.0]})

    def start(target: str) -> Any:
        worker = workers(target)
        if target == "b.onnx":

            def fail(request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
                raise MixnetError("b.onnx: its process died")

            worker.ask = fail
        return worker

    with pytest.raises(MixnetError, match=r"b\.onnx"):
        measure(Plan((A, B)), start)
    assert [worker.ended for worker in workers.workers] == [True, True]


def test_progress_rises_to_the_end(fleet: Fleet) -> None:
    reported: list[float] = []
    workers = fleet({"a.tflite": [10.0]})
    measure(Plan((A,), launches=2, min_count=40, min_time_s=1), workers, reported.append)
    assert reported == sorted(reported)
    assert reported[-1] == 1.0


def test_the_time_limit_grows_with_the_burst(fleet: Fleet) -> None:
    workers = fleet({"a.tflite": [1000.0]})
    measure(Plan((A,), launches=1, min_count=1, min_time_s=0, timeout_s=5), workers)
    limits = {asked.get("count"): limit for _, asked, limit in workers.log}
    assert limits[1] == 5
    assert limits[10] == 5 + 20 * 10  # the warm-up: ten inferences of one second
    assert limits[2] == 5 + 20
