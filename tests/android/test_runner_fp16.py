"""The runner's float16 and weight cache, against stand-ins that triple where float16 was asked."""

from pathlib import Path

import numpy as np
import pytest
from runner_kit import QUICK, Kit, Run, compiler

from mixnet_android.runner.seeded import seeded_input

pytestmark = pytest.mark.skipif(
    compiler() is None, reason="NO C COMPILER FOR LINUX HERE: the native runner is not tested"
)


def factor(folder: Path, model: int = 0) -> float:
    """What the outputs are of the inputs."""
    given = seeded_input((4,), "float32", 0, 0)
    made = np.fromfile(folder / f"model{model}-output0.bin", np.float32)
    return float(np.unique(np.round(made / given))[0])


@pytest.mark.parametrize("library", ["litert", "litert215", "tflite", "tflite-runtime-flags"])
def test_float16_reaches_the_delegate_wherever_its_flags_stand(
    run: Run, tmp_path: Path, library: str
) -> None:
    done = run(library, "", "--fp16", "--outputs", tmp_path)
    assert done.status == 0, done.stderr
    assert factor(tmp_path) == 3
    assert done.parsed().models[0].settings["fp16"] == 1


@pytest.mark.parametrize("library", ["litert", "tflite"])
def test_without_the_option_nothing_is_told_of_float16(
    run: Run, tmp_path: Path, library: str
) -> None:
    done = run(library, "", "--outputs", tmp_path, "--threads", "2")
    assert factor(tmp_path) == 2
    assert "fp16" not in done.parsed().models[0].settings


def test_float16_is_of_the_model_before_it_alone(kit: Kit, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    one = ("--model", tmp_path / "a")
    done = kit.run(
        tmp_path,
        *("--library", kit.library("litert"), *one, "--fp16", *one),
        *("--library", kit.library("tflite"), *one, *one, "--fp16"),
        *("--outputs", tmp_path, *QUICK),
    )
    assert [factor(tmp_path, model) for model in range(4)] == [3, 2, 2, 3], done.stderr


def test_float16_is_refused_where_it_cannot_be_asked_for(
    run: Run, kit: Kit, tmp_path: Path
) -> None:
    old = run("tflite-old", "", "--fp16").parsed().errors[0]
    assert "'2.12.0' cannot be given float16" in old
    unknown = run("tflite-no-flags", "", "--fp16").parsed().errors[0]
    assert "does not tell where its XNNPACK flags are" in unknown
    assert kit.run(tmp_path, "--fp16").status == 2


def test_a_weight_cache_is_kept_in_the_file_that_is_named(run: Run, tmp_path: Path) -> None:
    done = run("litert", "", "--weight-cache", tmp_path / "cache", "--profile", "1")
    assert done.status == 0, done.stderr
    assert (tmp_path / "cache").read_text() == "cache"
    model = done.parsed().models[0]
    assert model.settings["weight_cache"] == str(tmp_path / "cache")
    assert model.load_ms > 0
    assert done.parsed().memory["loaded"].now_kb > 100


@pytest.mark.parametrize(
    ("library", "name", "words"),
    [
        ("tflite", "cache", "for LiteRT"),
        ("litert", "it's", "a quote or a line break"),
        ("litert", "x" * 5000, "too long"),
    ],
)
def test_a_weight_cache_that_cannot_be_is_refused(
    run: Run, library: str, name: str, words: str
) -> None:
    assert words in run(library, "", "--weight-cache", name).parsed().errors[0]
