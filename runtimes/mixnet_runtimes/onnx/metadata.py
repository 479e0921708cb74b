"""Text metadata of ``.onnx`` files, including ours on integer inputs and outputs.

A file may come from anyone: values are used only if they are possible.
"""

from collections.abc import Mapping
from typing import Any

from mixnet_common import MixnetError, UsageError
from mixnet_common.json_object import LEAST, JsonObject, WrongValueError
from mixnet_common.readers import parse_json

QUANTIZATION_KEY = "mixnet.quantization"
"""Metadata of a file with integer inputs or outputs: a JSON object that gives ``scale`` and
``zero_point`` by the tensor's name."""

HINT = "the file is damaged; write it again"

MOST_SCALE = 3.5e38
"""Runtimes keep scales in float32."""

Parameters = Mapping[str, tuple[float, int]]
"""Scale and zero point by tensor."""


def decoded_text(raw: Any) -> str:
    """A text of a protobuf, which is bytes if it is not UTF-8."""
    return raw.decode(errors="replace") if isinstance(raw, bytes) else str(raw)


def metadata_of(model: Any) -> dict[str, str]:
    """A ModelProto's metadata, as text."""
    return {decoded_text(each.key): decoded_text(each.value) for each in model.metadata_props}


def read_quantization(metadata: Mapping[str, str], where: str) -> Parameters:
    """Scale and zero point by tensor; empty if a file does not contain them.

    Raises MixnetError that begins with ``where`` and names the key for anything that is none.
    """
    text = metadata.get(QUANTIZATION_KEY)
    if text is None:
        return {}
    place = f"{where}: its metadata {QUANTIZATION_KEY}"
    try:
        tensors = JsonObject(parse_json(text, place))
        return {name: _parameters(tensors.at(name)) for name in tensors.value}
    except UsageError as error:
        raise MixnetError(error.message, HINT) from error
    except WrongValueError as error:
        raise MixnetError(f"{place}: {error}", HINT) from error


def _parameters(tensor: JsonObject) -> tuple[float, int]:
    return (
        tensor.number("scale", LEAST, MOST_SCALE),
        tensor.whole("zero_point", -(2**31), 2**32 - 1),
    )
