"""Normalisation as a layer of the model, which then takes pixels from 0 to 255.

Applications then need no constants, and MediaPipe, which supports only one mean and one deviation
for all channels, can run a network with one per channel. It is a 1x1 depthwise convolution of the
image, not a change of the stem's weights: there, the padding's zeros would no longer be the mean.
"""

import numpy as np

from mixnet_export.lowering.model import Model, Rewriter
from mixnet_networks.architecture import Preprocessing

NAME = "normalise"


def take_pixels(model: Model, preprocessing: Preprocessing) -> Model:
    """The model behind (pixel - mean) / std, under the same names of inputs and outputs."""
    rewriter = Rewriter(model)
    (image,) = model.graph.inputs
    mean, std = np.array(preprocessing.mean), np.array(preprocessing.std)
    weights = {"kernel": (1 / std).reshape(1, 1, -1, 1), "bias": -mean / std}
    normalised = rewriter.add(
        "depthwise_conv2d", NAME, image.name, weights, kernel=(1, 1), bias=True
    )
    rewriter.replace((image.name,), normalised)
    for node in model.graph.nodes:
        rewriter.keep(node)
    return rewriter.finish()
