"""What ``optimize`` makes of single operators: equal by their definition, in every form."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from depthwise_files import Case, content, model, reference, save

from mixnet_export.optimize.building import rewrite
from mixnet_export.optimize.choosing import choose, costs_of, whole
from mixnet_export.optimize.document import fresh_model, read_document, write_document
from mixnet_export.optimize.finding import Found, Left, find
from mixnet_export.optimize.rewriting import Rewriting
from mixnet_runtimes.targets import find_target

TILES = (3, 4, 9, 25)
COSTS = costs_of(find_target())
MOST = dict.fromkeys(("float32", "float16", "int8-per-channel", "int8-per-tensor"), 25)


def found_in(path: Path) -> Found:
    (each,) = find(read_document(path), MOST)
    assert isinstance(each, Found), each
    return each


def left_in(path: Path) -> str:
    (each,) = find(read_document(path), MOST)
    assert isinstance(each, Left), each
    return each.why


def rewritten(path: Path, *, as_a_whole: bool = False) -> bytes:
    """The file with its operator rewritten, whatever the cost model says."""
    document, found = read_document(path), found_in(path)
    choice = (whole if as_a_whole else choose)(found.shape, found.form, TILES, COSTS)
    assert choice is not None
    made = fresh_model(document)
    rewrite(made, document.schema, [Rewriting(found, choice)])
    return write_document(document, made, {"target": "a test"})


def run(data: bytes, x: Any) -> Any:
    interpreter = Interpreter(model_content=data)
    interpreter.allocate_tensors()
    (entry,), (output,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.set_tensor(entry["index"], x)
    interpreter.invoke()
    return interpreter.get_tensor(output["index"])


def kinds(data: bytes, path: Path) -> list[str]:
    path.write_bytes(data)
    document = read_document(path)
    names = document.kinds()
    return [names[each.opcodeIndex] for each in document.model.subgraphs[0].operators]


SHAPES = {
    "7x7": Case(),
    "rows alone": Case(size=(40, 1), kernel=(31, 1)),
    "columns alone": Case(size=(3, 40), kernel=(1, 31)),
    "13x13": Case(kernel=(13, 13), size=(13, 9)),
    "kernel larger than the map": Case(kernel=(31, 31), size=(5, 7)),
    "even": Case(kernel=(8, 6), size=(11, 12)),
    "stride 2, even map": Case(strides=(2, 2)),
    "stride 2, odd map": Case(strides=(2, 2), size=(15, 13)),
    "stride 3 and 1": Case(strides=(3, 3), kernel=(9, 9), size=(17, 20)),
    "dilated": Case(dilations=(3, 3), size=(25, 21)),
    "dilated beyond the map": Case(dilations=(4, 4), size=(7, 6)),
    "valid": Case(padding="VALID", size=(12, 10)),
    "valid, stride 2": Case(padding="VALID", size=(15, 18), strides=(2, 2)),
    "valid, one output": Case(padding="VALID", size=(7, 7)),
    "pad and valid": Case(padding="VALID", pads=((3, 3), (3, 3))),
    "pad and valid, stride 2": Case(padding="VALID", pads=((3, 3), (3, 3)), strides=(2, 2)),
    "uneven pad": Case(padding="VALID", pads=((5, 0), (1, 6)), size=(9, 11)),
    "causal": Case(padding="VALID", pads=((30, 0), (0, 0)), kernel=(31, 1), size=(20, 1)),
    "pad and same": Case(pads=((2, 1), (0, 3)), strides=(2, 2)),
    "more padding than kernel": Case(padding="VALID", pads=((9, 9), (8, 9)), size=(6, 6)),
    "batch": Case(batch=3, padding="VALID", size=(10, 10)),
    "one pixel": Case(size=(1, 1)),
    "no bias": Case(bias=False),
    "no bias, relu": Case(bias=False, activation="RELU"),
    "relu": Case(activation="RELU"),
    "relu6": Case(activation="RELU6"),
    "relu -1 to 1": Case(activation="RELU_N1_TO_1", strides=(2, 2)),
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_float32_operator_computes_what_its_definition_says(name: str, tmp_path: Path) -> None:
    case = SHAPES[name]
    path = save(tmp_path / "a.tflite", case)
    x = np.random.default_rng(1).standard_normal((case.batch, *case.size, case.channels))
    right = reference(case, x)
    assert right.std() > 0.1 * abs(right).max() > 0
    got = run(rewritten(path), x.astype("f"))
    assert got.shape == right.shape
    assert abs(got - right).max() < 1e-5 * abs(right).max()


@pytest.mark.parametrize("form", ["int8-per-channel", "int8-per-tensor"])
@pytest.mark.parametrize("as_a_whole", [False, True], ids=["tiles", "whole"])
@pytest.mark.parametrize(
    "name",
    [name for name in SHAPES if not name.startswith("no bias")],  # LiteRT crashes on those
)
def test_an_int8_operator_differs_by_one_step_at_most(
    name: str, form: str, as_a_whole: bool, tmp_path: Path
) -> None:
    case = Case(**{**vars(SHAPES[name]), "form": form})
    path = save(tmp_path / "a.tflite", case)
    shape = (case.batch, *case.size, case.channels)
    x = np.random.default_rng(1).integers(-128, 128, shape).astype(np.int8)
    right = run(path.read_bytes(), x).astype(int)
    got = run(rewritten(path, as_a_whole=as_a_whole), x).astype(int)
    assert right.std() > 1
    assert abs(got - right).max() <= 1


@pytest.mark.parametrize("form", ["int8-per-channel", "int8-per-tensor"])
def test_an_int8_operator_without_a_bias_gets_zeros(form: str, tmp_path: Path) -> None:
    case = Case(form=form, bias=False)
    path = save(tmp_path / "a.tflite", case)
    x = np.random.default_rng(1).integers(-128, 128, (1, 14, 14, 8)).astype(np.int8)
    got = run(rewritten(path), x)
    right = reference(Case(bias=False), (x.astype(float) - 3) * 0.05)
    steps = np.clip(np.round(right / 0.04) - 7, -128, 127)
    assert steps.std() > 20
    assert abs(got - steps).max() < 5  # the weights are rounded, too


def test_float16_weights_stay_float16(tmp_path: Path) -> None:
    case = Case(form="float16", activation="RELU")
    path = save(tmp_path / "a.tflite", case)
    made = rewritten(path)
    x = np.random.default_rng(1).standard_normal((1, 14, 14, 8))
    right = reference(case, x)
    assert abs(run(made, x.astype("f")) - right).max() < 1e-5 * right.max()
    assert kinds(made, tmp_path / "b.tflite").count("DEQUANTIZE") == 4  # three tiles and the bias
    types = [t.type for t in read_document(tmp_path / "b.tflite").model.subgraphs[0].tensors]
    assert types.count(1) == 2 + 3


def test_an_int8_operator_becomes_float32_between_two_conversions(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tflite", Case(form="int8-per-channel"))
    assert kinds(rewritten(path), tmp_path / "b.tflite") == [
        "DEQUANTIZE", *3 * ["DEPTHWISE_CONV_2D"], "ADD", "ADD", "QUANTIZE",
    ]  # fmt: skip
    assert kinds(rewritten(path, as_a_whole=True), tmp_path / "c.tflite") == [
        "DEQUANTIZE", "DEPTHWISE_CONV_2D", "QUANTIZE",
    ]  # fmt: skip


def test_a_pad_of_zeros_goes_and_needs_no_slices(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tflite", SHAPES["pad and valid"])
    assert kinds(rewritten(path), tmp_path / "b.tflite") == [
        *3 * ["DEPTHWISE_CONV_2D"], "ADD", "ADD"
    ]  # fmt: skip


def test_a_pad_of_other_values_stays(tmp_path: Path) -> None:
    case = Case(padding="VALID", pads=((3, 3), (3, 3)), pad_value=0.5)
    path = save(tmp_path / "a.tflite", case)
    assert found_in(path).pad is None
    assert kinds(rewritten(path), tmp_path / "b.tflite")[0] == "PADV2"
    x = np.random.default_rng(1).standard_normal((1, 14, 14, 8))
    right = reference(case, x)
    assert abs(run(rewritten(path), x.astype("f")) - right).max() < 1e-5 * abs(right).max()


def test_dilated_tiles_have_the_version_that_knows_dilation(tmp_path: Path) -> None:
    data = rewritten(save(tmp_path / "a.tflite", Case(dilations=(3, 3), size=(25, 25))))
    (tmp_path / "b.tflite").write_bytes(data)
    made = read_document(tmp_path / "b.tflite").model
    for operator in made.subgraphs[0].operators:
        if type(operator.builtinOptions).__name__ == "DepthwiseConv2DOptionsT":
            dilated = operator.builtinOptions.dilationHFactor > 1
            dilated |= operator.builtinOptions.dilationWFactor > 1
            assert made.operatorCodes[operator.opcodeIndex].version == (2 if dilated else 1)


def test_the_old_weights_leave_the_file(tmp_path: Path) -> None:
    case = Case(kernel=(15, 15), size=(40, 40), channels=64)
    path = save(tmp_path / "a.tflite", case)
    made = rewritten(path)
    weights = case.kernel[0] * case.kernel[1] * case.channels * 4
    assert len(made) < len(content(case)) + weights / 4


def test_small_kernels_are_not_touched(tmp_path: Path) -> None:
    for kernel in ((5, 5), (3, 3), (1, 25), (25, 1)):
        assert find(read_document(save(tmp_path / "a.tflite", Case(kernel=kernel))), MOST) == []


def change(path: Path, case: Case, edit: Any) -> Path:
    """The file of a case, changed as tables."""
    from ai_edge_litert import schema_py_generated as schema

    from mixnet_runtimes.tflite.pack import pack

    tables = model(case)
    edit(tables, tables.subgraphs[0], schema)
    path.write_bytes(pack(schema, tables))
    return path


LEFT: dict[str, tuple[Case, Any, str]] = {
    "an activation that is not the same": (
        Case(),
        lambda m, g, s: setattr(
            g.operators[0].builtinOptions, "fusedActivationFunction", s.ActivationFunctionType.TANH
        ),
        "TANH",
    ),
    "open sizes": (
        Case(),
        lambda m, g, s: setattr(g.tensors[0], "shapeSignature", [1, -1, -1, 8]),
        "open",
    ),
    "zero points of weights": (
        Case(form="int8-per-tensor"),
        lambda m, g, s: setattr(g.tensors[1].quantization, "zeroPoint", np.array([5])),
        "zero points",
    ),
    "weights without scales": (
        Case(form="int8-per-tensor"),
        lambda m, g, s: setattr(g.tensors[1], "quantization", None),
        "no scales",
    ),
    "a size that does not fit": (
        Case(),
        lambda m, g, s: setattr(g.operators[0].builtinOptions, "strideH", 2),
        "size",
    ),
    "a bias that does not fit": (
        Case(),
        lambda m, g, s: g.operators[0].inputs.__setitem__(2, 1),
        "bias",
    ),
    "a variable": (Case(), lambda m, g, s: setattr(g.tensors[0], "isVariable", True), "variable"),
}


@pytest.mark.parametrize("name", LEFT)
def test_what_is_no_known_form_is_left_alone_with_a_word(name: str, tmp_path: Path) -> None:
    case, edit, word = LEFT[name]
    assert word in left_in(change(tmp_path / "a.tflite", case, edit))


def test_a_depth_multiplier_is_left_alone(cases: Path) -> None:
    assert "multiplier" in left_in(cases / "dwmult2.tflite")
