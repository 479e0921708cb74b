"""The purpose of a profile's operators: depthwise by kernel, 1×1, SE, swish, data movement.

Two tables map an operator's kind to its family and its properties to its category; SE and swish are
recognized by the shape of the graph, so that any file can be used. Pure.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from mixnet_runtimes import FileContents, Operator, OperatorTime, Profile

Kernel = tuple[int, ...]
"""Height and width."""

FAMILIES = {
    "convolution": (
        "CONV_2D DEPTHWISE_CONV_2D TRANSPOSE_CONV Conv FusedConv NhwcConv NhwcFusedConv"
        " QLinearConv ConvInteger ConvTranspose"
    ),
    "dense": (
        "FULLY_CONNECTED BATCH_MATMUL Gemm FusedGemm MatMul FusedMatMul QGemm QLinearMatMul"
        " MatMulInteger DynamicQuantizeMatMul MatMulIntegerToFloat"
    ),
    "swish": "HARD_SWISH HardSwish QuickGelu Swish",
    "sigmoid": "LOGISTIC Sigmoid QLinearSigmoid",
    "multiply": "MUL Mul QLinearMul",
    "add": "ADD ADD_N Add Sum QLinearAdd",
    "subtract": "SUB Sub",
    "activation": (
        "RELU RELU6 RELU_0_TO_1 RELU_N1_TO_1 PRELU LEAKY_RELU ELU GELU TANH SOFTMAX Relu Clip"
        " LeakyRelu PRelu Elu Gelu Tanh Softmax HardSigmoid QLinearLeakyRelu QLinearSoftmax"
    ),
    "pool": (
        "MEAN SUM AVERAGE_POOL_2D MAX_POOL_2D GlobalAveragePool AveragePool MaxPool ReduceMean"
        " ReduceSum QLinearGlobalAveragePool QLinearAveragePool QLinearReduceMean"
    ),
    "movement": (
        "SPLIT SPLIT_V CONCATENATION SLICE STRIDED_SLICE PAD PADV2 MIRROR_PAD TRANSPOSE RESHAPE"
        " SQUEEZE EXPAND_DIMS GATHER PACK UNPACK Split Concat QLinearConcat Slice Pad Transpose"
        " Reshape Squeeze Unsqueeze Flatten Gather Identity ReorderInput ReorderOutput"
    ),
    "batch norm": "BatchNormalization",
    "types": "QUANTIZE DEQUANTIZE CAST QuantizeLinear DequantizeLinear DynamicQuantizeLinear Cast",
}
"""Kinds of operators, as TFLite, ONNX and onnxruntime call them."""

EVENTS = {
    "Copy": "movement", "Slice": "movement", "Transpose": "movement", "Constant Pad": "movement",
    "Static Reshape": "movement", "Convert": "types",
}  # fmt: skip
"""The same for events that XNNPACK adds itself, by the prefix of their names."""

FAMILY = {kind: family for family, kinds in FAMILIES.items() for kind in kinds.split()}

WEIGHTS = {"QLinearConv": 3}
"""Position of a convolution's weights among its inputs, where it is not 1."""

PIECE = re.compile(r"\.(piece|sum)\d+\b")
"""In the names of our lowering: tiles of a large kernel, and their sums."""


@dataclass(frozen=True)
class Facts:
    """The known properties of an operator."""

    family: str
    kernel: Kernel = ()
    """Kernel of a convolution."""
    depthwise: bool = False
    se: bool = False
    """Part of squeeze-and-excitation: its mean, what computes its gate, and the gate's product."""
    swish: bool = False
    """A sigmoid and the product with its input, or both in one operator."""
    constant: bool = False
    """Computed from one tensor and constants."""
    piece: bool = False
    """A tile of a large kernel."""


@dataclass(frozen=True)
class Category:
    """A row of the table below. It matches an operator that meets all its conditions."""

    label: str
    """``{kernel}`` means height×width."""
    family: str | None = None
    kernel: Kernel | None = None
    depthwise: bool | None = None
    se: bool | None = None
    swish: bool | None = None
    constant: bool | None = None
    piece: bool | None = None

    def takes(self, facts: Facts) -> bool:
        """Whether an operator is of this category; what is None here is not asked."""
        return all(
            value is None or value == getattr(facts, key)
            for key, value in vars(self).items()
            if key != "label"
        )


CATEGORIES = (
    Category("SE", se=True),
    Category("swish", swish=True),
    # onnxruntime makes a depthwise 1×1 convolution of a batch norm that it cannot fold.
    Category("scale and offset", "convolution", kernel=(1, 1), depthwise=True),
    Category("scale and offset", "batch norm"),
    Category("scale and offset", "multiply", constant=True),
    Category("scale and offset", "add", constant=True),
    Category("scale and offset", "subtract", constant=True),
    Category("depthwise {kernel}, pieces", "convolution", depthwise=True, piece=True),
    Category("depthwise {kernel}", "convolution", depthwise=True),
    Category("sums of parts", "add", piece=True),
    Category("convolution 1×1", "convolution", kernel=(1, 1)),
    Category("other convolutions", "convolution"),
    Category("dense", "dense"),
    Category("moving data", "movement"),
    Category("changing types", "types"),
    Category("other activations", "activation"),
    Category("other activations", "sigmoid"),
    Category("residual and other sums", "add"),
    Category("pooling", "pool"),
    Category("rest"),
)
"""The first that matches an operator is its category."""


