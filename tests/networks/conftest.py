"""What several of these tests need: small networks, arrays for every weight of a graph."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mixnet_networks.graph import Graph

sys.path.append(str(Path(__file__).parent))  # for ``foreign``

Arrays = dict[str, NDArray[np.float64]]


@pytest.fixture
def write_toml(tmp_path: Path) -> Callable[[str], str]:
    """Writes a network of one's own and returns its path."""

    def write(text: str, name: str = "mine.toml") -> str:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def random_weights() -> Callable[[Graph], Arrays]:
    """Random float64 arrays for a graph; variances are positive, as a batch norm needs them."""

    def draw(graph: Graph) -> Arrays:
        random = np.random.default_rng(0)
        return {
            name: np.abs(random.normal(size=shape)) + 0.5
            if role.endswith("variance")
            else random.normal(size=shape)
            for name, _, role, shape in graph.parameters()
        }

    return draw
