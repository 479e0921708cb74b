"""No command replaces what it reads, nor anything that is not a plain file; it is refused at once.

A case names a command, what it reads and what it writes. A new command with an output, and a new
option that names a file, is missed by name until it has a case.
"""

import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path
from shlex import split

import click
import numpy as np
import pytest
from click.testing import Result
from command_tree import call, commands, name_of, parameters
from made_up_results import latency, save
from PIL import Image
from test_against import target

from mixnet_android.runner import toolchains
from mixnet_bench.campaign.read import read_campaign
from mixnet_bench.campaign.steps import make_steps
from mixnet_bench.campaign.store import Store
from mixnet_bench.studies.glyphs.train import CHECKPOINT, TRAINED
from mixnet_common.result import encode

COMMANDS = commands()


@dataclass(frozen=True)
class Case:
    """A command line without its output, the files that it reads, and the name of an output."""

    line: str
    inputs: tuple[str, ...]
    like: str
    """What the hint has to offer: a name of the command's own type."""
    option: str = "-o"
    inside: tuple[str, ...] = ()
    """Where the output is a folder, the files that are written into it."""

    @property
    def command(self) -> str:
        """The part of the line that names the command."""
        return max((each for each in COMMANDS if f"{self.line} ".startswith(f"{each} ")), key=len)

    def call(self, output: Path) -> Result:
        """What comes of it with this output."""
        arguments = split(self.line.removeprefix(self.command))
        if self.option != "-o" and "-o" not in arguments and needs_output(self):
            arguments += ["-o", "n"]
        return call(self.command, [*arguments, self.option, str(output)])

    def __str__(self) -> str:
        return f"{self.line} {self.option}"


MODELS = ("a.onnx", "a.onnx.json", "a.onnx.data", "b.tflite", "b.tflite.json")
IMAGES = ("photos/1.png", "photos/more/2.png")
PARITY = (
    "mixnet-bench parity a.onnx b.tflite --data photos --labels labels.txt --truth truth.csv"
    " --synsets synsets.txt --preprocessing prepared.toml"
)
READ_BY_PARITY = (
    *MODELS, *IMAGES, "labels.txt", "truth.csv", "synsets.txt", "prepared.toml",
)  # fmt: skip
EXPORT = (
    "net.toml --precision mixed --budget 1 --calibrate photos --data classes"
    " --weights w.safetensors --labels labels.txt --preprocessing prepared.toml"
    " --lowering lowered.toml"
)
READ_BY_EXPORT = (
    "net.toml", "w.safetensors", "labels.txt", "prepared.toml", "lowered.toml", "classes/a/1.png",
    *IMAGES,
)  # fmt: skip
LATENCY = "mixnet-bench latency a.onnx b.tflite"
COMPARE = "python -m mixnet_bench.studies.exporters --networks net.toml --lowering lowered.toml"
GLYPHS = "python -m mixnet_bench.studies.glyphs"

