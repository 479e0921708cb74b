"""Tensors of a file that is run on images, and parts of it that are run on those tensors."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_export.optimize.building import rewrite
from mixnet_export.optimize.document import Document, fresh_model
from mixnet_export.optimize.extracting import extract
from mixnet_export.optimize.interpreting import invoke, open_interpreter
from mixnet_export.optimize.rewriting import Rewriting
from mixnet_export.optimize.values import constant, scales_of
from mixnet_quantize.tflite.edit import with_outputs
from mixnet_runtimes.tflite.pack import pack
from mixnet_runtimes.tflite.words import integers

Array = NDArray[Any]


class Shown:
    """A file that shows tensors of its main graph; a delegate computes them as it always does."""

    def __init__(self, document: Document, tensors: Sequence[int]) -> None:
        self._document = document
        own = integers(document.model.subgraphs[0].outputs)
        wanted = dict.fromkeys([*own, *tensors])
        entries = set(integers(document.model.subgraphs[0].inputs))
        content = with_outputs(document.content, [t for t in wanted if t not in entries])
        self._tensors = tuple(dict.fromkeys(tensors))
        self._interpreter = open_interpreter(document, content=content)

    def run(self, values: Array) -> dict[int, Array]:
        """The values of tensors for an input."""
        (entry, *_) = self._interpreter.get_input_details()
        self._interpreter.set_tensor(entry["index"], values)
        invoke(self._interpreter, self._document)
        return {tensor: self._interpreter.get_tensor(tensor) for tensor in self._tensors}


class Part:
    """Some operators between two tensors, opened."""

    def __init__(self, document: Document, content: bytes) -> None:
        self._document = document
        self._interpreter = open_interpreter(document, content=content)

    def run(self, values: Array) -> list[Array]:
        """Their outputs for an input."""
        (entry,) = self._interpreter.get_input_details()
        self._interpreter.set_tensor(entry["index"], values)
        invoke(self._interpreter, self._document)
        details = self._interpreter.get_output_details()
        return [self._interpreter.get_tensor(each["index"]) for each in details]


class FloatParts:
    """The outputs of each tile of a rewriting in float32, without the bias."""

    def __init__(self, document: Document, rewriting: Rewriting) -> None:
        model, found = fresh_model(document), rewriting.found
        (operators,) = rewrite(model, document.schema, [rewriting])
        tensors = [
            integers(each.outputs)[0]
            for each in operators
            if each.builtinOptionsType == document.schema.BuiltinOptions.DepthwiseConv2DOptions
        ]
        content = extract(model, document.schema, found.subgraph, [rewriting.source], tensors)
        self._part = Part(document, content)
        self.bias = _real_bias(document, rewriting)

    def run(self, values: Array) -> list[Array]:
        """The tiles' results in order; the first one's bias is taken off."""
        first, *others = self._part.run(values)
        return [first - self.bias, *others]


def _real_bias(document: Document, rewriting: Rewriting) -> Array:
    found, tensors = rewriting.found, document.model.subgraphs[rewriting.found.subgraph].tensors
    if found.bias < 0:
        return np.zeros(found.shape.channels, np.float32)
    steps = constant(document.model, tensors[found.bias], np.int32).astype(np.float64)
    (scale, *_), _ = scales_of(tensors[found.direct_source])
    weights, _ = scales_of(tensors[found.weights])
    real: Array = (steps * scale * weights).astype(np.float32)
    return real


def int8_part(document: Document, rewriting: Rewriting) -> Part:
    """The replacement of an operator, opened."""
    model, found = fresh_model(document), rewriting.found
    rewrite(model, document.schema, [rewriting])
    ends = ([rewriting.source], [found.output])
    return Part(document, extract(model, document.schema, found.subgraph, *ends))


def rewritten(document: Document, rewritings: Sequence[Rewriting]) -> bytes:
    """The whole file with some operators rewritten."""
    model = fresh_model(document)
    rewrite(model, document.schema, rewritings)
    return pack(document.schema, model)
