"""The command line from outside: help, examples, JSON, and wrong use, one line at a time."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from mixnet_common.console import example
from mixnet_export.cli import main
from mixnet_networks import load_network, network_names
from mixnet_networks.weights import load_weights, save_weights, seeded_weights
from mixnet_runtimes import read_file

COMMANDS = sorted(main.commands)
FORMATS = ["tflite", "onnx"]
SMALL = ("--resolution", "32", "--classes", "3")

TINY = """
title = "Tiny"
source = "a test"
resolution = 16
classes = 4
stem = { channels = 8 }
[[stages]]
out = 8
kernels = [3, 5]
expand = 2
"""

Weights = dict[str, Any]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory."""
    place = tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def tiny(tmp_path: Path) -> str:
    """The path of a network that is exported in no time."""
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return str(path)


@pytest.fixture
def tiny_weights(tiny: str, tmp_path: Path) -> Callable[[Callable[[Weights], Any]], str]:
    """Saves the tiny network's weights after a change and returns the file's path."""

    def save(change: Callable[[Weights], Any] = lambda weights: None) -> str:
        weights = seeded_weights(load_network(tiny), 5)
        change(weights)
        path = tmp_path / "tiny.safetensors"
        save_weights(path, weights)
        return str(path)

    return save


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def succeeded(result: Result) -> Result:
    assert result.exit_code == 0, result.output
    return result


def failed(result: Result, status: int, *words: str) -> None:
    """Two lines at most, on stderr, with these words in them."""
    assert result.exit_code == status, result.output
    assert isinstance(result.exception, SystemExit), result.exception
    for word in words:
        assert word in result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith(("error:", "  hint:"))]
    assert 1 <= len(lines) <= 2
    assert result.stdout == ""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# Help


def examples(text: str) -> list[list[str]]:
    return [shlex.split(line) for line in re.findall(r"^ +mixnet-export (.*)$", text, re.MULTILINE)]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_helps_with_an_example_of_its_own(command: str) -> None:
    shown = examples(succeeded(run(command, "--help")).stdout.partition("Example:")[2])

    assert shown
    assert {each[0] for each in shown} == {command}


@pytest.mark.slow
@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_every_example_in_a_help_text_works(command: str | None, here: Path, tiny: str) -> None:
    """Exactly as printed, in an empty directory; ``model.tflite`` is somebody's file."""
    if command == "optimize":
        succeeded(run("tflite", tiny, "-o", str(here), "--lowering", "reference", "--no-verify"))
        (here / "tiny.tflite").rename(here / "model.tflite")
    arguments = ["--help"] if command is None else [command, "--help"]
    text = succeeded(run(*arguments)).stdout.partition("Example:")[2]
    for each in examples(text):
        succeeded(run(*each))


def test_an_example_is_printed_line_by_line() -> None:
    assert example("a b", "c").splitlines() == ["\b", "Example:", "  a b", "  c"]


@pytest.mark.parametrize("arguments", [["--help"], ["list"]])
def test_an_answer_without_work_comes_at_once(arguments: list[str]) -> None:
    """In half a second on an idle machine; processor time, which other work can double."""
    code = f"from mixnet_export.cli import main; main({arguments!r})"

    def seconds() -> float:
        before = os.times()
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        after = os.times()
        user = after.children_user - before.children_user
        return user + after.children_system - before.children_system

    assert min(seconds() for _ in range(5)) < 1.25


