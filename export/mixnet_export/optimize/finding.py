"""Finds the large depthwise convolutions of a model, and says of those it leaves alone why.

What is found is described in full (``Found``): which tensors, how its taps fall, how its weights
are stored. Whatever is not exactly one of the known forms is left alone.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_common.printable import printable
from mixnet_export.optimize.choosing import FLOAT16, FLOAT32, PER_CHANNEL, PER_TENSOR
from mixnet_export.optimize.document import Document
from mixnet_export.optimize.geometry import Axis, Shape
from mixnet_networks.padding import same_padding
from mixnet_runtimes.tflite_words import integers, names_of, text

Array = NDArray[Any]

DEPTHWISE = "DEPTHWISE_CONV_2D"
PADS = ("PAD", "PADV2")
ACTIVATIONS = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6")
"""Activations that are the same behind a sum."""

SIZE_LIMIT = 1 << 16
"""Of an axis; a larger one is a wrong byte in the file."""


class LeftAloneError(Exception):
    """An operator is none of the known forms; the message says why."""


@dataclass(frozen=True)
class Found:
    """A large depthwise convolution that can be rewritten."""

    subgraph: int
    operator: int
    pad: int | None
    """The operator that pads its input with zeros for it alone, and goes with it."""
    source: int
    """The tensor that it reads; with ``pad`` the one that is padded."""
    direct_source: int
    """The tensor that the operator itself reads."""
    weights: int
    """The tensor with the values of its weights."""
    weights_operator: int | None
    """The DEQUANTIZE that makes float32 of float16 weights."""
    bias: int
    """-1 where there is none."""
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
    """A large depthwise convolution that stays as it is."""

    subgraph: int
    operator: int
    name: str
    why: str


def find(document: Document, most_taps: Mapping[str, int]) -> list[Found | Left]:
    """All depthwise convolutions of more taps than fast kernels have, in the order of computing.

    ``most_taps`` says for each form how many those are.
    """
    found: list[Found | Left] = []
    for number in range(len(document.model.subgraphs)):
        finder = _Finder(document, number)
        for index, _ in enumerate(finder.operators):
            each = finder.look_at(index, most_taps)
            if each is not None:
                found.append(each)
    return found


def constant(model: Any, tensor: Any, dtype: Any) -> Array:
    """The values of a constant of this type, in its shape. Raises LeftAloneError where none are."""
    data = model.buffers[tensor.buffer].data
    if data is None or not len(data):
        raise LeftAloneError("its weights are computed in the file")
    if tensor.sparsity is not None:
        raise LeftAloneError("its weights are sparse")
    values = np.frombuffer(np.asarray(data, np.uint8).tobytes(), np.dtype(dtype).newbyteorder("<"))
    sizes = [] if tensor.shape is None else [int(size) for size in tensor.shape]
    if values.size != int(np.prod(sizes, dtype=np.int64)):
        raise LeftAloneError("its weights do not have the bytes of their shape")
    return values.reshape(sizes).astype(dtype)


def scales_of(tensor: Any) -> tuple[Array, Array]:
    """Scales and zero points of a tensor; empty where it is not quantized."""
    given = tensor.quantization
    if given is None or given.scale is None or given.details is not None:
        return np.empty(0), np.empty(0, np.int64)
    scales = np.asarray(given.scale, np.float64).reshape(-1)
    zeros = np.zeros(len(scales)) if given.zeroPoint is None else given.zeroPoint
    return scales, np.asarray(zeros, np.int64).reshape(-1)


class _Finder:
    """Looks at the operators of one subgraph."""

    def __init__(self, document: Document, number: int) -> None:
        self._model, self._schema = document.model, document.schema
        self._number = number
        self._graph = document.model.subgraphs[number]
        self._kinds = document.kinds()
        self._types = names_of(document.schema.TensorType)
        self._activations = names_of(document.schema.ActivationFunctionType)
        self.operators: list[Any] = list(self._graph.operators or ())
        self._producers = {
            int(tensor): index
            for index, operator in enumerate(self.operators)
            for tensor in integers(operator.outputs)
        }
        self._readers = Counter(
            tensor for operator in self.operators for tensor in integers(operator.inputs)
        )
        self._ports = set(_ports(document.model, self._number))
        self._writes = Counter(t for each in self.operators for t in integers(each.outputs))

    def look_at(self, index: int, most_taps: Mapping[str, int]) -> Found | Left | None:
        """The operator as what it is; None for one that is not large, or no such convolution."""
        operator = self.operators[index]
        if self._kinds[operator.opcodeIndex] != DEPTHWISE:
            return None
        inputs, outputs = integers(operator.inputs), integers(operator.outputs)
        kernel = _sizes(self._tensor(inputs[1]))
        if len(kernel) != 4 or kernel[1] * kernel[2] <= min(most_taps.values()):
            return None
        name = printable(text(self._tensor(outputs[0]).name)) or f"operator {index}"
        try:
            found = self._describe(index, operator, name)
        except LeftAloneError as reason:
            return Left(self._number, index, name, str(reason))
        return found if found.shape.taps > most_taps[found.form] else None

    def _describe(self, index: int, operator: Any, name: str) -> Found:
        inputs, (output, *_) = integers(operator.inputs), integers(operator.outputs)
        source, weights, bias = (*inputs, -1)[:3]
        options = operator.builtinOptions
        if options is None:
            raise LeftAloneError("it has no options")
        form, values, decoder = self._form(source, weights, bias, output)
        self._check_fixed(source, output)
        activation = self._activations.get(options.fusedActivationFunction, "an unknown one")
        if activation not in ACTIVATIONS:
            raise LeftAloneError(f"its activation ({activation}) is not the same behind a sum")
        shape = self._shape(source, values, output, options)
        pad, padded = None, self._padding(index, source, options)
        direct_source = source
        if padded is not None:
            pad, source, shape = self._with_pad(padded, shape)
        return Found(
            self._number, index, pad, source, direct_source, values, decoder, bias, output, shape,
            form, self._has_open_batch(source, output), name,
        )  # fmt: skip

    # What it is made of

    def _form(
        self, source: int, weights: int, bias: int, output: int
    ) -> tuple[str, int, int | None]:
        """The form, the tensor with the weights' values, and the DEQUANTIZE before them."""
        types = [self._type(each) for each in (source, weights, output)]
        if types == ["FLOAT32"] * 3:
            return self._float_form(weights, bias)
        if types == ["INT8"] * 3:
            return self._int8_form(source, weights, bias, output), weights, None
        if types[0] == "FLOAT32":
            raise LeftAloneError("its weights are integers on float activations (dynamic range)")
        known = {"INT16": "its activations are int16", "UINT8": "it computes in uint8"}
        raise LeftAloneError(known.get(types[0], f"it computes in {types[0].lower()}"))

    def _float_form(self, weights: int, bias: int) -> tuple[str, int, int | None]:
        if bias >= 0 and self._type(bias) != "FLOAT32":
            raise LeftAloneError(f"its bias is {self._type(bias).lower()}")
        if (producer := self._producers.get(weights)) is None:
            constant(self._model, self._tensor(weights), np.float32)
            return FLOAT32, weights, None
        decoder = self.operators[producer]
        stored = integers(decoder.inputs)[0] if integers(decoder.inputs) else -1
        if self._kinds[decoder.opcodeIndex] != "DEQUANTIZE" or stored < 0:
            raise LeftAloneError("its weights are computed in the file")
        if self._type(stored) != "FLOAT16":
            raise LeftAloneError("its weights are integers on float activations (weight-only)")
        if _sizes(self._tensor(stored)) != _sizes(self._tensor(weights)):
            raise LeftAloneError("its weights change their shape")
        constant(self._model, self._tensor(stored), np.float16)
        return FLOAT16, stored, producer

    def _int8_form(self, source: int, weights: int, bias: int, output: int) -> str:
        for tensor, what in ((source, "input"), (output, "output")):
            scales, zeros = scales_of(self._tensor(tensor))
            if len(scales) != 1 or len(zeros) != 1 or not _positive(scales):
                raise LeftAloneError(f"its {what} has not one scale")
        constant(self._model, self._tensor(weights), np.int8)
        scales, zeros = scales_of(self._tensor(weights))
        if not len(scales) or not _positive(scales):
            raise LeftAloneError("its weights have no scales")
        if zeros.any():
            raise LeftAloneError("its weights have zero points")
        if bias >= 0:
            if self._type(bias) != "INT32":
                raise LeftAloneError(f"its bias is {self._type(bias).lower()}")
            constant(self._model, self._tensor(bias), np.int32)
        if len(scales) == 1:
            return PER_TENSOR
        axis, sizes = (
            self._tensor(weights).quantization.quantizedDimension,
            _sizes(self._tensor(weights)),
        )
        if axis != 3 or len(scales) != sizes[3]:
            raise LeftAloneError("its scales are not those of its channels")
        return PER_CHANNEL

    def _check_fixed(self, source: int, output: int) -> None:
        """Only the batch may be open, and nothing a variable."""
        for tensor in (self._tensor(source), self._tensor(output)):
            if tensor.isVariable:
                raise LeftAloneError("it reads or writes a variable")
            if tensor.sparsity is not None:
                raise LeftAloneError("its input or output is sparse")
        for index in {source, output, *integers(self._graph.inputs)}:
            signature = self._tensor(index).shapeSignature
            if signature is not None and any(int(size) < 0 for size in list(signature)[1:]):
                raise LeftAloneError("its sizes are open (dynamic shapes)")
        if self._writes[output] > 1:
            raise LeftAloneError("its output is written twice")

    def _has_open_batch(self, *tensors: int) -> bool:
        signatures = (self._tensor(index).shapeSignature for index in tensors)
        return any(s is not None and len(s) > 0 and int(s[0]) < 0 for s in signatures)

    def _shape(self, source: int, weights: int, output: int, options: Any) -> Shape:
        sizes, kernel, outputs = (_sizes(self._tensor(each)) for each in (source, weights, output))
        if len(sizes) != 4 or len(outputs) != 4 or min(*sizes, *outputs) < 1:
            raise LeftAloneError("its input or output is no batch of images of known size")
        if max(*sizes, *outputs, *kernel) > SIZE_LIMIT:
            raise LeftAloneError(f"a size is above {SIZE_LIMIT:,}")
        if kernel[3] != sizes[3]:
            raise LeftAloneError("a depth multiplier takes no depthwise kernel in XNNPACK")
        if kernel[0] != 1 or outputs[0] != sizes[0] or outputs[3] != sizes[3]:
            raise LeftAloneError("its sizes do not fit each other")
        strides = (options.strideH, options.strideW)
        dilations = (options.dilationHFactor, options.dilationWFactor)
        if min(*strides, *dilations) < 1:
            raise LeftAloneError("a stride or dilation is below 1")
        same = options.padding == self._schema.Padding.SAME
        rows, columns = (
            _axis(sizes[n], outputs[n], kernel[n], strides[n - 1], dilations[n - 1], same)
            for n in (1, 2)
        )
        return Shape(rows, columns, sizes[0], sizes[3])

    # The PAD before it

    def _padding(self, index: int, source: int, options: Any) -> tuple[int, int, Any] | None:
        """The PAD that writes ``source`` for this operator alone: index, its input, its zeros."""
        producer = self._producers.get(source)
        if producer is None or producer > index:
            return None
        operator = self.operators[producer]
        kind, inputs = self._kinds[operator.opcodeIndex], integers(operator.inputs)
        if kind not in PADS or self._readers[source] != 1 or source in self._ports:
            return None
        try:
            zeros = self._zeros_between(kind, inputs, source)
        except LeftAloneError:
            return None
        return producer, inputs[0], zeros

    def _zeros_between(self, kind: str, inputs: list[int], padded: int) -> Array:
        """The (4, 2) zeros that a PAD puts around images. Raises LeftAloneError for any other."""
        first = inputs[0]
        self._check_fixed(first, padded)
        zeros = self._zeros(inputs[1])
        before, after = _sizes(self._tensor(first)), _sizes(self._tensor(padded))
        if len(before) != 4 or min(before) < 1 or before[0] != after[0]:
            raise LeftAloneError("its padding is none of images")
        fits = [size + sum(pair) for size, pair in zip(before, zeros, strict=True)] == after
        if not fits or zeros[[0, 3]].any() or (zeros < 0).any():
            raise LeftAloneError("its padding is none of rows and columns")
        same = self._type(first) == self._type(padded) and self._equally_quantized(first, padded)
        if not same or (kind == "PADV2" and not self._is_zero(inputs[2], padded)):
            raise LeftAloneError("its padding is not with zeros")
        return zeros

    def _zeros(self, tensor: int) -> Array:
        """The (4, 2) numbers of a PAD."""
        dtype = {"INT32": np.int32, "INT64": np.int64}.get(self._type(tensor))
        if dtype is None or _sizes(self._tensor(tensor)) != [4, 2]:
            raise LeftAloneError("its padding is none of an image")
        return constant(self._model, self._tensor(tensor), dtype)

    def _is_zero(self, tensor: int, padded: int) -> bool:
        """Whether a PADV2 pads with what means zero."""
        dtype = {"FLOAT32": np.float32, "INT8": np.int8}.get(self._type(tensor))
        if dtype is None or self._type(tensor) != self._type(padded):
            return False
        values = constant(self._model, self._tensor(tensor), dtype)
        zeros = scales_of(self._tensor(padded))[1] if dtype == np.int8 else [0]
        return values.size == 1 and len(zeros) == 1 and bool(values.reshape(-1)[0] == zeros[0])

    def _equally_quantized(self, first: int, second: int) -> bool:
        pairs = zip(scales_of(self._tensor(first)), scales_of(self._tensor(second)), strict=True)
        return all(np.array_equal(one, other) for one, other in pairs)

    def _with_pad(self, padding: tuple[int, int, Any], shape: Shape) -> tuple[int, int, Shape]:
        """The convolution as one of what the PAD reads."""
        index, source, zeros = padding
        rows, columns = (
            Axis(
                axis.size - int(sum(zeros[n])), axis.output, axis.kernel, axis.stride,
                axis.dilation, axis.before + int(zeros[n][0]),
            )
            for n, axis in zip((1, 2), shape.axes, strict=True)
        )  # fmt: skip
        return index, source, Shape(rows, columns, shape.batch, shape.channels)

    def _tensor(self, index: int) -> Any:
        return self._graph.tensors[index]

    def _type(self, index: int) -> str:
        number = self._tensor(index).type
        return self._types.get(number, f"TYPE_{number}")


def _axis(size: int, output: int, kernel: int, stride: int, dilation: int, same: bool) -> Axis:
    """One axis with the padding that an operator gives it. Raises LeftAloneError."""
    reach = (kernel - 1) * dilation + 1
    expected = -(-size // stride) if same else (size - reach) // stride + 1
    if output != expected or expected < 1:
        raise LeftAloneError("its output has not the size that its padding gives")
    before = same_padding(size, kernel, stride, dilation)[0] if same else 0
    return Axis(size, output, kernel, stride, dilation, before)


def _ports(model: Any, number: int) -> list[int]:
    """The tensors of a subgraph that others know: inputs, outputs and those of signatures."""
    graph = model.subgraphs[number]
    found = [*integers(graph.inputs), *integers(graph.outputs)]
    for signature in model.signatureDefs or ():
        if signature.subgraphIndex == number:
            ports = [*(signature.inputs or ()), *(signature.outputs or ())]
            found += [int(port.tensorIndex) for port in ports]
    return found


def _positive(scales: Array) -> bool:
    return bool(np.isfinite(scales).all() and (scales > 0).all())


def _sizes(tensor: Any) -> list[int]:
    return integers(tensor.shape)
