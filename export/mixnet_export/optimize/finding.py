"""Finds the large depthwise convolutions of a model, with a reason for those it does not rewrite.

Each is described in full (``Found``): its tensors, the positions of its taps, how its weights are
stored. An operator that is not exactly of a known form is not rewritten.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixnet_common.printable import printable
from mixnet_export.optimize.choosing import FLOAT16, FLOAT32, PER_CHANNEL, PER_TENSOR
from mixnet_export.optimize.document import Document
from mixnet_export.optimize.geometry import Axis, Shape
from mixnet_export.optimize.graph import Graph
from mixnet_export.optimize.padding import zero_pad
from mixnet_export.optimize.values import (
    LeftAloneError,
    are_positive,
    constant,
    scales_of,
    sizes_of,
)
from mixnet_networks.graph.padding import same_padding
from mixnet_runtimes.tflite.words import decoded_text, integers, names_of

DEPTHWISE = "DEPTHWISE_CONV_2D"
ACTIVATIONS = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6")
"""Activations that are the same behind a sum."""

SIZE_LIMIT = 1 << 16
"""Limit of an axis; a larger one is a damaged file."""

KERNEL_LIMIT = 512
"""Limit of a kernel's axis; no known network has a quarter of it."""


@dataclass(frozen=True)
class Found:
    """A large depthwise convolution that can be rewritten."""

    subgraph: int
    operator: int
    pad: int | None
    """The operator that pads its input with zeros only for it, and is absorbed."""
    source: int
    """The tensor that it reads; with ``pad`` the one that is padded."""
    direct_source: int
    """The tensor that the operator itself reads."""
    weights: int
    """The tensor with the values of its weights."""
    bias: int
    """-1 if there is none."""
    output: int
    shape: Shape
    form: str
    """``float32``, ``float16``, ``int8-per-channel`` or ``int8-per-tensor``."""
    has_open_batch: bool
    name: str

    @property
    def is_int8(self) -> bool:
        """Whether it computes in int8."""
        return self.form in (PER_CHANNEL, PER_TENSOR)


@dataclass(frozen=True)
class Left:
    """A large depthwise convolution that is not rewritten."""

    subgraph: int
    operator: int
    name: str
    why: str


def find(document: Document, most_taps: Mapping[str, int]) -> list[Found | Left]:
    """All depthwise convolutions of more taps than fast kernels have, in the order of computing.

    ``most_taps`` says for each form how many those are.
    """
    numbers = range(len(document.model.subgraphs))
    return [each for number in numbers for each in _Finder(document, number).all(most_taps)]


