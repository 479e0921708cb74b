"""The runner on real libraries and MixNet-S: the outputs are those of the Python session."""

import json
import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from runner_kit import SANITIZERS, Kit, compiler, make

from mixnet_android.runner.result import Model, Result
from mixnet_android.runner.seeded import seeded_input
from mixnet_export.cli import main as export
from mixnet_runtimes import open_session

pytestmark = pytest.mark.skipif(
    compiler() is None, reason="NO C COMPILER FOR LINUX HERE: the native runner is not tested"
)


def installed(package: str, *patterns: str) -> Path:
    """A library in an installed package."""
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent
    return next(path for pattern in patterns for path in sorted(folder.glob(pattern)))


@pytest.fixture(scope="session")
def libraries() -> dict[str, Path]:
    return {
        ".tflite": installed("ai_edge_litert", "libLiteRt.so"),
        ".onnx": installed("onnxruntime", "capi/libonnxruntime.so.*"),
    }


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """MixNet-S at 32 pixels in float32 and int8, both formats."""
    from click.testing import CliRunner

    folder = tmp_path_factory.mktemp("files")
    for form in ("tflite", "onnx"):
        for precision in ("float32", "int8"):
            asked = ["--resolution", "32", "--precision", precision, "--no-verify"]
            done = CliRunner().invoke(export, [form, "mixnet-s", *asked, "-o", str(folder)])
            assert done.exit_code == 0, done.output
    return sorted(folder.glob("*.tflite")) + sorted(folder.glob("*.onnx"))


