"""``--correct-biases``, ``--equalise`` and ``--precision mixed`` from the command line."""

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from mixnet_common.intervals import Estimate, Interval
from mixnet_export.cli import main
from mixnet_export.mixed import files as mixed_files
from mixnet_export.mixed.search import MeasuredMixture
from mixnet_runtimes import read_file

FORMATS = ["tflite", "onnx"]

LITTLE = """
title = "A little MixNet"
source = "a test"
resolution = 32
classes = 8
stem = { channels = 8 }
head = { channels = 64 }
stages = [
  { out = 16, kernels = [3], expand = 3, stride = 2 },
  { out = 16, kernels = [3, 5], expand = 3, se = 0.5, activation = "swish" },
]
"""

Run = Callable[..., Result]


def taking(ratio: float) -> Estimate:
    """A time that is known well."""
    return Estimate(ratio, Interval(ratio - 0.05, ratio + 0.05))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Exports a little network, calibrated on six pictures: format, options."""
    network, folder = tmp_path / "little.toml", tmp_path / "pictures"
    network.write_text(LITTLE)
    folder.mkdir()
    random = np.random.default_rng(0)
    for index in range(6):
        coarse = random.integers(0, 256, (5, 5, 3), np.uint8)
        Image.fromarray(coarse).resize((50, 40)).save(folder / f"{index}.png")

    def invoke(form: str, *arguments: object) -> Result:
        words = (form, network, "--calibrate", folder, *arguments)
        return CliRunner().invoke(main, [str(word) for word in words])

    return invoke


def exported(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    (target,) = json.loads(result.stdout)["targets"]
    return dict(target)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("option", "key"), [("--correct-biases", "biases_corrected"), ("--equalise", "equalised")]
)
def test_a_method_changes_the_file_and_is_told_of(
    run: Run, form: str, option: str, key: str, tmp_path: Path
) -> None:
    common = ("--precision", "int8", "--json", "-o")
    plain = exported(run(form, *common, tmp_path / "plain"))
    other = exported(run(form, *common, tmp_path / "other", option))

    assert (plain["quantization"][key], other["quantization"][key]) == (False, True)
    assert plain["sha256"] != other["sha256"]
    assert other["size_bytes"] == pytest.approx(plain["size_bytes"], rel=1e-3)
    assert other["verification"]["largest_difference"] < 0.5
    assert other["mixed"] is None


@pytest.mark.parametrize("form", FORMATS)
def test_a_block_stays_in_float32_where_the_budget_asks_for_it(
    run: Run, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Times and losses are made up: the first file is bad, the second good. Ranges are found once,
    since they are the same whatever stays in float32."""
    quantizer = import_module(f"mixnet_quantize.{form}.quantize")
    find_ranges, found = quantizer.activation_ranges, []

    def counted(*arguments: Any) -> Any:
        found.append(find_ranges(*arguments))
        return found[-1]

    monkeypatch.setattr(quantizer, "activation_ranges", counted)
    losses = iter((3.0, 0.1))

    def measured(*arguments: object) -> MeasuredMixture:
        loss = next(losses)
        return MeasuredMixture(loss, loss < 1, 20.0, "agreement")

    monkeypatch.setattr(mixed_files, "time_ratio", lambda *paths: taking(0.5))
    monkeypatch.setattr(mixed_files, "_measured", measured)
    target = exported(run(form, "--precision", "mixed", "--budget", "1", "--json", "-o", tmp_path))
    search = target["mixed"]
    (block,) = search["float_layers"]
    contents = read_file(Path(target["path"]))

    assert Path(target["path"]).name == f"little-mixed.{form}"
    assert block in target["quantization"]["float_layers"]
    assert (search["budget"], search["measured_on"]) == (1.0, "agreement")
    assert [step["loss"] for step in search["steps"]] == [3.0, 0.1]
    kept = {
        tensor.dtype
        for name, tensor in contents.tensors.items()
        if name.startswith(f"{block}.") and tensor.role == "constant" and tensor.stored > 100
    }
    assert "float32" in kept
    assert target["calibration_images"] == 6
    assert len(found) == 1


