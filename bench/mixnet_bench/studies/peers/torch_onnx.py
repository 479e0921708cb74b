"""timm's networks through PyTorch's two ONNX exporters.

``torch.onnx.export`` now traces by dynamo; the older exporter traces TorchScript and made most
existing files.
"""

import tempfile
from pathlib import Path
from typing import Any

from mixnet_bench.studies.peers.registry import FileRequest
from mixnet_bench.studies.peers.timm_models import timm_model


def make(order: FileRequest) -> bytes:
    """A float32 ``.onnx`` file of timm's model by today's exporter, all its weights inside."""
    return _export(order, dynamo=True, external_data=False)


def make_legacy(order: FileRequest) -> bytes:
    """The same by the TorchScript exporter."""
    return _export(order, dynamo=False)


def _export(order: FileRequest, **options: Any) -> bytes:
    import torch

    model, example = timm_model(order.network)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "model.onnx")
        torch.onnx.export(model, (example,), str(path), **options)
        return path.read_bytes()
