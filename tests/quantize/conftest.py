"""A small network with everything in it that a MixNet has, as float32 files."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from mixnet_export.lowering import Model, lower
from mixnet_export.writers import FORMATS
from mixnet_networks import Network, load_network
from mixnet_networks.images.picture import picture
from mixnet_networks.weights import seeded_weights
from mixnet_quantize.settings import Settings

DEFAULT = Settings()

LITTLE = """
title = "A little MixNet"
source = "a test"
resolution = 48
classes = 50
stem = { channels = 16 }
head = { channels = 256 }
stages = [
  { out = 24, kernels = [3], expand = 3, expand_groups = 2, project_groups = 2, stride = 2 },
  { out = 24, kernels = [3, 5, 7], expand = 6, se = 0.5, activation = "swish" },
]
"""


@pytest.fixture(scope="session")
def little(tmp_path_factory: pytest.TempPathFactory) -> Network:
    path = tmp_path_factory.mktemp("network") / "little.toml"
    path.write_text(LITTLE)
    return load_network(str(path))


@pytest.fixture(scope="session")
def model(little: Network) -> Model:
    """The little network, lowered to the literal form."""
    return lower(Model(little.graph, seeded_weights(little)), "reference")


@pytest.fixture(scope="session")
def float32(model: Model) -> Callable[[str], bytes]:
    """The little network's float32 file, by format."""
    return cache(lambda form: FORMATS[form].write(model))


@pytest.fixture(scope="session")
def inputs(little: Network) -> list[NDArray[np.float32]]:
    """Eight different cuts of the picture, (1, h, w, 3), from -1 to 1."""
    pixels = picture(96).astype(np.float32) / 127.5 - 1
    corners = [(y, x) for y in (0, 16, 32, 48) for x in (5, 40)]
    return [np.ascontiguousarray(pixels[None, y : y + 48, x : x + 48]) for y, x in corners]


@pytest.fixture(scope="session")
def quantized(
    float32: Callable[[str], bytes], inputs: list[NDArray[np.float32]]
) -> Callable[..., bytes]:
    """The little network's int8 file, calibrated on all inputs, by format and settings."""

    @cache
    def quantize(form: str, settings: Settings = DEFAULT) -> bytes:
        kind = FORMATS[form]
        samples = (kind.from_nhwc(each) for each in inputs)
        return kind.quantize(float32(form), "image", samples, settings)

    return quantize
