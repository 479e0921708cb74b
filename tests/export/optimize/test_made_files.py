"""Files with one large depthwise convolution each, made by hypothesis: rewritten, they are equal.

float32 within 1e-5 of a float64 reference, int8 within a step of the original operator. Where the
file needs no tiles, a file is left alone, and that is all there is to hold.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from depthwise_files import Case, reference, save
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from test_rewriting import COSTS, TILES, found_in, rewritten, run

from mixnet_export.optimize.choosing import choose

FORMS = ("float32", "float16", "int8-per-channel", "int8-per-tensor")
ACTIVATIONS = ("NONE", "RELU", "RELU6", "RELU_N1_TO_1")
SIZES = st.integers(1, 19)
PADS = st.none() | st.tuples(*2 * [st.tuples(st.integers(0, 6), st.integers(0, 6))])


@st.composite
def kernels(draw: Any) -> tuple[int, int]:
    """Rows and columns with more than 25 taps: squares, bands, even ones, larger than any map."""
    square = st.integers(6, 13).map(lambda size: (size, size))
    bands = st.sampled_from([(1, 31), (31, 1), (3, 9), (9, 3), (2, 13), (1, 27), (27, 1), (31, 31)])
    free = st.tuples(st.integers(1, 15), st.integers(1, 15)).filter(lambda k: k[0] * k[1] > 25)
    return draw(square | bands | free)


@st.composite
def cases(draw: Any) -> Case:
    """A convolution that has an output, in any form that is rewritten."""
    form = draw(st.sampled_from(FORMS))
    case = Case(
        size=draw(st.tuples(SIZES, SIZES)),
        kernel=draw(kernels()),
        channels=draw(st.integers(1, 17)),
        strides=(stride := draw(st.integers(1, 3)), stride),
        dilations=draw(st.tuples(*2 * [st.integers(1, 3)])) if stride == 1 else (1, 1),
        padding=draw(st.sampled_from(["SAME", "VALID"])),
        pads=draw(PADS),
        activation=draw(st.sampled_from(ACTIVATIONS)),
        form=form,
        bias=draw(st.booleans()) or form.startswith("int8"),  # LiteRT crashes on int8 without
        batch=draw(st.sampled_from([1, 1, 1, 2])),
        seed=draw(st.integers(0, 1000)),
    )
    assume(min(case.output) > 0)
    return case


def hold(case: Case, folder: Path) -> None:
    """Rewrite the file of a case and hold it against what it has to compute."""
    path = save(folder / "made.tflite", case)
    found = found_in(path)
    assert choose(found.shape, found.form, TILES, COSTS) is not None
    rng = np.random.default_rng(case.seed)
    shape = (case.batch, *case.size, case.channels)
    if not found.is_int8:
        x = rng.standard_normal(shape).astype(np.float32)
        right = reference(case, x)
        difference = np.abs(run(rewritten(path), x) - right).max()
        assert difference <= 1e-5 * max(np.abs(right).max(), 1)
        return
    x = rng.integers(-128, 128, shape).astype(np.int8)
    right = run(path.read_bytes(), x).astype(int)
    for as_a_whole in (False, True):
        made = run(rewritten(path, as_a_whole=as_a_whole), x).astype(int)
        assert np.abs(made - right).max() <= 1


QUIET = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much]


@settings(max_examples=40, deadline=None, suppress_health_check=QUIET)
@given(case=cases())
def test_a_made_file_computes_the_same(case: Case, tmp_path_factory: Any) -> None:
    hold(case, tmp_path_factory.mktemp("made"))


@pytest.mark.long
@settings(max_examples=500, deadline=None, suppress_health_check=QUIET)
@given(case=cases())
def test_500_made_files_compute_the_same(case: Case, tmp_path_factory: Any) -> None:
    hold(case, tmp_path_factory.mktemp("made"))


def test_made_files_are_of_every_kind() -> None:
    seen: list[Case] = []

    @settings(max_examples=60, database=None, suppress_health_check=QUIET, derandomize=True)
    @given(cases())
    def collect(case: Case) -> None:
        seen.append(case)

    collect()
    assert {case.form for case in seen} == set(FORMS)
    assert {case.activation for case in seen} == set(ACTIVATIONS)
    assert {case.padding for case in seen} == {"SAME", "VALID"}
    assert any(case.strides > (1, 1) and case.pads for case in seen)
    assert any(max(case.dilations) > 1 for case in seen)
    assert any(case.kernel > case.size for case in seen)