def test_help_loads_no_heavy_library() -> None:
    code = (
        "import sys; from mixnet_export.cli import main\n"
        "try: main(['tflite', '--help'])\n"
        "except SystemExit: print(*sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())

    assert not loaded & {"onnx", "onnxruntime", "ai_edge_litert", "ai_edge_quantizer", "PIL"}


# What is printed


def test_list_names_every_network_with_the_papers_row() -> None:
    table = succeeded(run("list")).stdout
    (document,) = [json.loads(succeeded(run("list", "--json")).stdout)]
    rows = {row["name"]: row for row in document["targets"]}

    assert document["format"] == 1
    assert sorted(rows) == sorted(network_names())
    assert all(name in table for name in rows)
    assert rows["mixnet-s"]["params"] == 4_134_606
    assert rows["mixnet-s"]["paper"]["params"] == "4.1M"
    assert rows["mixnet-s"]["timm"] == ["tf_mixnet_s"]
    assert rows["darts"]["timm"] == []
    assert round(rows["mixnet-l"]["macs"] / 1e6, 2) == 555.25


def test_show_has_a_row_for_every_block_and_sums_up() -> None:
    (target,) = json.loads(succeeded(run("show", "mixnet-s", "--json")).stdout)["targets"]
    blocks = target["blocks"]

    assert [blocks[0]["block"], blocks[1]["block"], blocks[-1]["block"]] == [
        "stem",
        "blocks.0.0",
        "head",
    ]
    assert sum(block["params"] for block in blocks) == 4_134_606
    assert blocks[13]["kernels"] == "3x3, 5x5, 7x7, 9x9"
    assert "blocks.9.0" in succeeded(run("show", "mixnet-s")).stdout


def test_show_takes_sizes() -> None:
    text = succeeded(run("show", "mixnet-s", "--resolution", "160", "--json")).stdout
    (target,) = json.loads(text)["targets"]

    assert target["blocks"][0]["input"] == "160x160x3"


@pytest.mark.parametrize("form", FORMATS)
def test_an_export_writes_a_file_and_its_provenance_and_says_so(
    form: str, tiny: str, here: Path
) -> None:
    result = succeeded(run(form, tiny, "-o", "new/out", "--seed", "3"))
    provenance = json.loads((here / f"new/out/tiny.{form}.json").read_text())

    assert names(here / "new/out") == [f"tiny.{form}", f"tiny.{form}.json"]
    assert str(Path(f"new/out/tiny.{form}")) in result.stdout
    assert "verified" in result.stderr
    assert provenance["network"] == "tiny"
    assert provenance["weights"]["source"] == "seed 3"
    assert provenance["size_bytes"] == (here / f"new/out/tiny.{form}").stat().st_size
    assert provenance["preprocessing"]["mean"] == [127.5, 127.5, 127.5]
    assert provenance["input"]["shape"] == ([1, 16, 16, 3] if form == "tflite" else [1, 3, 16, 16])
    assert provenance["verification"]["largest_difference"] < 1e-4


HEADLESS = """
source = "a test"
resolution = 224
stem = { channels = 16 }
[[stages]]
out = 24
kernels = [3, 5, 7]
stride = 2
expand = 4
"""


@pytest.mark.parametrize("form", FORMATS)
def test_logits_that_vanish_on_the_picture_are_still_verified(form: str, here: Path) -> None:
    """Seeded statistics centre the last batch norm on the picture, and no activation follows."""
    (here / "headless.toml").write_text(HEADLESS)
    (target,) = json.loads(succeeded(run(form, "headless.toml", "--json")).stdout)["targets"]

    assert target["verification"]["largest_difference"] < 1e-5
    assert not target["verification"]["degenerate"]


@pytest.mark.parametrize("form", FORMATS)
def test_json_is_one_document_and_nothing_else(form: str, tiny: str, here: Path) -> None:
    document = json.loads(succeeded(run(form, tiny, "--json")).stdout)
    (target,) = document["targets"]

    assert document["format"] == 1
    assert (target["name"], target["path"]) == ("tiny", f"tiny.{form}")
    assert json.loads((here / f"tiny.{form}.json").read_text()).items() <= target.items()


@pytest.mark.parametrize("form", FORMATS)
def test_verification_can_be_left_out(form: str, tiny: str, here: Path) -> None:
    result = succeeded(run(form, tiny, "--no-verify", "--json"))

    assert "verified" not in result.stderr
    assert json.loads(result.stdout)["targets"][0]["verification"] is None


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_seed_gives_the_same_file_and_another_seed_another(
    form: str, tiny: str, here: Path
) -> None:
    for folder, seed in (("a", 0), ("b", 0), ("c", 1)):
        succeeded(run(form, tiny, "-o", folder, "--seed", seed, "--no-verify"))
    a, b, c = ((here / folder / f"tiny.{form}").read_bytes() for folder in "abc")

    assert a == b
    assert a != c


@pytest.mark.parametrize("form", FORMATS)
def test_weights_from_a_file_are_the_ones_written(
    form: str, tiny: str, tiny_weights: Callable[..., str], here: Path
) -> None:
    succeeded(run(form, tiny, "-o", "a", "--seed", 5))
    succeeded(run(form, tiny, "-o", "b", "--weights", tiny_weights()))

    a, b = ((here / folder / f"tiny.{form}").read_bytes() for folder in "ab")
    assert a == b
    assert load_weights(Path(tiny_weights()), load_network(tiny).graph)


@pytest.mark.parametrize("form", FORMATS)
def test_sizes_are_those_asked_for(form: str, tiny: str, here: Path) -> None:
    sizes = ("--batch", 2, "--resolution", 24, "--classes", 7, "--multiplier", 2)
    (target,) = json.loads(succeeded(run(form, tiny, *sizes, "--json")).stdout)["targets"]

    assert target["name"] == "tiny-x2"
    assert sorted(target["input"]["shape"]) == [2, 3, 24, 24]
    assert target["output"]["shape"] == [2, 7]


def test_without_weights_it_says_that_they_are_random(tiny: str, here: Path) -> None:
    assert "random" in run("tflite", tiny).stderr
    assert "random" not in run("tflite", tiny, "--seed", 0).stderr


# Wrong use

WRONG: list[tuple[tuple[str, ...], tuple[str, ...]]] = [
    (("mixnet-x",), ("mixnet-x", "did you mean mixnet-")),
    (("mixnet-z",), ("did you mean mixnet-s?",)),
    (("nothing.toml",), ("nothing.toml",)),
    (("mixnet-s", "--resolution", "0"), ("--resolution 0", "at least 1")),
    (("mixnet-s", "--resolution", "-1"), ("--resolution -1", "at least 1")),
    (("mixnet-s", "--resolution", "9000"), ("resolution", "8,192")),
    (("mixnet-s", "--classes", "0"), ("--classes 0", "at least 1")),
    (("mixnet-s", "--multiplier", "0"), ("multiplier",)),
    (("mixnet-s", "--multiplier", "nan"), ("multiplier",)),
    (("mixnet-s", "--batch", "0"), ("batch",)),
    (("mixnet-s", "--seed", "-1"), ("seed", "-1")),
    (("mixnet-s", "--weights", "w.safetensors", "--seed", "1"), ("--weights and --seed",)),
    (("mixnet-s", "--weights", "nothing.safetensors"), ("no file nothing.safetensors",)),
    (("mixnet-s", "--weights", "weights.h5"), ("weights.h5", ".safetensors")),
    (("mixnet-s", "--lowering", "refrence", *SMALL), ("did you mean reference?",)),
    (("mixnet-s", "--io", "int8", *SMALL), ("float32 file", "--precision int8")),
    (("mixnet-s", "--calibrate", ".", *SMALL), ("float32 file", "--precision int8")),
]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(("arguments", "words"), WRONG, ids=[" ".join(each[0]) for each in WRONG])
def test_wrong_use_says_what_and_leaves_nothing(
    form: str, arguments: tuple[str, ...], words: tuple[str, ...], here: Path
) -> None:
    failed(run(form, *arguments, "-o", "out"), 2, *words)

    assert names(here) == []


@pytest.mark.parametrize(
    "arguments", [("tflit", "mixnet-s"), ("tflite",), ("onnx", "mixnet-s", "--precision", "int4")]
)
def test_a_wrong_command_line_has_exit_status_2(arguments: tuple[str, ...], here: Path) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert names(here) == []


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("kernels = [3, 5]", ("stage 1", "'out' is missing")),
        ("out = 0\nkernels = [3]", ("stage 1", "'out'", "not 0")),
        ("out = 8\nkernels = []", ("stage 1", "'kernels'")),
        ("out = 8\nkernels = [3]\nsqueeze = 1", ("stage 1", "'squeeze'")),
        ("out = 8\nkernels = [4]\ndilated = true", ("stage 1", "'dilated'", "[4]")),
    ],
)
def test_a_wrong_row_is_named_with_its_file(
    row: str, words: tuple[str, ...], tmp_path: Path, here: Path
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f"{TINY}\n[[stages]]\n{row}\n")

    failed(run("tflite", path), 2, "mine.toml", *words)
    assert names(here) == []


