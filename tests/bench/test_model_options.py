"""``--shape``, ``--dim``, ``--signature``, ``--input`` and ``--input-range`` of the commands."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from mixnet_bench.cli import main

QUICK = ("--launches", "1", "--min-count", "2", "--min-time", "0", "--warmup", "1")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def targets(*arguments: object) -> list[dict[str, Any]]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return list(json.loads(result.stdout)["targets"])


@pytest.mark.parametrize(
    ("name", "options", "macs"),
    [
        ("dynamic.tflite", ("--shape", "x=1,224,224,3"), 10_838_016),
        ("static.tflite", (), 10_838_016),
        ("two_signatures.tflite", (), 221_184),
        ("two_signatures.tflite", ("--signature", "large"), 2_709_504),
        ("minus_one.onnx", (), 55_296),
        ("minus_hw.onnx", ("--shape", "x=1,3,16,16"), 55_296),
        ("zero_batch.onnx", ("--shape", "x=1,3,16,16"), 55_296),
        ("dynhw.onnx", ("--shape", "x=1,3,16,16"), 55_296),
        ("dynhw.onnx", ("--dim", "H=16", "--dim", "W=16"), 55_296),
        ("ext.onnx", ("--shape", "1,3,32,32"), 221_184),
        ("tf_nhwc.onnx", (), 55_296),
        ("ir3.onnx", (), 55_296),
    ],
)
def test_files_are_counted_at_the_sizes_given(
    cases: Path, name: str, options: tuple[str, ...], macs: int
) -> None:
    (found,) = targets("count", cases / name, *options)
    assert found["macs"] == macs


@pytest.mark.parametrize("command", ["count", "latency"])
@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        (
            "dynamic.tflite",
            "input x has open sizes: height (axis 1), width (axis 2)",
            "give --shape x=1,224,224,3",
        ),
        (
            "minus_hw.onnx",
            "input x has open sizes: height (axis 2), width (axis 3)",
            "give --shape x=1,3,224,224",
        ),
        ("dynhw.onnx", "input x has open sizes: H (axis 2), W (axis 3)", "or --dim H=… --dim W=…"),
        ("zero_batch.onnx", "input x has a size of 0: batch (axis 0)", "--shape x=1,3,16,16"),
    ],
)
def test_open_sizes_are_refused_with_the_option_to_give(
    cases: Path, command: str, name: str, message: str, hint: str
) -> None:
    result = run(command, cases / name)
    assert result.exit_code == 1
    assert message in result.stderr
    assert hint in result.stderr


def test_latency_times_the_sizes_the_signature_and_says_so(cases: Path) -> None:
    (found,) = targets("latency", cases / "dynamic.tflite", "--shape", "1,20,30,3", *QUICK)
    assert found["shapes"] == {"x": [1, 20, 30, 3]}
    assert found["given"] == {"shapes": {"x": [1, 20, 30, 3]}}
    assert found["rewritten"] is True
    assert found["path"] == str(cases / "dynamic.tflite")
    (found,) = targets("latency", cases / "two_signatures.tflite", *QUICK)
    assert (found["signature"], found["given"]) == ("small", {})
    (found,) = targets("latency", cases / "two_signatures.tflite", "--signature", "large", *QUICK)
    assert (found["signature"], found["given"]) == ("large", {"signature": "large"})
    (found,) = targets("latency", cases / "ext.onnx", "--shape", "1,3,20,30", "--profile", *QUICK)
    assert found["shapes"] == {"x": [1, 3, 20, 30]}
    assert found["profile"]["categories"]


def test_a_larger_input_takes_longer(cases: Path) -> None:
    """So that it is not the file's own size which is timed."""
    medians = [
        targets("latency", cases / name, "--shape", shape, *QUICK)[0]["median_ms"]
        for name in ("dynamic.tflite", "dynhw.onnx")
        for shape in (
            ("1,8,8,3", "1,500,500,3") if name.endswith(".tflite") else ("1,3,8,8", "1,3,500,500")
        )
    ]
    assert medians[1] > 5 * medians[0]
    assert medians[3] > 5 * medians[2]


# Inputs


def test_indices_are_given_or_the_refusal_names_them(cases: Path, tmp_path: Path) -> None:
    result = run("latency", cases / "ids.onnx", *QUICK)
    assert result.exit_code == 1
    assert "input ids (int64) was filled with 0 and 1" in result.stderr
    assert "--input-range ids=0,9 or --input ids=FILE.npy" in result.stderr
    np.save(tmp_path / "ids.npy", np.zeros((1, 6), np.int64))
    (found,) = targets(
        "latency", cases / "ids.onnx", "--input", f"ids={tmp_path / 'ids.npy'}", *QUICK
    )
    assert list(found["given"]["inputs"]) == ["ids"]
    (found,) = targets("latency", cases / "ids.onnx", "--input-range", "ids=0,0", *QUICK)
    assert found["given"] == {"inputs": {"ids": {"range": [0, 0]}}}
    result = run("latency", cases / "ids.onnx", "--input-range", "ids=0,3", *QUICK)
    assert result.exit_code == 1
    assert "check the given values of ids" in result.stderr


