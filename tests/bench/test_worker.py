"""What a worker answers, and what it times, without a process around it."""

import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mixnet_bench.timing.worker import clock_calls, serve
from mixnet_runtimes.inputs import seeded_input


def answers(*requests: dict[str, Any]) -> list[dict[str, Any]]:
    out = io.StringIO()
    serve(io.StringIO("".join(json.dumps(each) + "\n" for each in requests)), out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def load(path: Path, **changes: Any) -> dict[str, Any]:
    return {"do": "load", "path": str(path), "threads": 1, "seed": 0, "pin": None, **changes}


def test_only_the_call_lies_between_two_readings_of_the_clock() -> None:
    readings = iter([0, 2_000_000, 10_000_000, 10_500_000])
    found = clock_calls(lambda: None, 2, lambda: next(readings))
    assert found == [(0, 2_000_000), (10_000_000, 10_500_000)]


def test_each_inference_is_called_once() -> None:
    calls: list[int] = []
    assert len(clock_calls(lambda: calls.append(1), 7, time.perf_counter_ns)) == 7 == len(calls)


def test_float_inputs_are_normal_and_the_same_for_a_seed() -> None:
    first, again = (
        seeded_input((1, 50, 50, 3), "float32", np.random.default_rng(3)) for _ in range(2)
    )
    assert np.array_equal(first, again)
    assert first.dtype == np.float32
    assert abs(float(first.mean())) < 0.05
    assert 0.9 < float(first.std()) < 1.1


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_eight_bit_inputs_use_the_full_range(dtype: str) -> None:
    values = seeded_input((10_000,), dtype, np.random.default_rng(0))
    limits = np.iinfo(dtype)
    assert values.dtype == np.dtype(dtype)
    assert (values.min(), values.max()) == (limits.min, limits.max)


@pytest.mark.parametrize("dtype", ["int64", "bool"])
def test_indices_and_booleans_are_zero_or_one(dtype: str) -> None:
    values = seeded_input((100,), dtype, np.random.default_rng(0))
    assert set(values.astype(int)) == {0, 1}
    assert values.dtype == dtype


@pytest.mark.parametrize(
    ("fixture", "runtime"), [("tiny_onnx", "onnxruntime"), ("tiny_tflite", "LiteRT")]
)
def test_a_real_file_is_loaded_and_run(
    fixture: str, runtime: str, request: pytest.FixtureRequest
) -> None:
    loaded, ran = answers(load(request.getfixturevalue(fixture)), {"do": "run", "count": 5})
    assert loaded["runtime"] == runtime
    assert loaded["load_ms"] > 0
    assert len(ran["samples_ms"]) == 5
    assert all(sample > 0 for sample in ran["samples_ms"])


def test_a_broken_file_is_answered_with_what_is_wrong(tmp_path: Path) -> None:
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"not a model")
    (answer,) = answers(load(broken))
    assert "broken.tflite" in answer["error"]
    assert answer["exit_status"] in (1, 2)


def test_running_before_loading_is_refused() -> None:
    (answer,) = answers({"do": "run", "count": 1})
    assert "before" in answer["error"]


def test_a_worker_goes_on_after_an_error(tiny_onnx: Path) -> None:
    refused, loaded = answers({"do": "run", "count": 1}, load(tiny_onnx))
    assert "error" in refused
    assert "load_ms" in loaded


def test_pinning_happens_before_the_file_is_opened(
    tiny_onnx: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    from mixnet_runtimes import prepared

    opening: Callable[..., Any] = prepared.open_session
    monkeypatch.setattr("mixnet_bench.timing.worker.pin", lambda cpus: order.append(f"pin {cpus}"))

    def note(*args: Any, **kwargs: Any) -> Any:
        order.append("open")
        return opening(*args, **kwargs)

    monkeypatch.setattr(prepared, "open_session", note)
    answers(load(tiny_onnx, pin=[0]))
    assert order == ["pin [0]", "open"]
