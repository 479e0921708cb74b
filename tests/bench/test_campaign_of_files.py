"""Anyone's files in a campaign: counted and timed at their sizes, known by all their content."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from mixnet_bench.campaign.read import parse_campaign
from mixnet_bench.campaign.steps import Step, make_steps
from mixnet_bench.cli import main
from mixnet_common import MixnetError, UsageError

CAMPAIGN = """
title = "Anyone's"
files = [
    "ext.onnx",
    { path = "dynamic.tflite", shapes = { x = [1, 20, 30, 3] } },
    { path = "dynhw.onnx", dims = { H = 20, W = 30 } },
    { path = "two_signatures.tflite", signature = "large" },
    { path = "ids.onnx", inputs = { ids = "ids.npy" } },
]
[latency]
launches = 1
min_count = 2
min_time_s = 0
warmup = 0
"""


@pytest.fixture
def campaign(cases: Path, tmp_path: Path) -> Path:
    for name in (
        "ext.onnx", "ext.onnx.data", "dynamic.tflite", "dynhw.onnx", "two_signatures.tflite",
        "ids.onnx",
    ):  # fmt: skip
        shutil.copy(cases / name, tmp_path / name)
    np.save(tmp_path / "ids.npy", np.zeros((1, 6), np.int64))
    path = tmp_path / "campaign.toml"
    path.write_text(CAMPAIGN, encoding="utf-8")
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["run", *map(str, arguments)])


def steps(path: Path, text: str = CAMPAIGN) -> dict[str, Step]:
    found = make_steps(parse_campaign(text, path))
    return {f"{each.kind} {each.name}": each for each in found}


def results(out: Path, kind: str) -> list[dict[str, Any]]:
    found = sorted((out / "results").glob(f"{kind}-*.json"))
    return [each for path in found for each in json.loads(path.read_text())["targets"]]


def test_files_are_counted_and_timed_side_by_side(campaign: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run(campaign, "-o", out)
    assert done.exit_code == 0, done.output
    counted = {each["name"]: each["macs"] for each in results(out, "inspect")}
    assert counted == {
        "ext.onnx": 55_296,
        "dynamic.tflite": 20 * 30 * 216,
        "dynhw.onnx": 20 * 30 * 216,
        "two_signatures.tflite": 2_709_504,
        "ids.onnx": 0,
    }
    timed = {each["name"]: each for each in results(out, "latency")}
    assert timed["dynamic.tflite"]["shapes"] == {"x": [1, 20, 30, 3]}
    assert timed["two_signatures.tflite"]["signature"] == "large"
    assert list(timed["ids.onnx"]["given"]["inputs"]) == ["ids"]
    assert timed["ext.onnx"]["path"] == "ext.onnx"
    assert timed["ext.onnx"]["data_files"][0]["name"] == "ext.onnx.data"
    assert "11 done before" in run(campaign, "-o", out).stderr
    report = CliRunner().invoke(main, ["report", str(out), "-o", str(out / "r.html")])
    assert report.exit_code == 0, report.output


def test_keys_change_with_all_that_a_result_depends_on(campaign: Path) -> None:
    before = steps(campaign)

    def changed() -> set[str]:
        return {name for name, step in steps(campaign).items() if step.key != before[name].key}

    assert changed() == set()
    data = campaign.with_name("ext.onnx.data")
    whole = data.read_bytes()
    data.write_bytes(bytes(len(whole)))
    assert changed() == {"file ext.onnx", "inspect ext.onnx", "latency all files on host"}
    data.write_bytes(whole)
    np.save(campaign.with_name("ids.npy"), np.zeros((1, 6), np.int64) - 1)
    assert changed() == {
        "file ids.onnx ids.npy", "inspect ids.onnx ids.npy", "latency all files on host",
    }  # fmt: skip
    other = steps(campaign, CAMPAIGN.replace("[1, 20, 30, 3]", "[1, 20, 31, 3]"))
    assert "file dynamic.tflite x=1,20,31,3" in other


def test_files_and_networks_can_take_turns(campaign: Path, tiny_network: Path) -> None:
    text = f'networks = ["{tiny_network}"]\n' + CAMPAIGN
    assert len(steps(campaign, text)["latency all networks on host"].needs) == 6
    apart = steps(campaign, text.replace("[latency]", '[latency]\ntogether = "network"'))
    assert {"latency tiny on host", "latency files on host"} <= set(apart)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ('"absent.onnx"', "no file .*absent.onnx"),
        ('"campaign.toml"', "is not a model file|is a network"),
        ('{ path = "ext.onnx", shapes = { x = [1, 0] } }', "'shapes' must be"),
        ('{ path = "ext.onnx", shapes = [1, 2] }', "'shapes' must be"),
        ('{ path = "ext.onnx", dims = { N = 1.5 } }', "'dims' must be"),
        ('{ path = "ext.onnx", input_ranges = { x = [3, 1] } }', "'input_ranges' must be"),
        ('{ path = "ext.onnx", shape = {} }', "unknown key"),
        ("{ shapes = {} }", "'path' is missing"),
        ('{ path = "ids.onnx", inputs = { ids = "absent.npy" } }', "absent.npy"),
        ("3", "must be a table"),
    ],
)
def test_what_is_wrong_is_refused_before_the_first_step(
    campaign: Path, row: str, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        steps(campaign, f"files = [{row}]")


def test_missing_weights_are_named_before_the_first_step(campaign: Path) -> None:
    campaign.with_name("ext.onnx.data").unlink()
    with pytest.raises(MixnetError, match=r"ext\.onnx\.data is missing beside"):
        steps(campaign)


def test_open_sizes_fail_their_own_steps_with_the_option_to_give(
    campaign: Path, tmp_path: Path
) -> None:
    campaign.write_text('files = ["dynamic.tflite"]\n[latency]\nlaunches = 1\nmin_count = 2\n')
    done = run(campaign, "-o", tmp_path / "out")
    assert done.exit_code == 1
    assert "height (axis 1), width (axis 2)" in done.stderr