def test_values_that_are_no_numbers_are_warned_of(cases: Path, tmp_path: Path) -> None:
    values = np.ones((1, 224, 224, 3), np.float32)
    values[0, 5, 5, 1] = np.nan
    np.save(tmp_path / "x.npy", values)
    result = run("latency", cases / "static.tflite", "--input", tmp_path / "x.npy", *QUICK)
    assert result.exit_code == 0, result.output
    assert "the given values of x contain NaN or infinities" in result.stderr


@pytest.mark.parametrize(
    ("name", "message", "values"),
    [
        ("string.onnx", "input s is of type string", np.array(["a b"])),
        ("bf16.onnx", "input x is of type bfloat16", np.ones((1, 4), np.uint16)),
    ],
)
def test_what_cannot_be_made_up_is_refused_by_name_and_can_be_given(
    cases: Path, tmp_path: Path, name: str, message: str, values: Any
) -> None:
    result = run("latency", cases / name)
    assert result.exit_code == 1
    assert message in result.stderr
    assert "its process died" not in result.stderr
    np.save(tmp_path / "v.npy", values)
    assert targets("latency", cases / name, "--input", tmp_path / "v.npy", *QUICK)


def test_a_picture_is_prepared_as_the_input_takes_it(cases: Path, tmp_path: Path) -> None:
    from mixnet_bench.accuracy.given_images import read_image
    from mixnet_runtimes import TensorInfo

    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "p.png")
    options = ("--shape", "1,12,20,3", "--input", f"x={tmp_path / 'p.png'}")
    (found,) = targets("latency", cases / "dynamic.tflite", *options, *QUICK)
    assert list(found["given"]) == ["shapes", "inputs"]
    model = cases / "static.tflite"
    tall = read_image(model, tmp_path / "p.png", TensorInfo("x", (2, 3, 16, 8), "float32"))
    assert tall.shape == (2, 3, 16, 8)
    assert abs(float(tall.mean())) < 1, "it is normalised"
    raw = read_image(model, tmp_path / "p.png", TensorInfo("x", (1, 8, 8, 1), "uint8"))
    assert (raw.shape, raw.dtype) == ((1, 8, 8, 1), np.dtype("uint8"))
    assert raw.max() > 100
    result = run("latency", cases / "ids.onnx", "--input", tmp_path / "p.png")
    assert result.exit_code == 2
    assert "not a picture" in result.stderr


# Several files


def test_each_file_takes_the_options_that_name_its_inputs(cases: Path) -> None:
    found = targets(
        "count", cases / "two_signatures.tflite", cases / "minus_one.onnx",
        "--shape", "image=1,8,8,3", "--shape", "x=1,3,8,8", "--signature", "large",
    )  # fmt: skip
    assert [each["macs"] for each in found] == [8 * 8 * 216, 8 * 8 * 216]
    found = targets(
        "count", cases / "dynamic.tflite", cases / "dynhw.onnx",
        "--shape", "dynamic.tflite:x=1,8,8,3", "--shape", "dynhw.onnx:x=1,3,4,4",
    )  # fmt: skip
    assert [each["macs"] for each in found] == [8 * 8 * 216, 4 * 4 * 216]


def test_what_no_file_has_is_refused(cases: Path) -> None:
    files = (cases / "dynamic.tflite", cases / "dynhw.onnx")
    for options, message in (
        (("--shape", "y=1,8,8,3"), "no file has the input y"),
        (("--dim", "D=1"), "no file has the dimension D"),
        (("--signature", "a"), "has no signatures"),
    ):
        result = run("count", *files, *options)
        assert result.exit_code == 2
        assert message in result.stderr
    result = run("latency", *files, "--shape", "dynamic.tflite:x=1,8,8,3", "--dim", "H=8",
                 "--dim", "W=8", "--input-range", "z=0,1")  # fmt: skip
    assert result.exit_code == 2
    assert "no file has the input z" in result.stderr


def test_a_network_has_no_such_sizes(cases: Path) -> None:
    result = run("count", "mixnet-s", "--shape", "1,224,224,3")
    assert result.exit_code == 2
    assert "--resolution" in result.stderr


# Comparisons


def test_a_saved_result_of_other_sizes_is_not_compared(cases: Path, tmp_path: Path) -> None:
    path, saved = cases / "dynamic.tflite", tmp_path / "saved.json"
    assert run("latency", path, "--shape", "1,8,8,3", *QUICK, "-o", saved).exit_code == 0
    result = run("latency", path, "--shape", "1,9,9,3", *QUICK, "--against", saved)
    assert result.exit_code == 1
    assert "given {'shapes': {'x': [1, 8, 8, 3]}} then" in result.stderr
    assert run("latency", path, "--shape", "1,8,8,3", *QUICK, "--against", saved).exit_code == 0


def test_a_result_without_these_keys_is_one_without_these_options(
    cases: Path, tmp_path: Path
) -> None:
    path, saved = cases / "static.tflite", tmp_path / "saved.json"
    assert run("latency", path, *QUICK, "-o", saved).exit_code == 0
    document = json.loads(saved.read_text())
    for key in ("given", "shapes", "signature", "rewritten"):
        document["targets"][0].pop(key)
    saved.write_text(json.dumps(document))
    assert run("latency", path, *QUICK, "--against", saved).exit_code == 0
    result = run("latency", path, "--shape", "1,8,8,3", *QUICK, "--against", saved)
    assert result.exit_code == 1
    assert "given {} then" in result.stderr
