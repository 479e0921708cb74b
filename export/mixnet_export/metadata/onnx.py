"""The metadata of an ``.onnx`` file: entries of ``metadata_props``, which every runtime returns."""

from pathlib import Path

from mixnet_export.metadata.card import (
    LABELS_KEY,
    PREPROCESSING_KEY,
    ModelMetadata,
    preprocessing_of,
    preprocessing_text,
)
from mixnet_networks.labels import parse_labels


def describe_onnx(content: bytes, card: ModelMetadata) -> bytes:
    """The file with its card in it."""
    import onnx

    model = onnx.load_from_string(content)
    entries = {each.key: each.value for each in model.metadata_props}
    if card.preprocessing is not None:
        entries[PREPROCESSING_KEY] = preprocessing_text(card.preprocessing)
    if card.labels:
        entries[LABELS_KEY] = "\n".join(card.labels)
    model.doc_string = card.description
    onnx.helper.set_model_props(model, entries)
    return bytes(model.SerializeToString())


def read_onnx_card(path: Path) -> ModelMetadata:
    """The card of a file. Raises MixnetError if the file or its metadata is broken."""
    from mixnet_runtimes.onnx.file import read_model
    from mixnet_runtimes.onnx.metadata import decoded_text, metadata_of

    model = read_model(path)
    entries = metadata_of(model)
    said = entries.get(PREPROCESSING_KEY)
    return ModelMetadata(
        decoded_text(model.graph.name),
        decoded_text(model.doc_string),
        None if said is None else preprocessing_of(said, str(path)),
        parse_labels(entries.get(LABELS_KEY, "")),
    )
