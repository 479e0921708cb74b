"""Names that steer a terminal, through every command that prints them.

A file, a folder, an image, a label, a tensor, an operator, a source, a piece of metadata and every
option's value may hold escape sequences, direction marks and line breaks. Nothing of them reaches
the terminal or a report as it is; ``--json`` has them exactly, in ASCII.
"""

import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

sys.path.append(str(Path(__file__).parents[1] / "runtimes"))
from command_tree import commands, name_of, parameters
from tiny_models import TfliteBuilder

from mixnet_bench.cli import main as bench
from mixnet_export.cli import main as export

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such file names")

EVIL = "a\x1b]0;x\x07\x1b[2J\u202eb\u2066\u200e\u2028\x9b1m\rc\nerror: forged"
SHOWN = r"a\x1b]0;x\x07\x1b[2J\u202eb\u2066\u200e\u2028\x9b1m\rc\nerror: forged"
IN_TOML = json.dumps(EVIL)

NETWORK = f"""
source = {IN_TOML}
resolution = 32
classes = 2
stem = {{ channels = 8 }}
stages = [{{ out = 8, kernels = [3, 5] }}]
"""
QUICKLY = ("--launches", "3", "--min-count", "3", "--min-time", "0", "--warmup", "0")


def run(*arguments: object, program: click.Command = bench) -> Result:
    """What comes of a command on a terminal that shows colours; it ends clearly."""
    result = CliRunner().invoke(program, [str(each) for each in arguments], color=True)
    check(result, arguments)
    return result


def check(result: Result, arguments: Sequence[object]) -> None:
    """Whether it ended by itself, and printed nothing that steers a terminal, nor a line's own."""
    assert result.exception is None or isinstance(result.exception, SystemExit), (
        arguments,
        result.exc_info,
    )
    lines = (result.stdout + "\n" + result.stderr).split("\n")
    assert [each for each in lines if not each.isprintable()] == [], arguments
    assert not any(each.strip().startswith("error: forged") for each in lines), arguments


def joined(result: Result) -> str:
    """What was printed, without the breaks of a table's cells and captions."""
    return "".join((result.stdout + result.stderr).split())


