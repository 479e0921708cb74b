"""Anyone's files on fake phones: at given sizes, by a signature, with given inputs and weights."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import onnx_files
from click.testing import CliRunner, Result
from fake_device import FakePhone
from test_phone_flow import home, plug_in, quick  # noqa: F401 - fixtures

from mixnet_bench.cli import main

SHORT = ("--launches", "1", "--min-count", "2", "--min-time", "0", "--warmup", "0")
PlugIn = Callable[[], FakePhone]


def latency(phone: FakePhone, *arguments: object) -> Result:
    words = [*map(str, arguments), *SHORT, "--on", f"adb:{phone.serial}"]
    return CliRunner().invoke(main, ["latency", *words])


def measured(phone: FakePhone, *arguments: object) -> list[dict[str, Any]]:
    done = latency(phone, *arguments, "--json")
    assert done.exit_code == 0, done.output
    targets: list[dict[str, Any]] = json.loads(done.stdout)["targets"]
    for target in targets:
        assert target["parity"]["within"], target["parity"]
        assert target["parity"]["outputs"]
    return targets


@pytest.fixture
def phone(plug_in: PlugIn) -> FakePhone:  # noqa: F811 - the fixture
    return plug_in()


def test_open_sizes_and_signatures_run_as_given(phone: FakePhone, cases: Path) -> None:
    tflite, onnx, two, rest = measured(
        phone, cases / "dynamic.tflite", cases / "dynhw.onnx", cases / "two_signatures.tflite",
        cases / "minus_one.onnx", "--shape", "dynamic.tflite:x=1,20,30,3", "--dim", "H=20",
        "--dim", "W=30", "--signature", "large", "--profile",
    )  # fmt: skip
    assert tflite["shapes"] == {"x": [1, 20, 30, 3]}
    assert onnx["shapes"] == {"x": [1, 3, 20, 30]}
    assert two["signature"] == "large"
    assert [each["rewritten"] for each in (tflite, onnx, two, rest)] == [True, True, True, False]
    for target in (tflite, onnx, two, rest):
        assert target["profile"]["categories"], target["name"]


def test_open_sizes_are_refused_before_the_phone_is_touched(phone: FakePhone, cases: Path) -> None:
    done = latency(phone, cases / "dynamic.tflite")
    assert done.exit_code == 1
    assert "height (axis 1), width (axis 2)" in done.stderr
    assert not phone.sandbox.path("/data/local/tmp/mixnet-mobile/files").exists()


def test_given_inputs_are_what_the_phone_runs_on(
    phone: FakePhone, cases: Path, tmp_path: Path
) -> None:
    """The outputs would differ from this machine's, were they others."""
    table = onnx_files.helper.make_node("Gather", ["e", "ids"], ["y"])
    path = tmp_path / "table.onnx"
    weights = {"e": np.arange(200, dtype=np.float32).reshape(50, 4)}
    types = {"ids": onnx_files.Type.INT64}
    onnx_files.save(path, [table], {"ids": (1, 6)}, {"y": (1, 6, 4)}, weights, types=types)
    np.save(tmp_path / "ids.npy", np.array([[49, 3, 7, 0, 21, 42]]))
    (found,) = measured(phone, path, "--input", f"ids={tmp_path / 'ids.npy'}")
    assert list(found["given"]) == ["inputs"]
    (found,) = measured(phone, path, "--input-range", "ids=0,49", "--profile")
    assert found["given"] == {"inputs": {"ids": {"range": [0, 49]}}}
    np.save(tmp_path / "bits.npy", np.array([[1, 2, 3, 16256]], np.uint16))
    measured(phone, cases / "bf16.onnx", "--input", f"x={tmp_path / 'bits.npy'}")


def test_what_made_up_indices_do_not_fit_says_what_to_give(phone: FakePhone, cases: Path) -> None:
    done = latency(phone, cases / "ids.onnx")
    assert done.exit_code == 1
    assert "--input-range ids=0,9 or --input ids=FILE.npy" in done.stderr
    measured(phone, cases / "ids.onnx", "--input-range", "ids=0,0")


def test_text_is_refused_by_name(phone: FakePhone, cases: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "s.npy", np.array(["a"]))
    done = latency(phone, cases / "string.onnx", "--input", f"s={tmp_path / 's.npy'}")
    assert done.exit_code == 1
    assert "input s is text" in done.stderr


def test_weights_beside_a_file_are_pushed_beside_it(phone: FakePhone, cases: Path) -> None:
    (found,) = measured(phone, cases / "ext.onnx")
    assert [each["name"] for each in found["data_files"]] == ["ext.onnx.data"]
    files = phone.sandbox.path("/data/local/tmp/mixnet-mobile/files")
    (data,) = files.glob("*/ext.onnx.data")
    assert (data.parent / "ext.onnx").is_file()
    (other,) = measured(phone, cases / "ext.onnx", "--shape", "1,3,20,20")
    assert other["shapes"] == {"x": [1, 3, 20, 20]}
    assert len(list(files.glob("*/ext.onnx.data"))) == 2, "each model has its own beside it"


def test_results_of_other_sizes_or_inputs_are_measured_anew(
    phone: FakePhone, cases: Path, tmp_path: Path
) -> None:
    def measure(*options: object) -> dict[str, Any]:
        output = tmp_path / "all.json"
        words = [str(cases / "dynamic.tflite"), *map(str, options), *SHORT]
        done = CliRunner().invoke(main, ["latency", *words, "--on", "all", "-o", str(output)])
        assert done.exit_code == 0, done.output
        (target,) = json.loads(output.read_text())["targets"]
        return {"shapes": target["shapes"], "said": done.stderr}

    assert "was measured before" not in measure("--shape", "1,8,8,3")["said"]
    assert "was measured before" in measure("--shape", "1,8,8,3")["said"]
    again = measure("--shape", "1,9,9,3")
    assert "was measured before" not in again["said"]
    assert again["shapes"] == {"x": [1, 9, 9, 3]}
    np.save(tmp_path / "x.npy", np.ones((1, 9, 9, 3), np.float32))
    given = ("--shape", "1,9,9,3", "--input", tmp_path / "x.npy")
    assert "was measured before" not in measure(*given)["said"]
    assert "was measured before" in measure(*given)["said"]
