"""How large a network may be: refused before any array is made, with what it would take."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from mixnet_common import UsageError
from mixnet_common.memory import check_memory, usable_memory
from mixnet_networks import load_network, network_names
from mixnet_networks.graph.sizes import size_of

HEAD = 'source = "a test"\nclasses = 5\n'
ROW = "[[stages]]\nout = 8\nkernels = [3]\n"
CELL = '["sep7", 0, "sep5", 1]' + ', ["sep7", 1, "sep5", 2]' * 31
TOO_LARGE = {
    "rows and blocks": (
        HEAD + "stem = { channels = 8 }\n" + (ROW + "blocks = 1000\n") * 100,
        "its rows have 100,000 blocks in total, and the limit is 2,500",
    ),
    "blocks": (
        HEAD + "stem = { channels = 8 }\n" + ROW + "blocks = 1000\nexpand = 2\nse = 0.5\n",
        "would have 15,003 operators or more, and its export would take 14.5 min",
    ),
    "cells": (
        HEAD + "stem = { channels = 8 }\n"
        '[[stages]]\nblock = "cell"\ncell = "a"\nout = 8\nblocks = 1000\n'
        f"[cells.a]\nnodes = [{CELL}]\nconcat = [33]\n",
        "operators or more, and its export would take ",
    ),
    "stem": (
        HEAD + "stem = { channels = 65536, kernel = 255 }\n" + ROW,
        "stem.conv alone would take 51 GB",
    ),
    "expansion": (
        HEAD + "stem = { channels = 2048 }\n" + ROW + "expand = 100\nse = 1\n",
        "the weights would take ",
    ),
    "kernels": (
        HEAD + "resolution = 8192\nstem = { channels = 24, stride = 1 }\n"
        "[[stages]]\nout = 8\nkernels = [255]\n",
        "one inference would take 69.9 min",
    ),
    "maps": (
        HEAD + "resolution = 8192\nstem = { channels = 64, stride = 1 }\n" + ROW,
        "stem.conv alone would take 17 GB",
    ),
    "classes": (
        'source = "a test"\nclasses = 1_000_000\nstem = { channels = 8 }\n'
        "head = { channels = 65536 }\n" + ROW,
        "the classifier alone would take 262 GB",
    ),
    "the list of a cell": (
        HEAD + 'stem = { channels = 8 }\n[[stages]]\nblock = "cell"\ncell = "a"\nout = 8\n'
        f'[cells.a]\nnodes = [["sep3", 0, "sep3", 1]]\nconcat = [{", ".join(["2"] * 1000)}]\n',
        "'concat' must be a list of 1 to 32 nodes",
    ),
}


@pytest.mark.parametrize(("text", "said"), TOO_LARGE.values(), ids=TOO_LARGE)
def test_a_file_s_network_that_nothing_could_hold_is_refused_at_once(
    text: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "large.toml"
    path.write_text(text)
    start = time.monotonic()
    with pytest.raises(UsageError) as caught:
        load_network(str(path))
    assert said in caught.value.message
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("name", network_names())
def test_what_ships_is_far_from_the_bounds(name: str) -> None:
    graph = load_network(name, resolution=1024).graph
    size = size_of(graph)
    assert len(graph.nodes) < 1000
    assert 10_000_000 < size.weight_bytes < 300_000_000


def test_the_costs_of_a_small_network_are_right(tmp_path: Path) -> None:
    path = tmp_path / "small.toml"
    path.write_text(HEAD + "resolution = 8\nstem = { channels = 8, stride = 1 }\n" + ROW)
    size = size_of(load_network(str(path)).graph)
    # stem 3*3*3*8, depthwise 3*3*8, project 8*8, three norms of 4*8, classifier 8*5 + 5
    assert size.weight_bytes == 4 * (216 + 72 + 64 + 3 * 32 + 45)
    assert (size.heaviest.name, size.heaviest_bytes) == ("stem.conv", 4 * 216)
    assert size.largest_elements == 8 * 8 * 8
    assert size.macs == 64 * (216 + 72 + 64) + 40


def test_weights_that_the_machine_cannot_hold_are_refused_before_they_are_drawn(
    tmp_path: Path,
) -> None:
    path = tmp_path / "wide.toml"
    path.write_text(HEAD + "resolution = 8\nstem = { channels = 32768, stride = 1 }\n" + ROW)
    code = (
        "import resource, sys\n"
        "from mixnet_networks import load_network\n"
        "from mixnet_networks.weights import seeded_weights\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))\n"
        "seeded_weights(load_network(sys.argv[1]))\n"
    )
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "UsageError: running wide takes at least " in done.stderr
    assert "2.1 GB are available" in done.stderr


def test_memory_is_refused_only_where_there_is_less() -> None:
    usable = usable_memory()
    assert usable is not None
    assert usable > 10**8
    check_memory(usable, "this", "")
    with pytest.raises(UsageError, match=r"^this takes at least .* of memory.* available"):
        check_memory(usable + 1, "this", "")
