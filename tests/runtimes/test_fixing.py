"""Files run and read at the sizes and by the signature that are asked for."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from ai_edge_litert import schema_py_generated as schema
from cases import onnx_files
from onnx import helper
from tiny_models import TfliteBuilder, branching_tflite, numbers, write_onnx

from mixnet_common import MixnetError, UsageError
from mixnet_runtimes import Selection, fix, open_session, read_file
from mixnet_runtimes.selection import parse_dims, parse_shapes
from mixnet_runtimes.tflite import pack as tflite_pack


def select(*shapes: str, dims: tuple[str, ...] = (), signature: str | None = None) -> Selection:
    return Selection(parse_shapes(shapes), parse_dims(dims), signature)


@pytest.mark.parametrize(
    ("name", "selection", "shape"),
    [
        ("dynamic.tflite", select("x=1,20,30,3"), (1, 20, 30, 3)),
        ("dynamic.tflite", select("2,7,9,3"), (2, 7, 9, 3)),
        ("static.tflite", select("1,20,30,3"), (1, 20, 30, 3)),
        ("minus_one.onnx", select(), (1, 3, 16, 16)),
        ("minus_one.onnx", select("4,3,16,16"), (4, 3, 16, 16)),
        ("minus_hw.onnx", select("1,3,20,30"), (1, 3, 20, 30)),
        ("zero_batch.onnx", select("1,3,16,16"), (1, 3, 16, 16)),
        ("dynhw.onnx", select(dims=("H=20", "W=30")), (1, 3, 20, 30)),
        ("ext.onnx", select("1,3,32,32"), (1, 3, 32, 32)),
        ("tf_nhwc.onnx", select(dims=("unk__1=4",)), (4, 16, 16, 3)),
    ],
)
def test_a_file_runs_at_the_sizes_that_are_given(
    cases: Path, name: str, selection: Selection, shape: tuple[int, ...]
) -> None:
    session = open_session(cases / name, selection=selection)
    assert session.inputs[0].shape == shape
    (result,) = session.run([numbers(*shape)]).values()
    channels = 3 if name.endswith(".tflite") or "nhwc" in name else 1
    assert result.shape == tuple(8 if axis == channels else n for axis, n in enumerate(shape))
    assert np.ptp(result) > 1
    contents = read_file(cases / name, selection=selection)
    assert [each.shape for each in contents.inputs.values()] == [shape]
    assert [each.shape for each in contents.outputs.values()] == [result.shape]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("dynamic.tflite", r"input x has open sizes: height \(axis 1\), width \(axis 2\)"),
        ("minus_hw.onnx", r"input x has open sizes: height \(axis 2\), width \(axis 3\)"),
        ("dynhw.onnx", r"input x has open sizes: H \(axis 2\), W \(axis 3\)"),
        ("zero_batch.onnx", r"input x has a size of 0: batch \(axis 0\)"),
    ],
)
def test_open_sizes_and_a_size_of_zero_are_refused(cases: Path, name: str, words: str) -> None:
    with pytest.raises(MixnetError, match=words):
        open_session(cases / name)
    with pytest.raises(MixnetError, match=words):
        read_file(cases / name, selection=select())
    assert read_file(cases / name).operators, "without a selection a file is only described"


def test_a_file_at_other_sizes_computes_what_one_written_so_does(tmp_path: Path) -> None:
    """Also where its operators' sizes depend on each other, and after a product with a constant."""

    def write(path: Path, side: int, stated: int) -> Path:
        builder = TfliteBuilder()
        x = builder.tensor("x", (1, side, side, 3))
        if stated == -1:
            builder.graph.tensors[x].shapeSignature = [-1, -1, -1, 3]
        w = builder.tensor("w", (5, 3, 3, 3), numbers(5, 3, 3, 3))
        b = builder.tensor("b", (5,), numbers(5))
        from tiny_models import conv_options

        y = builder.tensor("y", (1, max(side // 2, 1), max(side // 2, 1), 5))
        z = builder.tensor("z", (1, 5))
        axes = builder.tensor("axes", (2,), np.array([1, 2], np.int32))
        builder.operator("CONV_2D", [x, w, b], [y], conv_options(stride=2))
        builder.operator("MEAN", [y, axes], [z])
        builder.graph.inputs, builder.graph.outputs = [x], [z]
        return builder.write(path)

    image = numbers(1, 12, 12, 3)
    fixed = open_session(write(tmp_path / "fixed.tflite", 12, 12)).run([image])["z"]
    path = write(tmp_path / "open.tflite", 1, -1)
    resized = open_session(path, selection=select("1,12,12,3")).run([image])["z"]
    assert np.ptp(fixed) > 1
    np.testing.assert_array_equal(resized, fixed)
    contents = read_file(path, selection=select("1,12,12,3"))
    assert contents.tensors["y"].shape == (1, 6, 6, 5)
    assert contents.sha256 == read_file(path).sha256, "it is still the user's file"


def test_the_rewritten_file_states_everything_so_that_any_runner_can_run_it(
    cases: Path, tmp_path: Path
) -> None:
    for name in ("dynamic.tflite", "minus_hw.onnx", "dynhw.onnx"):
        shape = (1, 16, 16, 3) if name.endswith(".tflite") else (1, 3, 16, 16)
        fixed = fix(cases / name, Selection({"x": shape}))
        assert [(each.name, each.shape, each.dtype) for each in fixed.inputs] == [
            ("x", shape, "float32")
        ]
        assert fixed.given == Selection({"x": shape})
        assert fixed.content is not None
        (tmp_path / name).write_bytes(fixed.content)
        assert fix(tmp_path / name).content is None
        assert open_session(tmp_path / name).run([numbers(*shape)])


def test_a_file_that_needs_no_change_is_not_rewritten(cases: Path) -> None:
    for name in ("static.tflite", "minus_one.onnx", "ir3.onnx", "two_signatures.tflite"):
        assert fix(cases / name).content is None
    assert fix(cases / "static.tflite", select("1,224,224,3")).content is None


def test_sizes_that_operators_cannot_take_are_refused(cases: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"static\.tflite cannot have inputs of 1×20×30×4"):
        fix(cases / "static.tflite", select("1,20,30,4"))
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    path = write_onnx(
        tmp_path / "m.onnx", [node], {"x": (1, 4)}, {"y": (1, 3)}, {"w": numbers(4, 3)}
    )
    with pytest.raises(UsageError, match=r"cannot have the sizes x=1,5: .*Incompatible dimensions"):
        fix(path, select("1,5"))
    assert read_file(path, selection=select("2,4")).outputs["y"].shape == (2, 3)


def test_channels_that_weights_do_not_have_are_refused(cases: Path) -> None:
    with pytest.raises(UsageError, match="cannot have these sizes"):
        read_file(cases / "grouped.onnx", selection=select("1,15,8,8"))


def test_what_a_file_states_of_inner_tensors_does_not_survive_other_sizes(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    nodes = [helper.make_node("Relu", ["x"], ["a"]), helper.make_node("Relu", ["a"], ["y"])]
    onnx_files.save(path, nodes, {"x": (1, 8)}, {"y": (1, 8)})
    model = onnx.load(path)
    model.graph.value_info.append(helper.make_tensor_value_info("a", onnx_files.FLOAT, (1, 8)))
    path.write_bytes(model.SerializeToString())
    session = open_session(path, selection=select("3,8"))
    assert session.run([numbers(3, 8)])["y"].shape == (3, 8)
    assert read_file(path, selection=select("3,8")).tensors["a"].shape == (3, 8)


def test_a_name_shared_by_inputs_is_closed_in_all_of_them(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    shapes = {"a": ("N", "L"), "b": ("L", "N")}
    node = helper.make_node("MatMul", ["a", "b"], ["y"])
    onnx_files.save(path, [node], shapes, {"y": ("N", "N")})
    session = open_session(path, selection=select(dims=("L=5",)))
    assert {each.name: each.shape for each in session.inputs} == {"a": (1, 5), "b": (5, 1)}
    session = open_session(path, selection=select("a=2,5"))
    assert session.run([numbers(2, 5), numbers(5, 2)])["y"].shape == (2, 2)


# Signatures


def test_the_first_signature_is_the_files_own_and_another_is_taken_by_name(cases: Path) -> None:
    path = cases / "two_signatures.tflite"
    small, large = numbers(1, 32, 32, 3), numbers(1, 112, 112, 3)
    assert fix(path).signature == "small"
    own = open_session(path)
    other = open_session(path, selection=select(signature="large"))
    assert own.inputs[0].shape == small.shape
    assert other.inputs[0].shape == large.shape
    assert fix(path, select(signature="large")).signature == "large"
    assert fix(path, select(signature="large")).given == Selection(signature="large")
    assert fix(path, select(signature="small")).given == Selection()
    assert fix(path, select(signature="small")).content is None
    (result,) = other.run({"image": large}).values()
    assert result.shape == (1, 112, 112, 8)
    assert np.ptp(result) > 1
    # both have the same weights: where the images agree, so do the results
    (expected,) = own.run({"image": np.ascontiguousarray(large[:, :32, :32])}).values()
    np.testing.assert_allclose(result[:, :31, :31], expected[:, :31, :31], atol=1e-5)


def test_the_files_own_signature_is_the_first_in_what_every_runtime_opens(
    cases: Path, tmp_path: Path
) -> None:
    """LiteRT's C interface goes by the order of signatures, an Interpreter by that of subgraphs."""
    content = (cases / "two_signatures.tflite").read_bytes()
    model = schema.ModelT.InitFromPackedBuf(content)
    model.signatureDefs.reverse()
    path = tmp_path / "m.tflite"
    path.write_bytes(tflite_pack.pack(schema, model))
    fixed = fix(path)
    assert (fixed.signature, fixed.inputs[0].shape) == ("small", (1, 32, 32, 3))
    assert fixed.given == Selection()
    assert fixed.content is not None
    again = schema.ModelT.InitFromPackedBuf(fixed.content)
    assert [each.signatureKey for each in again.signatureDefs] == [b"small", b"large"]
    assert [each.subgraphIndex for each in again.signatureDefs] == [0, 1]


@pytest.mark.parametrize("name", ["first", "second"])
def test_branches_are_found_again_when_another_subgraph_is_put_first(
    tmp_path: Path, name: str
) -> None:
    """Both signatures run the same two branches: x + 1 where it holds, else x - 1."""
    path = branching_tflite(tmp_path / "m.tflite")
    session = open_session(path, selection=select(signature=name))
    x = numbers(1, 4)
    flags = {"first": (True, False), "second": (False, True)}[name]
    for flag, change in zip((True, False), flags, strict=True):
        result = session.run({"flag": np.array([flag]), "x": x})["y"]
        np.testing.assert_allclose(result, x + 1 if change else x - 1, rtol=1e-6)


def test_sizes_that_depend_on_values_are_those_of_a_run(tmp_path: Path) -> None:
    """A RESHAPE to a shape that is computed: no memory is known before it runs."""
    builder = TfliteBuilder()
    x = builder.tensor("x", (1, 1))
    builder.graph.tensors[x].shapeSignature = [-1, -1]
    shape = builder.tensor("shape", (2,), dtype="int32")
    flipped = builder.tensor("flipped", (2,), dtype="int32")
    axis = builder.tensor("axis", (1,), np.array([0], np.int32))
    y, z = builder.tensor("y", (1, 1)), builder.tensor("z", (1, 1))
    options = schema.ShapeOptionsT()
    options.outType = schema.TensorType.INT32
    builder.operator("SHAPE", [x], [shape], options)
    builder.operator("REVERSE_V2", [shape, axis], [flipped])
    builder.operator("RESHAPE", [x, flipped], [y])
    builder.operator("RELU", [y], [z])
    builder.graph.inputs, builder.graph.outputs = [x], [z]
    path = builder.write(tmp_path / "m.tflite")
    assert read_file(path, selection=select("3,5")).tensors["z"].shape == (5, 3)
    result = open_session(path, selection=select("3,5")).run([numbers(3, 5)])["z"]
    assert result.shape == (5, 3)


def test_a_signature_can_have_other_sizes_too(cases: Path) -> None:
    selection = select("image=1,20,30,3", signature="large")
    session = open_session(cases / "two_signatures.tflite", selection=selection)
    assert session.run([numbers(1, 20, 30, 3)])["out"].shape == (1, 20, 30, 8)


def test_the_weights_of_a_file_that_is_packed_anew_stay_aligned(cases: Path) -> None:
    content = fix(cases / "two_signatures.tflite", select(signature="large")).content
    assert content is not None
    buffer = schema.Model.GetRootAs(content, 0).Buffers(1)
    start = buffer.DataAsNumpy().ctypes.data - np.frombuffer(content, np.uint8).ctypes.data
    assert start % 16 == 0


def test_a_signature_that_is_not_there_is_refused(cases: Path) -> None:
    with pytest.raises(UsageError, match="has no signature lage") as error:
        fix(cases / "two_signatures.tflite", select(signature="lage"))
    assert error.value.hint == "did you mean large?"
    with pytest.raises(UsageError, match=r"static\.tflite has no signatures"):
        fix(cases / "static.tflite", select(signature="a"))
    with pytest.raises(UsageError, match="has no signature 'a'") as error:
        fix(cases / "ir3.onnx", select(signature="a"))
    assert "only .tflite" in error.value.hint
