"""Tiles in int8: exact but for the rounding of what is added, and taken where that is little."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from depthwise_files import OUT_SCALE, SCALE, ZERO, Case, save
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from mixnet_common import MixnetError, UsageError
from mixnet_export.cli import main
from mixnet_export.optimize.building import rewrite
from mixnet_export.optimize.calibrating.ranges import Extent, Extents
from mixnet_export.optimize.calibrating.running import FloatParts, int8_part
from mixnet_export.optimize.choosing import choose, costs_of
from mixnet_export.optimize.document import fresh_model, read_document
from mixnet_export.optimize.finding import Found, find
from mixnet_export.optimize.job import optimize
from mixnet_export.optimize.records import OptimizeResult
from mixnet_export.optimize.rewriting import Requantized, Rewriting
from mixnet_runtimes.targets import find_target
from mixnet_runtimes.tflite.interpreters import find_runtime

COSTS = costs_of(find_target())
MOST = dict.fromkeys(("float32", "float16", "int8-per-channel", "int8-per-tensor"), 25)


def inputs(case: Case, count: int = 16, seed: int = 1) -> Any:
    shape = (count, *case.size, case.channels)
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def stored(x: Any) -> Any:
    return np.clip(np.round(x / SCALE) + ZERO, -128, 127).astype(np.int8)


def run(content: bytes, x: Any) -> Any:
    interpreter = find_runtime(None)[1](model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def tiles_of(path: Path) -> Rewriting:
    (found,) = find(read_document(path), MOST)
    assert isinstance(found, Found)
    choice = choose(found.shape, found.form, (3, 4, 9, 25), COSTS)
    assert choice is not None
    return Rewriting(found, choice)


def test_what_is_added_is_rounded_and_nothing_else(tmp_path: Path) -> None:
    for form in ("int8-per-channel", "int8-per-tensor"):
        hold(Case(form=form), tmp_path)


def hold(case: Case, folder: Path, seed: int = 1) -> None:
    """Int8 tiles are off by half a step of each result and sum at most, and one of rounding."""
    path = save(folder / "a.tflite", case)
    document, rewriting = read_document(path), tiles_of(path)
    x = stored(inputs(case, 1, seed))
    parts = FloatParts(document, rewriting)
    order = tuple(reversed(range(len(rewriting.choice.tiles))))
    extents = Extents(order)
    extents.take_in(parts.run(x), parts.bias)
    scales = extents.scales(OUT_SCALE)
    ranged = Rewriting(rewriting.found, rewriting.choice, Requantized(order, scales))
    right = run(path.read_bytes(), x).astype(int)
    (got,) = int8_part(document, ranged).run(x)
    assert right.std() > 1
    away = abs(right - got.astype(int)).max()
    assert away <= 1 + sum(scale for scale, _ in scales) / 2 / OUT_SCALE
    model = fresh_model(document)
    rewrite(model, document.schema, [ranged])
    assert {t.type for t in model.subgraphs[0].tensors if t.name != b"x"} <= {9, 2}


@st.composite
def cases(draw: Any) -> Case:
    """Convolutions of all shapes, with a bias: LiteRT's own kernel crashes without."""
    kernel = draw(st.integers(2, 12)), draw(st.integers(2, 12))
    padding = draw(st.sampled_from(["SAME", "VALID"]))
    least = max(kernel) if padding == "VALID" else 2
    return Case(
        size=(draw(st.integers(least, 20)), draw(st.integers(least, 20))),
        kernel=kernel,
        channels=draw(st.integers(1, 9)),
        strides=draw(st.sampled_from([(1, 1), (2, 2)])),
        padding=padding,
        activation=draw(st.sampled_from(["NONE", "RELU", "RELU6"])),
        form=draw(st.sampled_from(["int8-per-channel", "int8-per-tensor"])),
        seed=draw(st.integers(0, 99)),
    )


QUIET = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much]


@settings(max_examples=25, deadline=None, suppress_health_check=QUIET)
@given(case=cases().filter(lambda case: case.kernel[0] * case.kernel[1] > 25))
def test_made_convolutions_are_off_by_roundings_alone(case: Case, tmp_path_factory: Any) -> None:
    hold_any(case, tmp_path_factory.mktemp("made"))


@pytest.mark.long
@settings(max_examples=500, deadline=None, suppress_health_check=QUIET)
@given(case=cases().filter(lambda case: case.kernel[0] * case.kernel[1] > 25))
def test_500_made_convolutions_are_off_by_roundings_alone(
    case: Case, tmp_path_factory: Any
) -> None:
    hold_any(case, tmp_path_factory.mktemp("made"))


def hold_any(case: Case, folder: Path) -> None:
    try:
        hold(case, folder)
    except AssertionError as error:
        if "std" not in str(error):  # few outputs may all be equal
            raise


