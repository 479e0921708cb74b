"""A whole ``.onnx`` file in memory, including weights in files beside it."""

from pathlib import Path
from typing import Any

from mixnet_common import MixnetError
from mixnet_common.readers import show
from mixnet_runtimes.onnx import external_data
from mixnet_runtimes.onnx.file import read_model


def load(path: Path) -> Any:
    """The ModelProto of a file: checked, its nodes sorted, all weights in it.

    Raises MixnetError if it is broken, or weights are missing or lie elsewhere.
    """
    from onnx.external_data_helper import load_external_data_for_model

    model = read_model(path)
    if external_data.files(path, model):
        try:
            load_external_data_for_model(model, str(path.parent))
        except Exception as error:  # onnx's checks of paths raise several kinds
            raise MixnetError(f"cannot read the weights beside {show(path)}: {error}") from error
    return model
