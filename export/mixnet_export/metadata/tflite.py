"""The metadata of a ``.tflite`` file, in the form that TFLite's and MediaPipe's libraries read.

It has three parts: a buffer ``TFLITE_METADATA`` with normalisation and shapes, a zip archive after
the model with the labels, and a buffer of our own with what that schema cannot express: how images
are cropped and resized.
"""

import io
import tomllib
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from importlib import import_module, resources
from pathlib import Path
from typing import Any

import numpy as np

from mixnet_common import MixnetError
from mixnet_export.metadata import schema
from mixnet_export.metadata.card import (
    PREPROCESSING_KEY,
    ModelMetadata,
    preprocessing_of,
    preprocessing_text,
)
from mixnet_networks.architecture import Preprocessing
from mixnet_networks.labels import MOST_BYTES, Labels, parse_labels
from mixnet_runtimes.tflite.half_precision import ALLOWED as FP16_ALLOWED
from mixnet_runtimes.tflite.half_precision import KEY as FP16_KEY
from mixnet_runtimes.tflite.pack import gather_buffers, pack

METADATA_KEY = "TFLITE_METADATA"
RUNTIME_KEY = "min_runtime_version"
LABELS_FILE = "labels.txt"

PARSER_VERSION = "1.0.0"
"""The first version of the metadata's schema; it has everything that is used here."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""A zip archive's earliest time: equal labels make equal bytes."""

_NO_ARCHIVE = (zipfile.BadZipFile, zlib.error, EOFError)


def describe_tflite(content: bytes, card: ModelMetadata) -> bytes:
    """The file with its card in it."""
    tables = import_module("ai_edge_litert.schema_py_generated")
    model = tables.ModelT.InitFromPackedBuf(content)
    encoded = schema.encode(_metadata(model, card))
    entries = {METADATA_KEY: encoded}
    if card.preprocessing is not None:
        entries[PREPROCESSING_KEY] = preprocessing_text(card.preprocessing).encode()
    if version := min_runtime_version(model, tables):
        entries[RUNTIME_KEY] = version.encode().ljust(16, b"\0")
    if card.fp16:
        entries[FP16_KEY] = FP16_ALLOWED.encode()
    gather_buffers(model, content)
    _set_entries(model, tables, entries)
    return pack(tables, model) + _archive(card.labels)


def read_tflite_card(path: Path) -> ModelMetadata:
    """The card of anyone's file. Raises MixnetError if the file or its metadata is broken."""
    from mixnet_runtimes.tflite.file import read_model

    model, data = read_model(path)
    found = [each for each in model.metadata or () if each is not None]
    entries = {_text(each.name): _buffer(model, each) for each in found}
    try:
        values = schema.decode(entries[METADATA_KEY]) if METADATA_KEY in entries else {}
    except schema.SchemaError as error:
        raise MixnetError(
            f"{path}: its {METADATA_KEY} cannot be read: {error}", "write the file again"
        ) from error
    if PREPROCESSING_KEY in entries:
        text = entries[PREPROCESSING_KEY].decode(errors="replace")
        preprocessing: Preprocessing | None = preprocessing_of(text, str(path))
    else:
        preprocessing = _normalisation(values, str(path))
    name, description = (str(values.get(key, "")) for key in ("name", "description"))
    fp16 = entries.get(FP16_KEY, b"").startswith(FP16_ALLOWED.encode())
    return ModelMetadata(name, description, preprocessing, _labels(values, data, path), fp16)


def min_runtime_version(model: Any, tables: Any) -> str:
    """The first runtime that knows every operator of a ModelT; empty if one is unlisted."""
    file = resources.files("mixnet_export.metadata").joinpath("runtime_versions.toml")
    known = tomllib.loads(file.read_text(encoding="utf-8"))
    names = {value: name for name, value in vars(tables.BuiltinOperator).items()}
    int8 = any(each.type == tables.TensorType.INT8 for each in model.subgraphs[0].tensors)
    found: list[str] = []
    for code in model.operatorCodes:
        name = names.get(max(code.builtinCode, code.deprecatedBuiltinCode), "")
        versions = known.get(f"{name}:{code.version}", known.get(name))
        if versions is None:
            return ""
        found.append(versions[int8])
    return max(found, key=lambda version: [int(part) for part in version.split(".")])


# Writing


def _metadata(model: Any, card: ModelMetadata) -> dict[str, Any]:
    graph, (signature,) = model.subgraphs[0], model.signatureDefs
    image, *outputs = (_text(port.name) for port in (*signature.inputs, *signature.outputs))
    shape = graph.tensors[graph.inputs[0]].shape
    tensors = {
        "input_tensor_metadata": [_image(image, shape, card.preprocessing)],
        "output_tensor_metadata": [_output(name, card.labels) for name in outputs],
    }
    return {
        "name": card.name,
        "description": card.description,
        "subgraph_metadata": [tensors],
        "min_parser_version": PARSER_VERSION,
    }


