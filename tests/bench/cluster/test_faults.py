"""SIGKILL of a worker, the scheduler or the client: nothing is lost and nothing counted twice."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from cluster_kit import Lab, Processes, free_port, slow_images, wait_for

COUNT = 32
SHARD = 8

Pair = tuple[Path, Path]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images that take a fifth of a second each, so that shards can be interrupted."""
    return slow_images(tmp_path_factory.mktemp("slow") / "images", COUNT, 1400)


@pytest.fixture(scope="module")
def plain(pair: Pair, images: Path) -> Any:
    return finished(subprocess.run(words(pair, images), capture_output=True, check=False))


def words(pair: Pair, images: Path, *options: object) -> list[str]:
    program = [sys.executable, "-m", "mixnet_bench", "parity", "--json"]
    return [*program, *map(str, (*pair, "--data", images, *options))]


def finished(done: "subprocess.CompletedProcess[bytes]") -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["targets"]


def images_in(state: Path) -> Counter[int]:
    if not state.exists():
        return Counter()
    lines = [json.loads(each) for each in state.read_text().split("\n")[1:-1]]
    return Counter(each["image"] for each in lines if "image" in each)


@pytest.mark.slow
def test_a_killed_worker_costs_only_its_shards(
    pair: Pair, images: Path, plain: Any, tmp_path: Path, started: Processes
) -> None:
    lab, state = Lab(started, free_port()), tmp_path / "state"
    victim, _ = lab.worker("--name", "victim"), lab.worker("--name", "other")
    client = subprocess.Popen(
        words(pair, images, "--dask", lab.address, "--state", state),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    wait_for(lambda: len(images_in(state)) >= SHARD)
    started.kill(victim)
    assert len(images_in(state)) < COUNT
    output, errors = client.communicate(timeout=120)
    assert client.returncode == 0, errors
    assert json.loads(output)["targets"] == plain
    assert images_in(state) == dict.fromkeys(range(COUNT), 1)


@pytest.mark.long
def test_a_killed_scheduler_is_said_and_the_same_command_goes_on(
    pair: Pair, images: Path, plain: Any, tmp_path: Path, started: Processes
) -> None:
    port, state = free_port(), tmp_path / "state"
    lab = Lab(started, port)
    lab.worker()
    command = words(pair, images, "--dask", lab.address, "--state", state)
    client = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for(lambda: len(images_in(state)) >= SHARD)
    started.kill(lab.scheduler)
    _, errors = client.communicate(timeout=60)
    assert client.returncode == 1
    assert b"connection to the Dask scheduler is lost" in errors
    assert b"the same command goes on" in errors
    assert b"Traceback" not in errors
    before = images_in(state)
    assert set(before.values()) == {1}
    assert SHARD <= len(before) < COUNT

    again = Lab(started, port)
    again.worker()
    done = subprocess.run(command, capture_output=True, check=False, timeout=120)
    assert finished(done) == plain
    assert f"{len(before)} of {COUNT} images are already in".encode() in done.stderr
    assert images_in(state) == dict.fromkeys(range(COUNT), 1)


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_client_leaves_no_process_and_the_same_command_goes_on(
    number: signal.Signals, pair: Pair, images: Path, plain: Any, tmp_path: Path, started: Processes
) -> None:
    state = tmp_path / "state"
    command = words(pair, images, "--dask", "local:2", "--state", state)
    client = started.start(command)
    wait_for(lambda: len(images_in(state)) >= SHARD)
    assert len(members(client.pid)) > 1
    os.killpg(client.pid, number) if number == signal.SIGINT else client.send_signal(number)
    client.wait(30)
    wait_for(lambda: not members(client.pid))
    assert "Traceback" not in started.said(client)
    assert 0 < len(images_in(state)) < COUNT

    done = subprocess.run(command, capture_output=True, check=False, timeout=120)
    assert finished(done) == plain
    assert images_in(state) == dict.fromkeys(range(COUNT), 1)


def members(group: int) -> list[int]:
    """The processes of a group that still run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found
