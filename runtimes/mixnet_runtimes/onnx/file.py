"""Reads an ``.onnx`` file: a protobuf whose nodes name their tensors.

Shapes that the file does not state are inferred (see ``onnx_shapes``). It runs nothing and stores
no weights; of weights in other files, only their paths are read.
"""

from pathlib import Path
from typing import Any

from mixnet_common import MixnetError, UsageError
from mixnet_common.errors import install_hint
from mixnet_common.hashing import sha256
from mixnet_common.readers import show
from mixnet_runtimes import rawfile
from mixnet_runtimes.contents import FileContents
from mixnet_runtimes.faults import ModelError
from mixnet_runtimes.onnx import check as onnx_check
from mixnet_runtimes.onnx import contents as onnx_contents
from mixnet_runtimes.onnx import external_data
from mixnet_runtimes.onnx import functions as onnx_functions
from mixnet_runtimes.onnx import shapes as onnx_shapes
from mixnet_runtimes.onnx.metadata import read_quantization

UNSORTED = "its nodes are not in order; they are counted in the order of execution"


def read(path: Path, signature: str | None = None, content: bytes | None = None) -> FileContents:
    """Read the graphs of an ``.onnx`` file.

    ``content`` is described in the file's place, where it was rewritten in memory. Raises
    MixnetError if it is broken, UsageError for a signature, which the format has not.
    """
    if signature is not None:
        raise UsageError(
            f"{path.name} has no signature {signature!r}", "only .tflite files have signatures"
        )
    data = rawfile.load(path)
    model, was_unsorted = _load(path, data if content is None else content)
    warnings = [UNSORTED] if was_unsorted else []
    warnings += external_data.missing(path, model)
    external_data.take_small(path, model)
    stated = onnx_contents.stated_shapes(model)
    try:
        numbers = onnx_shapes.infer(model)
    except ModelError as fault:
        raise rawfile.broken(path, str(fault)) from fault
    contents = onnx_contents.describe_onnx(
        model, stated, numbers, sha256(data), len(data), tuple(warnings)
    )
    scales = read_quantization(contents.metadata, show(path))
    return onnx_contents.with_scales(contents, scales)


def read_model(path: Path, content: bytes | None = None) -> Any:
    """The ModelProto of a file: checked, functions inlined, nodes sorted. Raises MixnetError.

    ``content`` stands in the file's place.
    """
    return _load(path, rawfile.load(path) if content is None else content)[0]


def _load(path: Path, data: bytes) -> tuple[Any, bool]:
    """The model, and whether its nodes were out of order."""
    try:
        import onnx
    except ImportError as error:
        what = f"reading {path} needs onnx, which is not installed"
        raise MixnetError(what, install_hint("onnx")) from error
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # protobuf's DecodeError, which has no typed home
        raise rawfile.broken(path, "it is not the protobuf of an ONNX model") from error
    if not model.graph.node or not model.graph.output or not model.opset_import:
        raise rawfile.broken(path, "it contains no graph")
    try:
        onnx_check.check_text(model)
        model = onnx_functions.inline(model)
        changed = onnx_check.check_model(model)
    except ModelError as fault:
        raise rawfile.broken(path, str(fault)) from fault
    return model, changed