@pytest.fixture(scope="session", params=["plain", "sanitized"])
def kit(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Kit:
    flags = SANITIZERS if request.param == "sanitized" else ()
    return make(tmp_path_factory.mktemp(f"models-{request.param}"), *flags)


@pytest.fixture(scope="session")
def launch(
    kit: Kit,
    files: list[Path],
    libraries: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Result:
    """One run of all four files in turns, two threads on one core, with outputs and a profile."""
    folder = tmp_path_factory.mktemp("run")
    asked: list[str | Path] = []
    for path in files:
        asked += ["--library", libraries[path.suffix], "--model", path]
    limits = ("--min-time", "0", "--min-count", "5", "--warmup", "2", "--burst-ms", "5")
    more = ("--threads", "2", "--seed", "3", "--outputs", folder, "--profile", "2")
    pinned = ("--cpus", str(max(os.sched_getaffinity(0))))
    done = kit.run(folder, *asked, *limits, *more, *pinned, timeout_s=300)
    assert done.status == 0, done.stderr
    return done.parsed()


@pytest.fixture(scope="session")
def models(launch: Result, files: list[Path]) -> dict[str, tuple[Path, Model]]:
    """File name → the file, and what was measured of it."""
    return {path.name: (path, launch.models[index]) for index, path in enumerate(files)}


NAMES = ["mixnet-s.tflite", "mixnet-s-int8.tflite", "mixnet-s.onnx", "mixnet-s-int8.onnx"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_those_of_the_python_session(
    models: dict[str, tuple[Path, Model]], name: str
) -> None:
    path, model = models[name]
    session = open_session(path, threads=2)
    session.set_inputs(
        [
            seeded_input(each.shape, each.dtype, 3, index)
            for index, each in enumerate(session.inputs)
        ]
    )
    session.invoke()
    for kept, (output, expected) in zip(
        model.output_files, session.get_outputs().items(), strict=True
    ):
        assert kept.tensor.name == output
        found = np.fromfile(kept.path, kept.tensor.dtype).reshape(kept.tensor.shape)
        assert expected.std() > 0.01 * np.abs(expected).max()  # or equality would prove nothing
        if "int8" in name:
            np.testing.assert_array_equal(found, expected)
        else:
            np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_inputs_and_outputs_are_told_as_the_python_session_tells_them(
    models: dict[str, tuple[Path, Model]], name: str
) -> None:
    path, model = models[name]
    session = open_session(path, threads=1)
    for told, known in ((model.inputs, session.inputs), (model.outputs, session.outputs)):
        assert [(t.name, t.dtype, t.shape) for t in told] == [
            (each.name, each.dtype, each.shape) for each in known
        ]


@pytest.mark.slow
def test_a_profile_names_the_operators(models: dict[str, tuple[Path, Model]]) -> None:
    litert = models["mixnet-s.tflite"][1]
    assert len(litert.profile) == 2
    assert any("DWConv" in name for name, *_ in litert.profile[0].events)
    ort = models["mixnet-s.onnx"][1]
    assert ort.profile_file is not None
    assert any(each.get("cat") == "Node" for each in json.loads(Path(ort.profile_file).read_text()))


@pytest.mark.slow
def test_onnxruntime_does_not_spin_and_its_version_is_told(
    models: dict[str, tuple[Path, Model]], kit: Kit, libraries: dict[str, Path], tmp_path: Path
) -> None:
    import onnxruntime

    assert models["mixnet-s.onnx"][1].settings["allow_spinning"] == 0
    done = kit.run(tmp_path, "--check", "--library", libraries[".onnx"])
    assert done.parsed().libraries[0].version == onnxruntime.__version__


@pytest.mark.parametrize("suffix", [".tflite", ".onnx"])
@pytest.mark.parametrize("content", [b"", b"garbage" * 100])
def test_files_that_are_none_are_told(
    kit: Kit, libraries: dict[str, Path], tmp_path: Path, suffix: str, content: bytes
) -> None:
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(content)
    done = kit.run(tmp_path, "--library", libraries[suffix], "--model", path)
    assert done.status == 1
    assert "cannot load" in done.parsed().errors[0]


@pytest.mark.slow
def test_all_threads_of_the_runtimes_stay_where_they_are_pinned(launch: Result) -> None:
    threads = launch.threads["end"]
    cpu = max(os.sched_getaffinity(0))
    assert len(threads) >= 3  # the process's own, and one more for each runtime
    assert {each.allowed for each in threads} == {(cpu,)}
    assert {each.last_cpu for each in threads} == {cpu}


def identity(path: Path, shape: list[int | str], element: int = 1, axes: int = 0) -> Path:
    """An .onnx file that hands its input on; of ``axes`` more than ``shape`` has."""
    from onnx import helper, save

    sizes = [*shape, *[1] * axes]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "identity",
        [helper.make_tensor_value_info("x", element, sizes)],
        [helper.make_tensor_value_info("y", element, sizes)],
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def test_an_open_batch_counts_as_one_in_onnxruntime(
    kit: Kit, libraries: dict[str, Path], tmp_path: Path
) -> None:
    path = identity(tmp_path / "open.onnx", ["n", 3])
    limits = ("--min-time", "0", "--outputs", tmp_path, "--seed", "5")
    done = kit.run(tmp_path, "--library", libraries[".onnx"], "--model", path, *limits)
    model = done.parsed().models[0]
    assert model.inputs[0].shape == model.outputs[0].shape == (1, 3)
    found = np.fromfile(model.output_files[0].path, np.float32)
    np.testing.assert_array_equal(found, seeded_input((3,), "float32", 5, 0))


@pytest.mark.parametrize(
    ("shape", "element", "axes", "words"),
    [([1, "n"], 1, 0, "axis 1 is open"), ([1], 8, 0, "element type 8"), ([1], 1, 8, "9 axes")],
)
def test_what_onnxruntime_can_do_but_the_runner_cannot_is_told(
    kit: Kit,
    libraries: dict[str, Path],
    tmp_path: Path,
    shape: list[int | str],
    element: int,
    axes: int,
    words: str,
) -> None:
    path = identity(tmp_path / "odd.onnx", shape, element, axes)
    done = kit.run(tmp_path, "--library", libraries[".onnx"], "--model", path)
    assert done.status == 1
    assert words in done.parsed().errors[0]