def test_one_tile_is_exact_in_int8_and_needs_no_pictures(tmp_path: Path) -> None:
    case = Case(size=(3, 3), channels=512, form="int8-per-channel")
    result = optimize(save(tmp_path / "a.tflite", case), tmp_path / "out")
    (each,) = result.rewritten
    assert (len(each.tiles), each.requantized, each.steps) == (1, True, 0)


# Pictures


CENTRED = Case(size=(28, 28), channels=32, form="int8-per-channel", centred=True)
EVEN = Case(size=(28, 28), channels=32, form="int8-per-channel")


def calibrated(case: Case, folder: Path, x: Any) -> OptimizeResult:
    np.savez(folder / "x.npz", x)
    path = save(folder / "a.tflite", case)
    return optimize(path, folder / "out", calibration=folder / "x.npz")


def test_int8_tiles_are_taken_where_one_step_holds(tmp_path: Path) -> None:
    result = calibrated(CENTRED, tmp_path, inputs(CENTRED))
    (each,) = result.rewritten
    assert each.requantized
    assert each.steps == 1
    assert each.float_because == ""
    assert result.pictures == 16
    assert result.outputs[0].sqnr_db is not None
    assert result.outputs[0].sqnr_db > 30
    assert result.written is not None
    x = stored(inputs(CENTRED, 1, seed=5))
    right, got = (
        run(p.read_bytes(), x).astype(int) for p in (tmp_path / "a.tflite", result.written)
    )
    assert right.std() > 10
    assert abs(right - got).max() <= 1


def test_tiles_stay_in_float32_where_two_steps_are_seen(tmp_path: Path) -> None:
    result = calibrated(EVEN, tmp_path, inputs(EVEN))
    (each,) = result.rewritten
    assert not each.requantized
    assert each.float_because == "int8 tiles differ by 2 steps"
    assert (each.steps or 0) <= 1


def test_few_pictures_set_no_ranges(tmp_path: Path) -> None:
    (each,) = calibrated(CENTRED, tmp_path, inputs(CENTRED, 1)).rewritten
    assert "too few" in each.float_because


def test_larger_kernels_are_faster_in_float32(tmp_path: Path) -> None:
    case = Case(kernel=(9, 9), channels=32, form="int8-per-channel", centred=True)
    (each,) = calibrated(case, tmp_path, inputs(case)).rewritten
    assert "not expected to be faster" in each.float_because


def test_values_that_are_not_finite_are_refused_by_their_number(tmp_path: Path) -> None:
    x = inputs(EVEN)
    x[4, 0, 0, 0] = np.nan
    with pytest.raises(MixnetError, match="input 5 has values that are not finite"):
        calibrated(EVEN, tmp_path, x)


def test_inputs_of_another_size_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"takes float32 \[any number, 28, 28, 32\]"):
        calibrated(EVEN, tmp_path, inputs(EVEN)[:, :27])


def test_images_are_for_inputs_of_one_or_three_channels(tmp_path: Path) -> None:
    Image.new("RGB", (40, 40)).save(tmp_path / "a.png")
    with pytest.raises(UsageError, match="takes no image"):
        optimize(save(tmp_path / "a.tflite", EVEN), calibration=tmp_path)


def test_images_of_any_size_calibrate(tmp_path: Path) -> None:
    case = Case(size=(40, 32), channels=3, form="int8-per-channel", centred=True)
    rng = np.random.default_rng(0)
    (tmp_path / "p").mkdir()
    for number in range(9):
        pixels = rng.integers(0, 256, (50 + number, 30, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "p" / f"{number}.png")
    (tmp_path / "p" / "bad.png").write_bytes(b"no image")
    result = optimize(save(tmp_path / "a.tflite", case), calibration=tmp_path / "p")
    assert result.pictures == 9


def test_a_float32_file_needs_no_pictures(tmp_path: Path) -> None:
    result = calibrated(Case(), tmp_path, inputs(Case()))
    assert result.pictures == 0
    assert any("--calibrate" in text for text in result.warnings)


def test_the_command_says_on_how_many_pictures(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", inputs(CENTRED))
    path = save(tmp_path / "a.tflite", CENTRED)
    arguments = ["optimize", str(path), "-o", str(tmp_path / "out"), "--calibrate"]
    done = CliRunner().invoke(main, [*arguments, str(tmp_path / "x.npy")])
    assert done.exit_code == 0, done.output
    assert "on 16 pictures" in done.stderr
    assert "in int8" in done.stdout
    side = json.loads((tmp_path / "out" / "a.tflite.json").read_text())
    assert side["pictures"] == 16
    done = CliRunner().invoke(main, [*arguments, str(tmp_path / "nothing")])
    assert done.exit_code == 2
    assert "no folder or file" in done.stderr


def test_a_range_has_zero_in_it_and_steps_no_finer_than_of_use() -> None:
    assert Extent(0.0, 2.55).scale(1e-9)[1] < -110
    assert Extent(0.0, 1e-9).scale(0.32)[0] == 0.01