SQUEEZED = "".join(SHOWN.split())


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with everything, which is the current one; every name in it is an evil one."""
    folder = tmp_path_factory.mktemp("place") / EVIL
    (folder / "photos" / EVIL).mkdir(parents=True)
    (folder / "photos" / "b").mkdir()
    for index, name in enumerate((EVIL, "b")):
        pixels = np.random.default_rng(index).integers(0, 255, (40, 40, 3), np.uint8)
        Image.fromarray(pixels).save(folder / "photos" / name / f"{EVIL}.png")
    for name in ("net", EVIL):
        (folder / f"{name}.toml").write_text(NETWORK)
    (folder / "labels.txt").write_text("a\x1b]0;x\x07\u202eb\nb\n")
    (folder / "broken.png").write_bytes(b"no image")
    (folder / "photos" / "b" / f"broken{EVIL}.png").write_bytes(b"no image")
    write_onnx(folder / f"{EVIL}.onnx")
    write_tflite(folder / f"{EVIL}.tflite")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MIXNET_HOME", str(folder.parent / f"home{EVIL}"))
        patch.setenv("ADB", str(folder / f"no adb{EVIL}"))
        patch.setenv("PATH", str(folder / "none"))
        yield folder


def write_onnx(path: Path, kind: str = "Conv", domain: str = "") -> Path:
    """A classifier by a convolution over the whole image, with such names in every place."""
    weights = np.random.default_rng(0).standard_normal((2, 3, 32, 32)).astype("f")
    nodes = [
        helper.make_node(kind, [EVIL, f"w{EVIL}"], [f"c{EVIL}"], name=EVIL, domain=domain),
        helper.make_node("Flatten", [f"c{EVIL}"], [f"y{EVIL}"], name=f"{EVIL}2"),
    ]
    graph = helper.make_graph(
        nodes,
        EVIL,
        [helper.make_tensor_value_info(EVIL, TensorProto.FLOAT, [1, 3, 32, 32])],
        [helper.make_tensor_value_info(f"y{EVIL}", TensorProto.FLOAT, [1, 2])],
        [numpy_helper.from_array(weights, f"w{EVIL}")],
        doc_string=EVIL,
    )
    opsets = [helper.make_opsetid(each, 17) for each in {"", domain}]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name=EVIL)
    model.producer_version = model.domain = EVIL
    helper.set_model_props(model, {EVIL: EVIL, "labels": EVIL})
    onnx.save(model, path)
    return path


def write_tflite(path: Path) -> Path:
    """The same for TFLite, with signatures of such names."""
    from ai_edge_litert import schema_py_generated as schema

    builder = TfliteBuilder()
    builder.model.description = EVIL
    weights = np.random.default_rng(0).standard_normal((2, 3072)).astype("f")
    x = builder.tensor(EVIL, (1, 32, 32, 3))
    w = builder.tensor(f"w{EVIL}", weights.shape, weights)
    y = builder.tensor(f"y{EVIL}", (1, 2))
    options = schema.FullyConnectedOptionsT()
    builder.operator("FULLY_CONNECTED", [x, w, -1], [y], options)
    builder.graph.inputs, builder.graph.outputs, builder.graph.name = [x], [y], EVIL
    builder.signature({EVIL: x}, {EVIL: y}, EVIL)
    return builder.write(path)


@pytest.fixture(autouse=True)
def native(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """What runtimes print by themselves steers nothing either."""
    yield
    printed = "".join(capfd.readouterr())
    assert [each for each in printed.split("\n") if not each.isprintable()] == []


MODELS = (f"{EVIL}.onnx", f"{EVIL}.tflite")


def test_counts_and_inspections_show_them(place: Path) -> None:
    for path in MODELS:
        assert SQUEEZED in joined(run("count", path, "--layers"))
        assert SQUEEZED in joined(run("inspect", path))
    assert SQUEEZED in joined(run("count", f"{EVIL}.toml", *MODELS))


def test_operators_that_are_unknown_are_shown(place: Path) -> None:
    for number, (kind, domain) in enumerate((("Conv", EVIL), (EVIL, ""), (EVIL, EVIL))):
        path = write_onnx(place / f"{number}.onnx", kind, domain)
        for command in ("count", "inspect", "latency"):
            result = run(command, path, *(QUICKLY if command == "latency" else ()))
            assert "forged" in result.output


def test_custom_operators_of_tflite_are_shown(place: Path) -> None:
    path = place / "custom.tflite"
    builder = TfliteBuilder()
    x, y = (builder.tensor(each, (1, 32, 32, 3)) for each in (EVIL, f"y{EVIL}"))
    builder.operator("CUSTOM", [x], [y])
    builder.model.operatorCodes[0].customCode = EVIL
    builder.graph.inputs, builder.graph.outputs = [x], [y]
    builder.write(path)
    images = f"photos/{EVIL}/{EVIL}.png"
    for words in (
        ("count", path), ("inspect", path), ("latency", path, *QUICKLY), ("classify", path, images),
        ("parity", path, f"{EVIL}.tflite", "--data", "photos"),
        ("parity", f"{EVIL}.tflite", path, "--data", "photos"),
    ):  # fmt: skip
        assert SQUEEZED in joined(run(*words))


def test_json_has_them_exactly_and_in_ascii(place: Path) -> None:
    for command in ("count", "inspect"):
        for path in MODELS:
            printed = run(command, path, "--json").stdout
            assert printed.isascii()
            assert json.loads(printed)["targets"][0]["name"] == path


@pytest.mark.long
def test_timings_show_them(place: Path) -> None:
    for options in ((), ("--profile",), ("--against", f"{EVIL}.tflite"), ("--sustained", "1s")):
        paths = MODELS[:1] if {"--against", "--sustained"} & {*options} else MODELS
        quickly = () if "--sustained" in options else QUICKLY
        result = run("latency", *paths, *quickly, *options)
        assert result.exit_code == 0, result.output
        assert SQUEEZED in joined(result)


def test_images_and_labels_are_shown(place: Path) -> None:
    image = f"photos/{EVIL}/{EVIL}.png"
    for path in MODELS:
        result = run(
            "classify", path, image, "broken.png", f"gone{EVIL}.png", "--labels", "labels.txt"
        )
        assert SQUEEZED in joined(result)
        assert r"a\x1b]0;x\x07\u202eb" in result.stdout


def test_comparisons_show_them(place: Path) -> None:
    result = run(
        "parity", *MODELS, "--data", "photos", "--layers", "1", "--worst", "2",
        "--state", f"state{EVIL}", "--budget", "99",
    )  # fmt: skip
    assert SQUEEZED in joined(result)
    (place / "truth.csv").write_text(f"{EVIL.partition(chr(10))[0]}.png,b\x1b\u202e\n")
    for options in (
        ("--truth", "truth.csv"), ("--classes", "labels.txt"), ("--unlabelled",),
    ):  # fmt: skip
        run("parity", *MODELS, "--data", "photos", *options)


@pytest.mark.parametrize("form", ["tflite", "onnx"])
def test_exports_show_them(place: Path, form: str) -> None:
    assert SQUEEZED in joined(run("show", "net.toml", program=export))
    refused = run(form, f"{EVIL}.toml", "-o", "out", program=export)
    assert refused.exit_code == 2
    assert SQUEEZED in joined(refused)
    done = run(form, "net.toml", "-o", f"out{EVIL}", "--labels", "labels.txt", program=export)
    assert done.exit_code == 0, done.output
    assert SQUEEZED in joined(done)
    made = f"out{EVIL}/net.{form}"
    for command in ("count", "inspect"):
        assert run(command, made).exit_code == 0
    labelled = run("classify", made, f"photos/{EVIL}/{EVIL}.png")
    assert r"a\x1b]0;x\x07\u202eb" in labelled.stdout


def test_weights_show_what_they_say_of_themselves(place: Path) -> None:
    from safetensors.numpy import save_file

    path = f"weights{EVIL}.safetensors"
    save_file({EVIL: np.zeros((2, 2), "f")}, place / path, {"format": "pt", EVIL: EVIL})
    (place / f"hub{EVIL}").mkdir()
    save_file({EVIL: np.zeros((2, 2), "f")}, place / f"hub{EVIL}" / "model.safetensors")
    config = {"architecture": EVIL, "pretrained_cfg": {"tag": EVIL, "label_names": [EVIL]}}
    (place / f"hub{EVIL}" / "config.json").write_text(json.dumps(config))
    for given in (path, f"hub{EVIL}"):
        for network in ((), (f"{EVIL}.toml",)):
            run("tflite", *network, "-o", "out", "--weights", given, program=export)


def test_tuning_shows_them_and_writes_a_plan_without(place: Path) -> None:
    plan = place / f"plan{EVIL}.toml"
    done = run("tune", "net.toml", "-o", plan)
    assert SQUEEZED in joined(done)
    assert plan.read_text().replace("\n", "").isprintable()
    run("tflite", "net.toml", "-o", "tuned", "--lowering", plan, program=export)


@pytest.mark.long
def test_campaigns_and_their_reports_show_them(place: Path) -> None:
    for suffix in ("onnx", "tflite"):
        shutil.copy(f"{EVIL}.{suffix}", f"model.{suffix}")
    text = 'networks = ["net.toml"]\nlatency = { launches = 3, min_time_s = 0, min_count = 3 }\n'
    for name, more in {
        "title": f"title = {IN_TOML}",
        "files": f"files = {json.dumps(MODELS)}",
        "sound": 'files = ["model.onnx", "model.tflite"]',
    }.items():
        file = place / f"{name}{EVIL}.toml"
        file.write_text(f"{text}{more}\n")
        for options in (("--dry-run",), ()):
            result = run("run", file, "-o", f"out-{name}{EVIL}", *options)
            assert result.exit_code == (0 if name == "sound" else 2), result.output
            assert SQUEEZED in joined(result)
    for options in (("--markdown",), ("--csv",), ("-o", f"report{EVIL}.html")):
        result = run("report", f"out-sound{EVIL}", *options, "--title", EVIL)
        assert result.exit_code == 0, result.output
        assert "forged" in result.output or options == ("--csv",)
    page = (place / f"report{EVIL}.html").read_text(encoding="utf-8")
    assert page.replace("\n", "").replace("\t", "").isprintable()


def test_what_a_saved_result_says_is_shown(place: Path) -> None:
    from made_up_results import count, latency, parity, save

    (place / "results").mkdir()
    found = latency(EVIL, "tflite", EVIL, EVIL, 10.0, verdict=EVIL, reasons=[EVIL])
    save(place / "results" / f"{EVIL}.json", found, count(EVIL, 1), parity())
    damaged = place / f"damaged{EVIL}.json"
    save(damaged, {**found, "median_ms": EVIL})
    for options in (("--markdown",), ("--csv",), ("-o", "page.html")):
        run("report", "results", *options)
        run("report", damaged, *options)
    run("paper", "table2", "--results", damaged)
    run("latency", MODELS[0], "--against", damaged)


# Every option of every command

SAFE = {"mixnet-bench", "mixnet-export"}
TRIED = [
    (name, parameter)
    for name, command in commands().items()
    if name.split()[0] in SAFE
    for parameter in parameters(command)
]


@pytest.mark.parametrize(
    ("name", "parameter"), TRIED, ids=[f"{name} {name_of(each)}" for name, each in TRIED]
)
def test_every_options_value_is_shown(place: Path, name: str, parameter: click.Parameter) -> None:
    """Whatever it is, it is refused, or taken, in words that steer nothing."""
    program = {"mixnet-bench": bench, "mixnet-export": export}[name.split(maxsplit=1)[0]]
    named = commands()[name].params
    needs = [EVIL for each in named if isinstance(each, click.Argument) and each is not parameter]
    option = [] if isinstance(parameter, click.Argument) else [max(parameter.opts, key=len)]
    run(*name.split()[1:], *option, EVIL, *needs, program=program)


def test_surplus_options_and_commands_are_shown(place: Path) -> None:
    for program in (bench, export):
        run(EVIL, program=program)
        run(f"--{EVIL}", program=program)
    for name in commands():
        if name.split()[0] in SAFE:
            program = {"mixnet-bench": bench, "mixnet-export": export}[name.split()[0]]
            run(*name.split()[1:], f"--{EVIL}", program=program)
