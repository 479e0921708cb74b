"""Files that crash or exhaust their runtime: every command survives them and names them."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from click.testing import CliRunner, Result
from PIL import Image

sys.path.append(str(Path(__file__).parents[1] / "runtimes"))
from hostile_models import CRASHES, huge_activation
from tiny_models import TfliteBuilder, conv_tflite, write_onnx

from mixnet_bench.cli import main
from mixnet_runtimes import child


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.new("RGB", (8, 8), (120, 30, 200)).save(folder / "a.png")
    return folder


@pytest.mark.parametrize("name", CRASHES)
def test_count_counts_a_file_that_crashes_its_runtime_and_says_why_partitions_are_unknown(
    tmp_path: Path, name: str
) -> None:
    path = CRASHES[name](tmp_path / "m.tflite")
    found = run("count", path, "--json")
    assert found.exit_code == 0, found.output
    (target,) = json.loads(found.stdout)["targets"]
    assert target["macs"] == 0
    assert target["partitions"] is None
    reason = target["delegation"]["reason"]
    assert reason.startswith("LiteRT ")
    assert reason.endswith(f" crashed (SIGSEGV) while opening {path}")


def test_count_warns_of_partitions_that_it_does_not_know(tmp_path: Path) -> None:
    found = run("count", CRASHES["split"](tmp_path / "m.tflite"))
    assert found.exit_code == 0
    assert "warning: m.tflite: partitions unknown: LiteRT" in found.stderr


@pytest.mark.parametrize("name", CRASHES)
def test_classify_parity_and_latency_say_that_the_runtime_crashed(
    tmp_path: Path, name: str, photos: Path
) -> None:
    path, sound = CRASHES[name](tmp_path / "m.tflite"), conv_tflite(tmp_path / "sound.tflite")
    for command in (
        ("classify", path, photos / "a.png"),
        ("parity", path, sound, "--data", photos),
        ("parity", sound, path, "--data", photos),
        ("latency", path, "--min-count", "1", "--min-time", "0"),
    ):
        found = run(*command)
        assert found.exit_code == 1, command
        assert "crashed (SIGSEGV) while opening" in found.stderr
        assert "m.tflite" in found.stderr


def test_a_file_that_takes_more_memory_than_there_is_stops_no_command(
    tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "memory_of_machine", lambda: 4 << 30)
    path = huge_activation(tmp_path / "m.tflite")
    found = run("count", path, "--json")
    assert found.exit_code == 0
    (target,) = json.loads(found.stdout)["targets"]
    assert target["partitions"] is None
    assert "m.tflite" in target["delegation"]["reason"]
    found = run("classify", path, photos / "a.png")
    assert found.exit_code == 1
    assert "m.tflite" in found.stderr


STEERING = "own\x1b[31m\x11\u202ed\ne"
"""Part of an operator's name that a terminal would obey."""


def foreign_onnx(path: Path) -> Path:
    node = onnx.helper.make_node(STEERING, ["x"], ["y"], domain=STEERING)
    return write_onnx(path, [node], {"x": (1, 4)}, {"y": (1, 4)})


def foreign_tflite(path: Path) -> Path:
    builder = TfliteBuilder()
    x, y = builder.tensor("x", (1, 4)), builder.tensor("y", (1, 4))
    builder.operator("CUSTOM", [x], [y])
    builder.model.operatorCodes[0].customCode = STEERING
    builder.graph.inputs, builder.graph.outputs = [x], [y]
    return builder.write(path)


@pytest.mark.parametrize("write", [foreign_onnx, foreign_tflite])
@pytest.mark.parametrize("command", [("count", "--layers"), ("count", "--json"), ("inspect",)])
def test_an_operators_name_steers_no_terminal(
    tmp_path: Path, write: Callable[[Path], Path], command: tuple[str, ...]
) -> None:
    path = write(tmp_path / f"m.{write.__name__.removeprefix('foreign_')}")
    found = run(*command, path)
    assert found.exit_code == 0, found.output
    assert "own" in found.output or command == ("inspect",)
    for line in found.output.splitlines():
        assert line.isprintable(), line