def test_plain_int8_within_the_budget_is_written_as_it_is(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Measured for real, on agreement; only the time is made up."""
    monkeypatch.setattr(mixed_files, "time_ratio", lambda *paths: taking(0.5))
    result = run("tflite", "--precision", "mixed", "--budget", "99", "-o", tmp_path)
    told = json.loads((tmp_path / "little-mixed.tflite.json").read_text())

    assert result.exit_code == 0, result.output
    assert "chosen" in result.stdout
    assert told["mixed"]["float_layers"] == []
    assert [step["holds"] for step in told["mixed"]["steps"]] == [True]


@pytest.mark.parametrize(
    ("places", "measured_on"), [("{}.png", "agreement"), ("{}/a.png", "labels")]
)
def test_what_was_measured_is_told_whatever_was_given(
    run: Run, places: str, measured_on: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder without one for each class has no labels, though ``--data`` asks for them."""
    monkeypatch.setattr(mixed_files, "time_ratio", lambda *paths: taking(0.5))
    for index in range(8):
        path = tmp_path / "data" / places.format(index)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 40), (index * 30, 90, 200)).save(path)
    mixed = ("--precision", "mixed", "--budget", "99", "--data", tmp_path / "data")
    target = exported(run("tflite", *mixed, "--json", "-o", tmp_path))
    assert target["mixed"]["measured_on"] == measured_on


def test_without_any_way_nothing_is_written_and_the_best_is_told(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mixed_files, "time_ratio", lambda *paths: taking(1.25))
    output = tmp_path / "out"
    result = run("tflite", "--precision", "mixed", "--budget", "99", "-o", output)

    assert result.exit_code == 1
    assert "no mix" in result.stderr
    assert "1.25" in result.stderr
    assert not output.exists()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--precision", "mixed"), "needs a budget"),
        (("--precision", "int8", "--budget", "1"), "--budget needs --precision mixed"),
        (("--precision", "int8", "--data", "."), "--data needs --precision mixed"),
        (("--precision", "mixed", "--budget", "0"), "--budget 0: give a number between 0 and 100"),
        (
            ("--precision", "mixed", "--budget", "nan"),
            "--budget nan: give a number between 0 and 100",
        ),
    ],
)
def test_contradictions_are_refused(
    run: Run, words: tuple[str, ...], reason: str, tmp_path: Path
) -> None:
    result = run("tflite", *words, "-o", tmp_path / "out")

    assert result.exit_code == 2, result.output
    assert reason in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("option", ["--correct-biases", "--equalise"])
def test_methods_of_int8_are_refused_for_other_precisions(option: str, tmp_path: Path) -> None:
    words = ["tflite", "mixnet-s", "--precision", "float16", option, "-o", str(tmp_path / "out")]
    result = CliRunner().invoke(main, words)

    assert result.exit_code == 2
    assert option in result.stderr


def test_time_is_compared_in_turns(run: Run, tmp_path: Path) -> None:
    """A file against itself takes about as long; a wide margin, since others use the machine."""
    path = Path(exported(run("tflite", "--precision", "int8", "--json", "-o", tmp_path))["path"])
    found = mixed_files.time_ratio(path, path)

    assert 0.3 < found.value < 3
    assert found.interval is not None
    assert found.interval.low < found.value < found.interval.high


def test_a_mixture_that_may_be_as_slow_as_float32_is_not_written(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        mixed_files, "time_ratio", lambda *paths: Estimate(0.97, Interval(0.92, 1.02))
    )
    output = tmp_path / "out"
    result = run("tflite", "--precision", "mixed", "--budget", "99", "-o", output)

    assert result.exit_code == 1
    assert "time / float32 0.97 (0.92–1.02)" in result.stderr
    assert not output.exists()
