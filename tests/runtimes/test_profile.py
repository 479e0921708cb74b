from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_models import conv_onnx, conv_tflite

from mixnet_common import MixnetError, UsageError
from mixnet_runtimes import FORMATS, profile
from mixnet_runtimes.inputs import seeded_input
from mixnet_runtimes.profiling import middle_mean, summarize_rounds

SAMPLES = st.lists(st.floats(0, 1e6), min_size=1, max_size=40)


@pytest.mark.parametrize("write", [conv_tflite, conv_onnx])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_profile_accounts_for_its_total(write: object, threads: int, tmp_path: Path) -> None:
    assert callable(write)
    suffix = "tflite" if write is conv_tflite else "onnx"
    found = profile(write(tmp_path / f"m.{suffix}"), threads=threads, rounds=4)
    assert found.operators[0].name == "conv"
    assert found.operators[0].operator in found.contents.operators
    assert (found.threads, found.rounds) == (threads, 4)
    assert found.runtime in ("LiteRT", "onnxruntime")
    times = [each.time_us for each in found.operators]
    assert min(times) >= 0
    assert 0 < found.inference_us < 1e7
    assert found.total_us == pytest.approx(sum(times) + found.unaccounted_us)


def test_every_format_names_a_profiler() -> None:
    assert all(each.profiler for each in FORMATS.values())


@pytest.mark.parametrize("wrong", [{"rounds": 0}, {"threads": 0}])
def test_numbers_below_one_are_refused(wrong: dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="asked for"):
        profile(conv_onnx(tmp_path / "m.onnx"), **wrong)


def test_a_missing_file_is_refused() -> None:
    with pytest.raises(UsageError, match="no file"):
        profile(Path("missing.tflite"))


@pytest.mark.parametrize("suffix", ["tflite", "onnx"])
def test_a_truncated_file_is_refused_before_any_profiler_sees_it(
    suffix: str, tmp_path: Path
) -> None:
    write = conv_tflite if suffix == "tflite" else conv_onnx
    path = write(tmp_path / f"m.{suffix}")
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(MixnetError, match="not a valid"):
        profile(path, rounds=1)


@given(SAMPLES)
def test_the_middle_mean_lies_within_the_samples(samples: list[float]) -> None:
    (found,) = middle_mean(np.array(samples)[:, None])
    assert min(samples) - 1e-6 <= found <= max(samples) + 1e-6


def test_the_middle_mean_does_not_hear_an_outlier_and_sees_between_whole_numbers() -> None:
    counts = np.array([[1.0], [2.0], [1.0], [2.0], [1.0], [2.0], [2.0], [5000.0]])
    assert middle_mean(counts)[0] == 1.75


def test_what_disturbs_an_operator_is_not_taken_for_time_between_operators() -> None:
    quiet, hit = 10.0, 110.0
    rounds = [[hit if place == index % 4 else quiet for place in range(4)] for index in range(20)]
    found = summarize_rounds(rounds, [sum(each) + 5.0 for each in rounds])
    assert found.operators_us == (quiet,) * 4
    assert found.unaccounted_us == pytest.approx(5.0)
    assert found.inference_us == pytest.approx(145.0)


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "uint8", "int64", "bool"])
def test_inputs_are_the_same_every_time_and_of_the_type_asked_for(dtype: str) -> None:
    one, two = (seeded_input((4, 5), dtype, np.random.default_rng(0)) for _ in range(2))
    assert one.dtype == dtype
    np.testing.assert_array_equal(one, two)
    assert len(np.unique(one)) > 1
