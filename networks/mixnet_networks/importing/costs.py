"""The measured cost of computing a network with other settings than its weights were trained for.

The oracle computes both on the sample image with these weights; no file is involved.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_networks.graph.reference import evaluate
from mixnet_networks.images.picture import PICTURE_SIZE, picture_input
from mixnet_networks.network import Network

PALE = 0.5
"""The picture is made paler: on itself seeded statistics let the mean of every feature vanish."""

Arrays = Mapping[str, NDArray[Any]]


def difference(network: Network, meant: Network, weights: Arrays) -> float:
    """The error of a network's logits, relative to the largest intended one.

    NaN where the weights give no numbers.
    """
    size = min(network.resolution, PICTURE_SIZE)
    found, expected = (
        _logits(each.at(resolution=size, batch=1), weights) for each in (network, meant)
    )
    with np.errstate(all="ignore"):
        largest = float(np.abs(expected).max())
        return float(np.abs(found - expected).max()) / largest if largest > 0 else math.nan


def with_conventions(network: Network, padding: str, epsilon: float) -> Network:
    """The same network, padded and normalised in another way."""
    changed = replace(network.architecture, padding=padding, epsilon=epsilon)
    return replace(network, architecture=changed)


def words(share: float) -> str:
    """A difference as text in a message.

    >>> words(0.2349), words(float("nan"))
    ('23 % of the largest logit on the sample image', 'an unknown amount')
    """
    if not math.isfinite(share):
        return "an unknown amount"
    percent = f"{100 * share:.0f}" if share >= 0.1 else f"{100 * share:.2g}"
    return f"{percent} % of the largest logit on the sample image"


def _logits(network: Network, weights: Arrays) -> NDArray[Any]:
    image = picture_input(network.resolution, network.preprocessing) * np.float32(PALE)
    with np.errstate(all="ignore"):
        values = evaluate(network.graph, dict(weights), {network.graph.inputs[0].name: image})
    return np.asarray(values[network.graph.outputs[0]])
