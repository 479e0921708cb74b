"""The public Python API: from a network or a checkpoint to model files and their measurement.

These functions write and check what the command line writes and checks: labels, preprocessing,
provenance, verification. They raise ``MixnetError`` or its subclass ``UsageError``. Everything else
in the packages ``mixnet_*`` is private and may change. ``docs/python.md`` has an example of each.
"""

from mixnet_common.errors import MixnetError, UsageError
from mixnet_common.versions import package_version
from mixnet_mobile.making import export, optimize
from mixnet_mobile.measuring import classify, count, latency, parity
from mixnet_mobile.model_file import ModelFile
from mixnet_mobile.predicting import LatencyPredictor
from mixnet_networks import load_network
from mixnet_networks.weights import seeded_weights

__version__ = package_version("mixnet-mobile")

__all__ = [
    "LatencyPredictor",
    "MixnetError",
    "ModelFile",
    "UsageError",
    "__version__",
    "classify",
    "count",
    "export",
    "latency",
    "load_network",
    "optimize",
    "parity",
    "seeded_weights",
]