def test_maps_may_shrink_to_a_single_pixel(here: Path, tiny: str) -> None:
    succeeded(run("tflite", tiny, "--resolution", "1"))
    (written,) = here.glob("*.tflite")
    (image,) = read_file(written).inputs.values()
    assert image.shape == (1, 1, 1, 3)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda w: w.pop("stem.conv.kernel"), ("1 missing", "stem.conv.kernel")),
        (lambda w: w.update(extra=np.ones(3)), ("1 surplus", "extra")),
        (
            lambda w: w.update({"head.classifier.bias": np.ones(9)}),
            ("misshaped", "head.classifier.bias (9,) for (4,)"),
        ),
        (
            lambda w: w["blocks.0.0.depthwise.k5.kernel"].fill(np.nan),
            ("not finite", "blocks.0.0.depthwise.k5.kernel"),
        ),
        (
            lambda w: w["head.classifier.kernel"].__setitem__((0, 0), np.inf),
            ("not finite", "head.classifier.kernel"),
        ),
    ],
    ids=["missing", "surplus", "misshaped", "NaN", "infinite"],
)
def test_weights_that_do_not_fit_are_named(
    form: str,
    change: Callable[[Weights], Any],
    words: tuple[str, ...],
    tiny: str,
    tiny_weights: Callable[..., str],
    here: Path,
) -> None:
    failed(run(form, tiny, "--weights", tiny_weights(change)), 1, "tiny.safetensors", *words)

    assert names(here) == []


def test_a_truncated_weights_file_is_named(
    tiny: str, tiny_weights: Callable[..., str], here: Path
) -> None:
    path = Path(tiny_weights())
    path.write_bytes(path.read_bytes()[:-100])

    failed(run("tflite", tiny, "--weights", path), 1, "tiny.safetensors")
    assert names(here) == []


@pytest.mark.parametrize("form", FORMATS)
def test_weights_that_make_logits_overflow_leave_nothing(
    form: str, tiny: str, tiny_weights: Callable[..., str], here: Path
) -> None:
    path = tiny_weights(lambda w: w["head.classifier.kernel"].fill(3e38))

    failed(run(form, tiny, "--weights", path), 1, "not finite")
    assert names(here) == []
