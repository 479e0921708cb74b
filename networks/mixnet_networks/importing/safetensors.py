"""Arrays from a ``.safetensors`` file, with numpy only: reading one never executes code."""

from pathlib import Path

from mixnet_networks.importing.record import Content
from mixnet_networks.importing.unweighted import is_weight
from mixnet_networks.weights import read_arrays


def read(path: Path) -> Content:
    """All weights of the file as float32. Raises MixnetError if it is damaged."""
    return Content(read_arrays(path, is_weight))