@dataclass(frozen=True, order=True)
class Label:
    """A displayed category; they are sorted in the order of the table, kernels by their taps."""

    place: int
    taps: int
    text: str

    def __str__(self) -> str:
        """The text alone."""
        return self.text


def categorize(profile: Profile) -> list[Label]:
    """The category of each operator of a profile."""
    graph = Graph(profile.contents)
    return [label_of(graph.facts(each)) for each in profile.operators]


def label_of(facts: Facts) -> Label:
    """The label of the first category that matches it.

    >>> str(label_of(Facts("convolution", kernel=(7, 7), depthwise=True)))
    'depthwise 7×7'
    """
    place = next(place for place, each in enumerate(CATEGORIES) if each.takes(facts))
    kernel = "×".join(str(size) for size in facts.kernel)
    taps = prod(facts.kernel)
    template = CATEGORIES[place].label
    # One label for rows of the table that share it.
    first = next(place for place, each in enumerate(CATEGORIES) if each.label == template)
    return Label(first, taps if "{" in template else 0, template.format(kernel=kernel))


class Graph:
    """The operators of a file, and which of them are SE and swish."""

    def __init__(self, contents: FileContents) -> None:
        self._contents = contents
        self._producers = {
            name: operator for operator in contents.operators for name in operator.outputs
        }
        products = [each for each in contents.operators if FAMILY.get(each.kind) == "multiply"]
        self._se = {name for each in products for name in self._gated(each)}
        self._swish = {name for each in products for name in self._swished(each)}

    def facts(self, time: OperatorTime) -> Facts:
        """The known properties of an operator that ran."""
        operator = time.operator
        if operator is None:
            starts = (family for start, family in EVENTS.items() if time.event.startswith(start))
            return Facts(FAMILY.get(time.kind) or next(starts, ""))
        family = FAMILY.get(operator.kind, "")
        return Facts(
            family=family,
            kernel=self._kernel(operator) if family == "convolution" else (),
            depthwise=family == "convolution" and self._is_depthwise(operator),
            se=operator.name in self._se,
            swish=operator.name in self._swish or family == "swish",
            constant=len(self._computed(operator)) == 1,
            piece=any(PIECE.search(name) for name in (operator.name, *operator.inputs)),
        )

    def _gated(self, product: Operator) -> set[str]:
        """The operators of an SE that ends in this product; none where it ends in none.

        The product of a map and of one number a channel, and what that number was computed by,
        back to the mean over the map.
        """
        computed = self._computed(product)
        gates = [name for name in computed if self._is_point(name)]
        if len(gates) != 1 or len(computed) != 2:
            return set()
        found: set[str] = {product.name}
        pending = gates
        while pending:
            operator = self._producers.get(pending.pop())
            if operator is None or operator.name in found:
                continue
            found.add(operator.name)
            pending += [name for name in self._computed(operator) if self._is_point(name)]
        return found

    def _swished(self, product: Operator) -> set[str]:
        """The names of a product x · sigmoid(x) and of its sigmoid."""
        computed = self._computed(product)
        for name in computed:
            sigmoid = self._producers.get(name)
            if sigmoid is not None and FAMILY.get(sigmoid.kind) == "sigmoid":
                others = [each for each in computed if each != name]
                if others == self._computed(sigmoid):
                    return {product.name, sigmoid.name}
        return set()

    def _computed(self, operator: Operator) -> list[str]:
        """Its inputs that are neither constant nor left out."""
        tensors = [self._contents.tensor(name) for name in operator.inputs]
        return [each.name for each in tensors if each is not None and each.role != "constant"]

    def _is_point(self, name: str) -> bool:
        """True for one number a channel: (N, 1, 1, C), (N, C, 1, 1) or (N, C)."""
        shape = self._shape(name)
        return len(shape) > 1 and prod(shape[1:]) == max(shape[1:])

    def _kernel(self, operator: Operator) -> Kernel:
        if "kernel_shape" in operator.attributes:
            return tuple(operator.attributes["kernel_shape"])
        weights = self._weights(operator)
        return weights[1:3] if self._contents.format == "tflite" else weights[2:]

    def _is_depthwise(self, operator: Operator) -> bool:
        """One input channel for each group, and several groups."""
        if self._contents.format == "tflite":
            return operator.kind == "DEPTHWISE_CONV_2D"
        groups = operator.attributes.get("group", 1)
        return bool(groups > 1 and self._weights(operator)[1:2] == (1,))

    def _weights(self, operator: Operator) -> Kernel:
        position = WEIGHTS.get(operator.kind, 1)
        return self._shape(operator.inputs[position]) if len(operator.inputs) > position else ()

    def _shape(self, name: str) -> Kernel:
        """Sizes of a tensor, none where they are unknown."""
        tensor = self._contents.tensor(name)
        sizes: Mapping[int, int | None] = dict(enumerate((tensor and tensor.shape) or ()))
        known = tuple(size for size in sizes.values() if size is not None)
        return known if len(known) == len(sizes) else ()
