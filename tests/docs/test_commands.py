"""Every command line that a page or a help text shows: the commands take it, and it runs.

The command lines of a page run in order in one folder with what the page starts from. Those that
cannot run in a test, and why, stand in ``ELSEWHERE``.
"""

import re
import shutil
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import mixnet_mobile as mm
from mixnet_networks import load_network
from mixnet_networks.images.picture import picture
from mixnet_networks.weights import save_weights, seeded_weights

sys.path.append(str(Path(__file__).parent))
from command_lines import PAGES, PROGRAMS, ROOT, blocks, parse, simple, typed

sys.path.append(str(Path(__file__).parents[1] / "bench"))
from command_tree import call, commands

ELSEWHERE = {
    r"--on (adb|all)|^mixnet-bench devices": "needs a phone; tests/android run them on a fake one",
    r"--dask": "needs a scheduler; tests/bench/cluster start one",
    r"^python -m mixnet_bench.studies": "minutes to hours; tests/docs/test_programs.py starts them",
    r"^mixnet-bench run": "minutes; tests/bench/test_campaign_run.py runs smaller ones",
    r"report out/": "needs the results of such a run; tests/bench/test_report_page.py",
    r"^mixnet-bench tune": "minutes; tests/bench/test_tuning.py tunes a small network",
    r"optimize model.tflite .*--measure": "minutes; tests/export/optimize measures a small file",
    r"^mixnet-bench (table|predict|search)": "minutes; tests/bench have small tables of their own",
    r"found/|out/front-01": "takes what a search finds; tests/bench/test_search_page.py",
    r"^mixnet-bench paper .*--results": "needs labelled images; tests/bench/test_paper.py has them",
    r"--precision mixed": "minutes; tests/export/test_mixed.py searches on a small network",
    r"pets\.keras": "needs what Keras trained; tests/peers/keras runs the page",
    r"detector\.tflite": "shows an error; tests/bench/test_model_options.py has it",
    r"ILSVRC2012": "needs ImageNet; tests/quantize read its layout",
    r"parity (FLOAT|float)": "names stand for files of the reader",
    r"--lowering mixnet-s-here.toml": "takes what tune writes",
}
"""By pattern: command lines that are only parsed here, and the reason."""

LONG_PAGES = {"README.md", "from-checkpoint-to-phone.md"}
"""Pages whose commands other tests of this folder run, README's in every run of the tests."""

SHORTER = {
    "latency": ("--launches", "2", "--min-count", "4", "--min-time", "0", "--warmup", "1"),
}
"""What is added to a command so that it takes seconds."""

LINES = [
    pytest.param(words, id=f"{page.name}:{' '.join(words)[:60]}")
    for page in PAGES
    for line in typed(page)
    for words in simple(line)
]
HELPED = {name: command for name, command in commands().items() if name.startswith("mixnet-")}


@pytest.mark.parametrize("words", LINES)
def test_every_command_line_of_a_page_is_taken(words: list[str]) -> None:
    parse(words)


def examples(name: str) -> list[str]:
    text = call(name, ["--help"]).output.partition("Example:")[2]
    return re.findall(r"^ +(mixnet-\w+ .*)$", text, re.M)


@pytest.mark.parametrize("name", HELPED)
def test_every_help_text_ends_with_examples_that_are_taken(name: str) -> None:
    shown = examples(name)
    assert any(each.startswith(name) for each in shown)
    for line in shown:
        for words in simple(line):
            parse(words)


@pytest.mark.parametrize(
    "line",
    [
        "mixnet-bench latency a.tflite --lunches 3",
        "mixnet-bench latency",
        "mixnet-export tflite mixnet-s --precision int9",
        "mixnet-bench devices cleen",
        "mixnet-bench inspect a.tflite b.tflite",
        "rm -rf out",
    ],
)
def test_a_command_line_that_is_wrong_would_be_found(line: str) -> None:
    with pytest.raises(BaseException, match=r"."):  # click's errors, ours, or the assertion
        parse(next(simple(line)))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_code_blocks_name_their_language_and_commands_begin_with_a_dollar(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    languages = set(re.findall(r"^ *```(\S*)\n(?:.*?)^ *```", text, re.M | re.S))
    assert languages <= {"console", "text", "python", "toml", "yaml", "json"}
    for block in blocks(page, "console"):
        assert re.match(r"\S*\$ ", block), block
    for block in blocks(page, "text"):
        assert not re.search(r"^\S*\$ ", block, re.M), block


def only_parsed(line: str) -> bool:
    return any(re.search(pattern, line) for pattern in ELSEWHERE)


def test_every_reason_not_to_run_a_command_is_needed() -> None:
    shown = [" ".join(words) for page in PAGES for line in typed(page) for words in simple(line)]
    for pattern in ELSEWHERE:
        assert any(re.search(pattern, line) for line in shown), pattern


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what pages start from: weights, labels, photos, a network, files."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("pages")
    network = load_network("mixnet-s")
    save_weights(folder / "mixnet-s.safetensors", seeded_weights(network))
    for index, name in enumerate(("photos", "images", "imagenet/val")):
        (folder / name).mkdir(parents=True)
        for number in range(2):
            image = Image.fromarray(picture()[20 * index + number :])
            image.save(folder / name / f"{number}.png")
    toml, *_ = blocks(ROOT / "docs" / "networks.md", "toml")
    (folder / "my-net.toml").write_text(toml)
    for form in ("tflite", "onnx"):
        made = mm.export("mixnet-s", format=form, lowering="reference", output=folder / "anyones")
        shutil.move(made.path, folder / f"model.{form}")
    made = mm.export(
        "mixnet-s", precision="int8", lowering="reference", output=folder / "anyones", verify=False
    )
    for name in ("int8", "mixnet-s-int8"):
        shutil.copy(made.path, folder / f"{name}.tflite")
    for name in ("mixnet-s", "old", "new"):
        shutil.copy(folder / "model.tflite", folder / f"{name}.tflite")
    (folder / "out").mkdir()
    for form in ("tflite", "onnx"):
        shutil.copy(folder / f"model.{form}", folder / "out" / f"mixnet-s.{form}")
    return folder


def ran(words: list[str]) -> Result:
    program, *arguments = words
    more = SHORTER.get(arguments[0], ())
    return CliRunner().invoke(PROGRAMS[program], [*arguments, *more])


RUN = [page for page in PAGES if page.name not in LONG_PAGES and typed(page)]


@pytest.mark.long
@pytest.mark.parametrize("page", RUN, ids=lambda page: page.name)
def test_the_commands_of_a_page_run_in_order(
    page: Path, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(place, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    for line in typed(page):
        for words in simple(line):
            if words[0] not in PROGRAMS or only_parsed(" ".join(words)):
                continue
            result = ran([each for word in words for each in expanded(word)])
            undecided = 3 if "--budget" in words else 0  # two images decide nothing
            assert result.exit_code in (0, undecided), f"{line}\n{result.output}"
            if line.partition(" > ")[2]:
                Path(line.partition(" > ")[2].split()[0]).write_text(result.stdout)


def expanded(word: str) -> list[str]:
    """What the shell makes of a pattern of files."""
    return sorted(map(str, Path().glob(word))) if "*" in word else [word]