FILES = (
    Case(f"{LATENCY} --against base.json", (*MODELS, "base.json"), "latency.json"),
    Case(
        "mixnet-bench latency a.onnx --against c.onnx --input x=values.npy",
        ("a.onnx", "c.onnx", "values.npy"),
        "latency.json",
    ),
    Case(f"{LATENCY} --on all", MODELS, "latency.json"),
    Case(f"{LATENCY} --on adb --against base.json", (*MODELS, "base.json"), "latency.json"),
    Case(
        "mixnet-bench latency b.tflite --on adb --runner program",
        ("b.tflite", "program"),
        "latency.json",
    ),
    Case(f"{PARITY} --state s", (*READ_BY_PARITY, "s"), "parity.json"),
    Case(PARITY, READ_BY_PARITY, "parity.state", "--state"),
    Case("mixnet-bench tune b.tflite", ("b.tflite",), "model-here.toml"),
    Case("mixnet-bench tune net.toml", ("net.toml",), "mixnet-s-here.toml"),
    Case(
        "mixnet-bench table --space net.toml --anchor n2.toml --include c.toml",
        ("net.toml", "n2.toml", "c.toml"),
        "table.json",
    ),
    Case("mixnet-bench table --from base.json --form once-for-all", ("base.json",), "table.yaml"),
    Case(
        "mixnet-bench predict net.toml --table base.json",
        ("net.toml", "base.json"),
        "predictions.json",
    ),
    Case(
        "python -m mixnet_bench.studies.prediction --space net.toml --table base.json",
        ("net.toml", "base.json"),
        "p.json",
    ),
    Case(
        "python -m mixnet_bench.studies.search_front results/a.json --space net.toml"
        " --table base.json",
        ("results/a.json", "net.toml", "base.json"),
        "measured.json",
    ),
    Case("mixnet-bench report base.json", ("base.json",), "report.html"),
    Case("mixnet-bench report results --markdown", ("results/a.json",), "report.md"),
    Case(
        "mixnet-bench report c --csv",
        ("c/results/count.json", "c/files/x/a.tflite", "c/unfinished/p.json"),
        "report.csv",
    ),
    Case(
        "mixnet-bench devices selftest --model b.tflite",
        ("b.tflite", "b.tflite.json"),
        "selftest.json",
    ),
    Case("mixnet-bench devices build-runner", ("src/main.c",), "mixnet-runner"),
    Case("python -m mixnet_bench.studies.comparison_trial a.onnx b.tflite", MODELS, "trial.json"),
    Case(
        f"{COMPARE} --keep made",
        ("net.toml", "lowered.toml", "made/a.tflite", "made/a.tflite.logits.json"),
        "comparison.json",
    ),
    Case(
        "python -m mixnet_bench.studies.optimize --models made --python program --runner program",
        ("made/a.tflite", "program"),
        "rows.json",
    ),
    Case("python -m mixnet_bench.studies.tiling_costs", (), "costs.json"),
    Case(
        "python -m mixnet_bench.studies.runtimes --cache c --network net.toml --markdown base.json",
        ("c/files/x/a.tflite", "net.toml", "base.json"),
        "rows.json",
    ),
    Case(f"{GLYPHS}.publish w.safetensors", ("w.safetensors",), "mixnet-s-glyphs.safetensors"),
    Case(f"{GLYPHS}.publish checkpoint", ("checkpoint/m.index",), "mixnet-s-glyphs.safetensors"),
    Case(
        f"{GLYPHS}.measure --work work",
        ("work/rows.json", "work/fonts/a.tgz", "work/test/a/1.png", "work/files/f.json"),
        "quantization.md",
    ),
)
FOLDERS = (
    Case(
        f"mixnet-export tflite {EXPORT}",
        READ_BY_EXPORT,
        "out/",
        inside=("net-mixed.tflite", "net-mixed.tflite.json"),
    ),
    Case(
        f"mixnet-export onnx {EXPORT}",
        READ_BY_EXPORT,
        "out/",
        inside=("net-mixed.onnx", "net-mixed.onnx.json"),
    ),
    Case(
        "mixnet-export optimize b.tflite --lowering lowered.toml --calibrate photos",
        ("b.tflite", "lowered.toml", *IMAGES),
        "out/",
        inside=("b.tflite", "b.tflite.json"),
    ),
    Case(
        "mixnet-bench run campaign.toml",
        ("campaign.toml", "net.toml", "lowered.toml", "classes/a/1.png", *IMAGES),
        "out/campaign",
        inside=("results/count-net.json", "results/export-net-tflite-int8-lowered.toml.json"),
    ),
    Case(
        "mixnet-bench run --weights w.safetensors --network net.toml --labels labels.txt"
        " --preprocessing prepared.toml --calibrate photos --data classes",
        (),
        "out/campaign",
    ),
    Case(
        "mixnet-bench search --space net.toml --table base.json --score score.py:f"
        " --latency 1xn2.toml",
        ("net.toml", "base.json", "score.py", "n2.toml"),
        "found/",
        inside=("candidates.jsonl", "search.json", "front.svg", "front-01.toml"),
    ),
    Case(COMPARE, (), "made", "--keep"),
    Case(f"{GLYPHS}.build --fonts fonts", (), "glyphs-test/"),
    Case(f"{GLYPHS}.build -o new", (), "fonts/", "--fonts"),
    Case(f"{GLYPHS}.train --fonts fonts", (), "run/", inside=(CHECKPOINT, TRAINED)),
    Case(f"{GLYPHS}.measure", (), "glyphs/", "--work", inside=("rows.json",)),
)
NO_FILES = {
    "--dask", "--task-profile",
    "--on", "--for", "--pin", "--float-layer", "--runtimes", "--sustained", "--title", "--target",
    "--recipe", "--only", "--shape", "--dim", "--signature", "--input-range",
    "--precisions", "--threads",
}  # fmt: skip
"""Options that take text and name no file."""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, tiny_onnx: Path, tiny_tflite: Path) -> Path:
    """A folder with everything that the cases read."""
    folder = tmp_path_factory.mktemp("template")
    for name in ("a.onnx", "c.onnx"):
        shutil.copy(tiny_onnx, folder / name)
    for name in ("b.tflite", "made/a.tflite", "c/files/x/a.tflite"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(tiny_tflite, folder / name)
    texts = {
        "net.toml": 'source = "a test"\nresolution = 16\nclasses = 5\nstem = { channels = 8 }\n'
        "stages = [{ out = 8, kernels = [3, 5] }]\n",
        "campaign.toml": 'networks = ["net.toml"]\nlowerings = ["lowered.toml"]\n'
        'precisions = ["int8"]\ncalibration = "photos"\nparity = { data = "classes" }\n',
        "lowered.toml": 'measured = "here"\n',
        "prepared.toml": "crop = 1\n",
    }
    others = (
        *MODELS[1:3], MODELS[4], "labels.txt", "truth.csv", "synsets.txt", "w.safetensors",
        "program", "s", "src/main.c", "checkpoint/m.index",
        "made/a.tflite.logits.json",
        "c/unfinished/p.json", "work/rows.json", "work/fonts/a.tgz", "work/test/a/1.png",
        "work/files/f.json", "n2.toml", "c.toml", "score.py",
    )  # fmt: skip
    for name in others:
        texts[name] = f"this is {name}\n"
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for name in (*IMAGES, "classes/a/1.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(folder / name)
    np.save(folder / "values.npy", np.zeros((1, 3, 8, 8), np.float32))
    save(folder / "base.json", encode(target("a.onnx", 10, 0)))
    for name in ("results/a.json", "c/results/count.json"):
        save(folder / name, latency("mixnet-s", "tflite", "float32", "default", 10.0))
    return folder


@pytest.fixture
def box(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, which is the current directory; the user's folder is elsewhere."""
    folder = tmp_path / "box"
    shutil.copytree(template, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MIXNET_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(toolchains, "RUNNER", folder)
    return folder


def special(folder: Path) -> dict[str, Path]:
    """What is there and no plain file, by what it is."""
    os.mkfifo(folder / "fifo")
    (folder / "to-fifo").symlink_to("fifo")
    (folder / "a").symlink_to("b")
    (folder / "b").symlink_to("a")
    found = {each: folder / each for each in ("fifo", "to-fifo", "a")}
    if os.geteuid() == 0:
        os.mknod(folder / "device", stat.S_IFCHR | 0o600, os.makedev(1, 3))
        found["device"] = folder / "device"
    return found


def contents(folder: Path) -> dict[str, bytes]:
    files = (each for each in folder.rglob("*") if each.is_file() and not each.is_symlink())
    return {str(each.relative_to(folder)): each.read_bytes() for each in files}


def refused(case: Case, output: Path, *words: str) -> None:
    """The command ends at once, in two lines that name the output and another one to take."""
    before = contents(Path())
    result = case.call(output)
    assert isinstance(result.exception, SystemExit), (result.exception, result.output)
    assert result.exit_code == 2, result.output
    lines = [each for each in result.stderr.splitlines() if not each.startswith("warning: ")]
    assert len(lines) == 2, result.stderr
    assert lines[0].startswith(f"error: {case.option} "), result.stderr
    assert all(word in lines[0] for word in words), result.stderr
    assert f"such as {case.like}" in lines[1], result.stderr
    assert contents(Path()) == before


def needs_output(case: Case) -> bool:
    return any(each.required for each in COMMANDS[case.command].params if "-o" in each.opts)


@pytest.mark.parametrize("case", FILES, ids=str)
def test_a_file_that_is_read_is_never_replaced(case: Case, box: Path, tmp_path: Path) -> None:
    links = tmp_path / "links"
    links.mkdir()
    for number, name in enumerate(case.inputs):
        refused(case, Path(name), "would replace")
        suffix = ".toml" if case.like.endswith(".toml") else ""
        link = links / f"{number}{suffix}"
        link.symlink_to(box / name)
        refused(case, link, "would replace")


@pytest.mark.parametrize("case", FILES, ids=str)
def test_a_file_that_is_no_plain_one_is_never_replaced(
    case: Case, box: Path, tmp_path: Path
) -> None:
    for path in (box, *special(tmp_path).values()):
        mode = path.lstat().st_mode
        refused(case, path, "cannot be written")
        assert path.lstat().st_mode == mode


@pytest.mark.parametrize("case", [each for each in FOLDERS if each.inside], ids=str)
def test_no_file_of_a_folder_is_written_through_a_link_to_what_is_read(
    case: Case, box: Path
) -> None:
    folder = box / "out"
    if case.command == "mixnet-bench run":  # it follows no link that leads out of its folder
        folder = box
    for inside in case.inside:
        file = folder / written(inside, box)
        file.parent.mkdir(parents=True, exist_ok=True)
        for name in case.inputs:
            file.symlink_to(box / name)
            refused(case, folder, "would replace")
            file.unlink()
        os.mkfifo(file)
        refused(case, folder, "cannot be written")
        file.unlink()


def written(inside: str, box: Path) -> str:
    """Where a file lies that a campaign writes: a key is behind its name. Others' stay."""
    if not inside.startswith("results/"):
        return inside
    steps = make_steps(read_campaign(box / "campaign.toml"))
    paths = [str(Store(Path("c")).result_path(step).relative_to("c")) for step in steps]
    (found,) = (each for each in paths if each.startswith(inside.removesuffix(".json")))
    return found


@pytest.mark.parametrize("case", FOLDERS, ids=str)
def test_a_folder_is_a_folder(case: Case, box: Path, tmp_path: Path) -> None:
    shutil.copy(box / "net.toml", tmp_path / "file")
    (tmp_path / "nowhere").symlink_to("missing")
    for path in (tmp_path / "file", tmp_path / "nowhere", *special(tmp_path).values()):
        mode = path.lstat().st_mode
        result = case.call(path)
        assert isinstance(result.exception, SystemExit), (path, result.exception)
        assert result.exit_code == 2, (path, result.output)
        assert path.lstat().st_mode == mode
    assert contents(tmp_path)["file"] == (box / "net.toml").read_bytes()


def test_a_report_beside_its_results_can_be_made_again(box: Path) -> None:
    for folder in ("results", "c"):
        for _ in range(2):
            arguments = [folder, "--csv", "-o", f"{folder}/report.csv"]
            result = call("mixnet-bench report", arguments)
            assert result.exit_code == 0, result.output


def test_two_outputs_are_two_files(box: Path) -> None:
    result = Case(f"{PARITY} --state new", (), "").call(Path("new"))
    assert result.exit_code == 2
    assert "error: -o new would replace new" in result.stderr
    assert not (box / "new").exists()


# Whether there is a case for everything


def test_every_output_of_every_command_has_a_case() -> None:
    outputs = {
        (command, "-o")
        for command, each in COMMANDS.items()
        if any("-o" in parameter.opts for parameter in each.params)
    }
    assert outputs - {(each.command, each.option) for each in (*FILES, *FOLDERS)} == set()


@pytest.mark.parametrize("command", sorted({each.command for each in (*FILES, *FOLDERS)}))
def test_everything_that_may_name_a_file_is_in_a_case(command: str) -> None:
    lines = " ".join(f"{each} " for each in (*FILES, *FOLDERS) if each.command == command)
    for each in parameters(COMMANDS[command]):
        if isinstance(each, click.Option) and isinstance(each.type, NAMES_FILES):
            name = name_of(each)
            short = [option for option in each.opts if f" {option} " in lines]
            assert short or name in NO_FILES, f"{command} {name} is in no case"


NAMES_FILES = (click.types.StringParamType, click.Path)
