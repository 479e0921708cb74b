"""Finds ``both_formats``; the large networks as files, each written once for all tests."""

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))


@pytest.fixture(scope="session")
def written() -> Callable[[str, str], bytes]:
    """The content of a shipped network's file, seed 0, in the literal form: name, format."""
    from mixnet_export.lowering import Model, lower
    from mixnet_export.writers import FORMATS
    from mixnet_networks import load_network
    from mixnet_networks.weights import seeded_weights

    @cache
    def lowered(name: str) -> Model:
        network = load_network(name)
        return lower(Model(network.graph, seeded_weights(network)), "reference")

    @cache
    def write(name: str, form: str) -> bytes:
        return FORMATS[form].write(lowered(name))

    return write
