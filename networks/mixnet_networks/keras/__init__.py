"""Our networks as Keras models, to train or fine-tune, and MDConv as a layer for any model.

Nothing here exports or reads files: Keras's files are read without Keras by
``mixnet_networks.importing.keras_files``. Importing this package imports Keras, whose backend must
be chosen before, by the variable ``KERAS_BACKEND``.
"""

from mixnet_common.errors import install_hint

try:
    import keras as _keras  # noqa: F401 - only to say what is missing where it is
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "mixnet_networks.keras needs Keras and one of its backends, jax or tensorflow; "
        + install_hint("mixnet-mobile[keras]"),
        name=error.name,
    ) from error

from mixnet_networks.keras.layers import GroupedConv2D, MDConv
from mixnet_networks.keras.model import build_keras_model
from mixnet_networks.keras.variables import set_weights_from, weights_from

__all__ = ["GroupedConv2D", "MDConv", "build_keras_model", "set_weights_from", "weights_from"]
