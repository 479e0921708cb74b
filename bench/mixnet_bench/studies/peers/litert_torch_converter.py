"""timm's networks through litert-torch, which converts a PyTorch program to a ``.tflite`` file.

The call is the one in litert-torch's own introduction; its result takes (1, 3, 224, 224) and
transposes it, in less than a hundredth of MixNet-S's time.
"""

import tempfile
from pathlib import Path

from mixnet_bench.studies.peers.registry import FileRequest
from mixnet_bench.studies.peers.timm_models import timm_model


def make(order: FileRequest) -> bytes:
    """A float32 ``.tflite`` file of timm's model."""
    import litert_torch

    model, example = timm_model(order.network)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "model.tflite")
        litert_torch.convert(model, (example,)).export(str(path))
        return path.read_bytes()
