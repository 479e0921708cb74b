"""Files made ready to run: copies where needed, inputs beside them, all of it described."""

from pathlib import Path

import numpy as np
import pytest
from cases import onnx_files
from tiny_models import numbers

from mixnet_common import MixnetError
from mixnet_runtimes import GivenInputs, Selection, open_prepared, open_session, prepare, profile
from mixnet_runtimes.prepared import from_json, input_arrays


def test_a_file_that_needs_nothing_is_run_as_it_is(cases: Path, tmp_path: Path) -> None:
    prepared = prepare(cases / "minus_one.onnx", tmp_path)
    assert prepared.path == prepared.source
    assert prepared.describe() == {
        "shapes": {"x": [1, 3, 16, 16]},
        "signature": None,
        "given": {},
        "rewritten": False,
    }


@pytest.mark.parametrize(
    ("name", "selection", "given"),
    [
        ("dynamic.tflite", Selection({"x": (1, 4, 5, 3)}), {"shapes": {"x": [1, 4, 5, 3]}}),
        ("two_signatures.tflite", Selection(signature="large"), {"signature": "large"}),
        ("dynhw.onnx", Selection(dims={"H": 4, "W": 5}), {"shapes": {"x": [1, 3, 4, 5]}}),
        ("ext.onnx", Selection({"": (1, 3, 4, 5)}), {"shapes": {"x": [1, 3, 4, 5]}}),
    ],
)
def test_a_copy_runs_as_the_file_does_at_the_same_sizes(
    cases: Path, tmp_path: Path, name: str, selection: Selection, given: object
) -> None:
    prepared = prepare(cases / name, tmp_path, selection)
    assert prepared.path == tmp_path / name
    assert prepared.given == given
    assert prepared.describe()["rewritten"] is True
    again = from_json(prepared.to_json())
    session = open_prepared(again)
    assert session.path == cases / name, "messages speak of the user's file"
    image = [numbers(*session.inputs[0].shape)]
    (expected,) = open_session(cases / name, selection=selection).run(image).values()
    (found,) = session.run(image).values()
    assert np.ptp(found) > 1
    assert np.array_equal(found, expected)


def test_given_inputs_are_handed_on_and_others_made_up(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    node = onnx_files.helper.make_node("Gather", ["table", "ids"], ["y"])
    onnx_files.save(
        path, [node], {"table": (50, 4), "ids": (2, 3)}, {"y": (2, 3, 4)},
        types={"ids": onnx_files.Type.INT64},
    )  # fmt: skip
    ids = np.array([[0, 49, 7], [3, 3, 3]])
    np.save(tmp_path / "ids.npy", ids)
    prepared = prepare(path, tmp_path / "f", given=GivenInputs({"ids": tmp_path / "ids.npy"}))
    assert list(prepared.values) == ["ids"]
    table, found = input_arrays(prepared, np.random.default_rng(0))
    assert np.array_equal(found, ids)
    result = open_prepared(prepared).run([table, found])["y"]
    assert np.array_equal(result, table[ids])
    assert list(prepared.given) == ["inputs"]
    (digest,) = prepared.given["inputs"]["ids"].values()
    other = prepare(path, tmp_path / "g", given=GivenInputs(ranges={"ids": (0, 49)}))
    assert other.given == {"inputs": {"ids": {"range": [0, 49]}}}
    np.save(tmp_path / "ids.npy", ids + 1)
    changed = prepare(path, tmp_path / "h", given=GivenInputs({"ids": tmp_path / "ids.npy"}))
    assert changed.given["inputs"]["ids"]["sha256"] != digest


def test_inputs_of_rare_types_are_given_or_refused_by_name(cases: Path, tmp_path: Path) -> None:
    for name, info, values in (
        ("string.onnx", "input s is of type string", np.array(["a b"])),
        ("bf16.onnx", "input x is of type bfloat16", np.array([[1, 2, 3, 4]], np.uint16)),
    ):
        with pytest.raises(MixnetError, match=f"{name}: {info}") as error:
            prepare(cases / name, tmp_path)
        assert error.value.exit_status == 1
        assert "give --input" in error.value.hint
        np.save(tmp_path / "v.npy", values)
        prepared = prepare(cases / name, tmp_path, given=GivenInputs({"": tmp_path / "v.npy"}))
        arrays = input_arrays(prepared, np.random.default_rng(0))
        assert open_prepared(prepared).run(arrays)["y"].tolist() == values.tolist()


def test_a_profile_is_of_the_sizes_and_inputs_that_are_given(cases: Path, tmp_path: Path) -> None:
    prepared = prepare(cases / "dynamic.tflite", tmp_path, Selection({"x": (1, 8, 9, 3)}))
    found = profile(prepared, rounds=2)
    assert found.contents.outputs["y"].shape == (1, 8, 9, 8)
    given = GivenInputs(ranges={"ids": (0, 0)})
    found = profile(prepare(cases / "ids.onnx", tmp_path, given=given), rounds=2)
    assert [each.kind for each in found.operators] == ["Gather"]
    with pytest.raises(MixnetError, match=r"height \(axis 1\)"):
        profile(cases / "dynamic.tflite", rounds=2)
