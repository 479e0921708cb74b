"""Reads and sets the weights of a Keras model under the names in our graphs.

Works on a model from ``build_keras_model`` and on any model that contains one. It only changes
layers with weights of ours: augmentation, normalisation and optimizers do not change.
"""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from mixnet_common import MixnetError
from mixnet_networks.keras.split_convolution import SplitConvolution
from mixnet_networks.weights import Weights, describe_problems

ROLES = {
    "kernel": "kernel",
    "bias": "bias",
    "gamma": "gamma",
    "beta": "beta",
    "moving_mean": "mean",
    "moving_variance": "variance",
}
"""Keras's name of a variable to ours."""

KINDS = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.Dense,
    keras.layers.BatchNormalization,
)
"""Keras's own layers that have weights in our networks."""


def weights_from(model: Any) -> Weights:
    """All weights of a model, as float32, named as in the graph."""
    return {
        name: np.array(keras.ops.convert_to_numpy(variable.value), np.float32)
        for name, variable in _variables(model).items()
    }


def set_weights_from(model: Any, weights: Weights) -> None:
    """Assign all weights of a model, named as in the graph.

    Raises MixnetError, before anything is assigned, unless names and shapes are the model's own.
    """
    variables = _variables(model)
    problems = {
        "missing": sorted(variables.keys() - weights.keys()),
        "surplus": sorted(weights.keys() - variables.keys()),
        "misshaped": [
            f"{name} {weights[name].shape} for {tuple(variable.shape)}"
            for name, variable in variables.items()
            if name in weights and weights[name].shape != tuple(variable.shape)
        ],
    }
    if found := describe_problems(problems):
        raise MixnetError(
            f"the weights do not fit the Keras model {model.name}: {found}",
            "for another number of classes, build the model with new_head=True",
        )
    for name, variable in variables.items():
        variable.assign(weights[name])


def _variables(model: Any) -> dict[str, Any]:
    return {
        f"{layer.name}.{role}": variable
        for layer in _layers(model)
        for role, variable in _named(layer)
    }


def _layers(model: Any) -> Iterator[Any]:
    """All layers of a model, those of models within it too."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _layers(layer)
        else:
            yield layer


def _named(layer: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(layer, SplitConvolution):
        yield from layer.named_variables().items()
    elif isinstance(layer, KINDS):
        yield from ((ROLES[variable.name], variable) for variable in layer.weights)
