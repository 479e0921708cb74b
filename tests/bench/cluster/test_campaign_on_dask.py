"""A campaign on Dask's workers: the results of one machine, whatever dies meanwhile."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from mixnet_bench.cli import main

CAMPAIGN = """
title = "A tiny one"
networks = [{ name = "nets/tiny.toml", weights = "../weights/mine.safetensors", \
labels = "nets/names.txt", preprocessing = "nets/shown.toml" }]
files = ["../weights/anyones.onnx"]
formats = ["tflite", "onnx"]
precisions = ["float32", "int8"]
lowerings = ["nets/mine.toml"]
calibration = "../photos"
calibration_images = 6
tables = ["table3"]
[latency]
launches = 1
min_count = 2
min_time_s = 0
warmup = 0
[parity]
data = "../photos"
unlabelled = true
"""

NETWORK = (
    'source = "a test"\nresolution = 16\nclasses = 5\nstem = { channels = 8 }\n'
    "stages = [{ out = 8, kernels = [3, 5], expand = 2, se = 0.5, activation = 'swish' }]\n"
)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["run", *map(str, arguments)])


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory, tiny_onnx: Path) -> Path:
    """A TOML whose files lie beside it, below it and above it."""
    from mixnet_export.lowering import find_plan, format_plan
    from mixnet_networks import load_network
    from mixnet_networks.weights import save_weights, seeded_weights

    top = tmp_path_factory.mktemp("campaign")
    for name in ("campaign/nets", "weights", "photos"):
        (top / name).mkdir(parents=True)
    (top / "campaign/nets/tiny.toml").write_text(NETWORK)
    network = load_network(str(top / "campaign/nets/tiny.toml"))
    save_weights(top / "weights/mine.safetensors", seeded_weights(network, 3))
    (top / "weights/anyones.onnx").write_bytes(tiny_onnx.read_bytes())
    plan = format_plan(find_plan("reference", "tflite", precision="float32", target=None))
    (top / "campaign/nets/mine.toml").write_text(plan)
    (top / "campaign/nets/names.txt").write_text("ape\nbee\ncat\ndog\nelk\n")
    (top / "campaign/nets/shown.toml").write_text("mean = [1, 2, 3]\nstd = [9, 9, 9]\n")
    rng = np.random.default_rng(1)
    for index in range(20):
        pixels = rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(top / f"photos/{index:02}.png")
    path = top / "campaign/campaign.toml"
    path.write_text(CAMPAIGN)
    return path


IDENTITY = ("name", "path", "sha256", "origin", "settings", "runtime", "runtime_version", "threads")
"""What of a latency result is not measured."""


def results(folder: Path) -> dict[str, Any]:
    """The documents of a campaign's folder by name, without what is measured."""
    found = {}
    for path in sorted((folder / "results").glob("*.json")):
        document = json.loads(path.read_text().replace(str(folder), "FOLDER"))
        assert document["step"].pop("seconds") >= 0
        if document["step"]["kind"] == "latency":
            document["targets"] = [
                {key: target[key] for key in IDENTITY} for target in document["targets"]
            ]
        found[path.name] = document
    return found


def files(folder: Path) -> dict[str, bytes]:
    paths = [path for path in (folder / "files").rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.mark.long
@pytest.mark.slow
def test_results_are_those_of_one_machine(campaign: Path, tmp_path: Path) -> None:
    alone, together = tmp_path / "alone", tmp_path / "together"
    assert run(campaign, "-o", alone).exit_code == 0
    done = run(campaign, "-o", together, "--dask", "local:2")
    assert done.exit_code == 0, done.output
    assert results(together) == results(alone)
    assert len(results(alone)) > 12
    assert files(together) == files(alone)
    kinds = {name.partition("-")[0] for name in results(alone)}
    assert kinds == {"count", "export", "file", "inspect", "latency", "paper", "parity"}
    assert not list((together / "unfinished").glob("*.tmp"))
    assert " on 0 on 127.0.0.1" in done.stderr or " on 1 on 127.0.0.1" in done.stderr

    again = run(campaign, "-o", together, "--dask", "local:1")
    assert "done before" in again.output
    assert again.exit_code == 0


@pytest.mark.slow
def test_a_failed_step_takes_only_those_along_that_need_it(campaign: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(NETWORK)
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    text = 'networks = ["tiny.toml"]\nfiles = ["bad.onnx"]\ndevices = ["adb:no-such-phone"]\n'
    path = tmp_path / "campaign.toml"
    path.write_text(text + '[latency]\ntogether = "network"\n')
    done = run(path, "-o", tmp_path / "out", "--dask", "local:1", "--json")
    assert done.exit_code == 1
    states = {
        (each["kind"], each["name"]): each["state"] for each in json.loads(done.stdout)["targets"]
    }
    assert states["inspect", "bad.onnx"] == "failed"
    assert states["latency", "tiny on adb:no-such-phone"] == "failed"
    assert states["count", "tiny"] == states["inspect", "tiny tflite float32 default"] == "done"
    assert "no-such-phone" in done.stderr
    assert "/in/" not in done.stderr, "paths are the campaign's, not the worker's"