def _image(name: str, shape: Any, preprocessing: Preprocessing | None) -> dict[str, Any]:
    _, height, width, channels = (int(size) for size in shape)
    size = {"width": width, "height": height}
    space = schema.GRAYSCALE if channels == 1 else schema.RGB
    properties = {"color_space": space, "default_size": size}
    described = {
        "name": name,
        "description": "the image, after preprocessing",
        "content": {"content_properties": ("ImageProperties", properties)},
    }
    if preprocessing is None:
        return described
    mean, std = preprocessing.mean, preprocessing.std
    if len(set(mean)) == len(set(std)) == 1:  # MediaPipe takes no more than one number
        mean, std = mean[:1], std[:1]
    ends = [[(end - m) / s for m, s in zip(mean, std, strict=True)] for end in (255, 0)]
    return described | {
        "process_units": [{"options": ("NormalizationOptions", {"mean": mean, "std": std})}],
        "stats": {"max": ends[0], "min": ends[1]},
    }


_OUTPUTS = {
    "boxes": "raw boxes, a row an anchor: what its decoding takes",
    "scores": "raw scores, a row an anchor: the sigmoid of each is its class's probability",
}
"""The outputs of a detector; any other output is a classifier's."""


def _output(name: str, labels: Labels) -> dict[str, Any]:
    logits = "logits: their softmax is the probability of each class"
    described: dict[str, Any] = {"name": name, "description": _OUTPUTS.get(name, logits)}
    if labels and name != "boxes":
        described["associated_files"] = [
            {
                "name": LABELS_FILE,
                "description": "the class of each logit",
                "type": schema.TENSOR_AXIS_LABELS,
            }
        ]
    return described


def _set_entries(model: Any, tables: Any, entries: Mapping[str, bytes]) -> None:
    """Put named buffers into a ModelT, replacing older ones of the same names."""
    kept = [each for each in model.metadata or () if _text(each.name) not in entries]
    for name, content in entries.items():
        buffer, entry = tables.BufferT(), tables.MetadataT()
        buffer.data = np.frombuffer(content, np.uint8)
        model.buffers.append(buffer)
        entry.name, entry.buffer = name, len(model.buffers) - 1
        kept.append(entry)
    model.metadata = kept


def _archive(labels: Labels) -> bytes:
    """The labels as a zip archive, stored; it is found from its end, so it may follow a model."""
    if not labels:
        return b""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(LABELS_FILE, _EPOCH), "\n".join(labels) + "\n")
    return stream.getvalue()


# Reading


def _normalisation(values: Mapping[str, Any], where: str) -> Preprocessing | None:
    """Mean and deviation as other writers give them; crop and interpolation stay the usual ones."""
    image = next(iter(_tensors(values, "input_tensor_metadata")), {})
    for unit in image.get("process_units", ()):
        member, options = unit.get("options", ("", {}))
        if member == "NormalizationOptions" and {"mean", "std"} <= options.keys():
            table = {
                key: options[key] * (3 // max(1, len(options[key]))) for key in ("mean", "std")
            }
            return preprocessing_of(table, where)
    return None


def _labels(values: Mapping[str, Any], data: bytes, path: Path) -> Labels:
    outputs = _tensors(values, "output_tensor_metadata")
    files = [file for output in outputs for file in output.get("associated_files", ())]
    names = [each.get("name") for each in files if each.get("type") == schema.TENSOR_AXIS_LABELS]
    if not names or not names[0]:
        return ()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open(names[0]) as file:
            text = file.read(MOST_BYTES)
        return parse_labels(text.decode())
    except (*_NO_ARCHIVE, KeyError, RuntimeError, ValueError, OSError) as error:
        raise MixnetError(
            f"{path}: its labels cannot be read: {error}", "write the file again, or give --labels"
        ) from error


def _tensors(values: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
    """The metadata of the first subgraph's inputs or outputs."""
    return [
        tensor for graph in values.get("subgraph_metadata", ())[:1] for tensor in graph.get(key, ())
    ]


def _buffer(model: Any, entry: Any) -> bytes:
    if not 0 <= entry.buffer < len(model.buffers):
        return b""
    data = model.buffers[entry.buffer].data
    return b"" if data is None else bytes(bytearray(data))


def _text(raw: bytes | str | None) -> str:
    return raw.decode(errors="replace") if isinstance(raw, bytes) else raw or ""