class _Finder:
    """Looks at the operators of one subgraph."""

    def __init__(self, document: Document, number: int) -> None:
        self._graph = Graph(document, number)
        self._activations = names_of(document.schema.ActivationFunctionType)

    def all(self, most_taps: Mapping[str, int]) -> Iterator[Found | Left]:
        """All that is large, in the order of computing."""
        for index, _ in enumerate(self._graph.operators):
            each = self._look_at(index, most_taps)
            if each is not None:
                yield each

    def _look_at(self, index: int, most_taps: Mapping[str, int]) -> Found | Left | None:
        """The operator as what it is; None for one that is not large, or no such convolution."""
        operator = self._graph.operators[index]
        if self._graph.kind(operator) != DEPTHWISE:
            return None
        inputs, outputs = integers(operator.inputs), integers(operator.outputs)
        kernel = sizes_of(self._graph.tensor(inputs[1]))
        if len(kernel) != 4 or kernel[1] * kernel[2] <= min(most_taps.values()):
            return None
        name = printable(decoded_text(self._graph.tensor(outputs[0]).name)) or f"operator {index}"
        try:
            found = self._describe(index, operator, name)
        except LeftAloneError as reason:
            return Left(self._graph.number, index, name, str(reason))
        return found if found.shape.taps > most_taps[found.form] else None

    def _describe(self, index: int, operator: Any, name: str) -> Found:
        inputs, (output, *_) = integers(operator.inputs), integers(operator.outputs)
        source, weights, bias = (*inputs, -1)[:3]
        options = operator.builtinOptions
        if options is None:
            raise LeftAloneError("it has no options")
        form, values = self._form(source, weights, bias, output)
        self._graph.check_fixed(source, output)
        activation = self._activations.get(options.fusedActivationFunction, "an unknown one")
        if activation not in ACTIVATIONS:
            raise LeftAloneError(f"its activation ({activation}) cannot be moved behind a sum")
        shape = self._shape(source, values, output, options)
        pad = zero_pad(self._graph, source)
        return Found(
            subgraph=self._graph.number,
            operator=index,
            pad=None if pad is None else pad.operator,
            source=source if pad is None else pad.source,
            direct_source=source,
            weights=values,
            bias=bias,
            output=output,
            shape=shape if pad is None else pad.taken_into(shape),
            form=form,
            has_open_batch=self._graph.has_open_batch(source, output),
            name=name,
        )

    # What it is made of

    def _form(self, source: int, weights: int, bias: int, output: int) -> tuple[str, int]:
        """The form, and the tensor with the values of the weights."""
        types = [self._graph.type(each) for each in (source, weights, output)]
        if types == ["FLOAT32"] * 3:
            return self._float_form(weights, bias)
        if types == ["INT8"] * 3:
            return self._int8_form(source, weights, bias, output), weights
        if types[0] == "FLOAT32":
            raise LeftAloneError("its weights are integers on float activations (dynamic range)")
        known = {"INT16": "its activations are int16", "UINT8": "it computes in uint8"}
        raise LeftAloneError(known.get(types[0], f"it computes in {types[0].lower()}"))

    def _float_form(self, weights: int, bias: int) -> tuple[str, int]:
        self._check_bias(bias, weights)
        if (producer := self._graph.producers.get(weights)) is None:
            constant(self._graph.model, self._graph.tensor(weights), np.float32)
            return FLOAT32, weights
        decoder = self._graph.operators[producer]
        stored = integers(decoder.inputs)[0] if integers(decoder.inputs) else -1
        if self._graph.kind(decoder) != "DEQUANTIZE" or stored < 0:
            raise LeftAloneError("its weights are computed in the file")
        if self._graph.type(stored) != "FLOAT16":
            raise LeftAloneError("its weights are integers on float activations (weight-only)")
        if sizes_of(self._graph.tensor(stored)) != sizes_of(self._graph.tensor(weights)):
            raise LeftAloneError("its weights change their shape")
        constant(self._graph.model, self._graph.tensor(stored), np.float16)
        return FLOAT16, stored

    def _check_bias(self, bias: int, weights: int) -> None:
        """Raise LeftAloneError unless a float32 bias is constant, or float16 behind DEQUANTIZE."""
        if bias < 0:
            return
        producer, stored = self._graph.producers.get(bias), bias
        dtype: np.dtype[Any] = np.dtype("float32" if producer is None else "float16")
        if producer is not None:
            decoder = self._graph.operators[producer]
            if self._graph.kind(decoder) != "DEQUANTIZE":
                raise LeftAloneError("its bias is computed in the file")
            stored, *_ = integers(decoder.inputs)
        if stored < 0 or self._graph.type(stored) != dtype.name.upper():
            raise LeftAloneError("its bias is of another type")
        values = constant(self._graph.model, self._graph.tensor(stored), dtype)
        if values.size != sizes_of(self._graph.tensor(weights))[3]:
            raise LeftAloneError("its bias does not have one value per channel")

    def _int8_form(self, source: int, weights: int, bias: int, output: int) -> str:
        for tensor, what in ((source, "input"), (output, "output")):
            scales, zeros = scales_of(self._graph.tensor(tensor))
            if len(scales) != 1 or len(zeros) != 1 or not are_positive(scales):
                raise LeftAloneError(f"its {what} does not have exactly one scale")
        constant(self._graph.model, self._graph.tensor(weights), np.int8)
        scales, zeros = scales_of(self._graph.tensor(weights))
        if not len(scales) or not are_positive(scales):
            raise LeftAloneError("its weights have no scales")
        if zeros.any():
            raise LeftAloneError("its weights have zero points")
        if bias >= 0:
            if self._graph.type(bias) != "INT32":
                raise LeftAloneError(f"its bias is {self._graph.type(bias).lower()}")
            values = constant(self._graph.model, self._graph.tensor(bias), np.int32)
            if values.size != sizes_of(self._graph.tensor(weights))[3]:
                raise LeftAloneError("its bias does not have one value per channel")
        if len(scales) == 1:
            return PER_TENSOR
        axis, sizes = (
            self._graph.tensor(weights).quantization.quantizedDimension,
            sizes_of(self._graph.tensor(weights)),
        )
        if axis != 3 or len(scales) != sizes[3]:
            raise LeftAloneError("its scales are not those of its channels")
        return PER_CHANNEL

    def _shape(self, source: int, weights: int, output: int, options: Any) -> Shape:
        sizes, kernel, outputs = (
            sizes_of(self._graph.tensor(each)) for each in (source, weights, output)
        )
        if len(sizes) != 4 or len(outputs) != 4 or min(*sizes, *outputs) < 1:
            raise LeftAloneError("its input or output is not a batch of images of known size")
        if max(*sizes, *outputs) > SIZE_LIMIT:
            raise LeftAloneError(f"a size is above {SIZE_LIMIT:,}")
        if max(kernel[1:3]) > KERNEL_LIMIT:
            raise LeftAloneError(f"its kernel has more than {KERNEL_LIMIT} rows or columns")
        if kernel[3] != sizes[3]:
            raise LeftAloneError("XNNPACK has no depthwise kernel with a depth multiplier")
        if kernel[0] != 1 or outputs[0] != sizes[0] or outputs[3] != sizes[3]:
            raise LeftAloneError("its sizes do not fit each other")
        strides = (options.strideH, options.strideW)
        dilations = (options.dilationHFactor, options.dilationWFactor)
        if min(*strides, *dilations) < 1:
            raise LeftAloneError("a stride or dilation is below 1")
        same = options.padding == self._graph.schema.Padding.SAME
        rows, columns = (
            _axis(sizes[n], outputs[n], kernel[n], strides[n - 1], dilations[n - 1], same)
            for n in (1, 2)
        )
        return Shape(rows, columns, sizes[0], sizes[3])


def _axis(size: int, output: int, kernel: int, stride: int, dilation: int, same: bool) -> Axis:
    """One axis with its padding in an operator. Raises LeftAloneError."""
    reach = (kernel - 1) * dilation + 1
    expected = -(-size // stride) if same else (size - reach) // stride + 1
    if output != expected or expected < 1:
        raise LeftAloneError("the size of its output does not match its padding")
    before = same_padding(size, kernel, stride, dilation)[0] if same else 0
    return Axis(size, output, kernel, stride, dilation, before)
