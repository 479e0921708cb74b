"""Output sizes of onnxruntime's own operators (com.microsoft) that have no standard equivalent.

Each function takes the sizes of a node's inputs, None if unknown or omitted, and returns those of
its outputs as far as they follow. Pure.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Sizes = list[int | None]
Known = Sequence[Sizes | None]
Attributes = Mapping[str, Any]


def _same(inputs: Known, _attributes: Attributes) -> list[Sizes | None]:
    return [inputs[0]]


def _skip(inputs: Known, _attributes: Attributes) -> list[Sizes | None]:
    """The sum that is normalized is the fourth output."""
    return [inputs[0], None, None, inputs[0]]


def _embedding(inputs: Known, _attributes: Attributes) -> list[Sizes | None]:
    ids, table = inputs[0], inputs[2]
    if ids is None or table is None:
        return [None]
    embedded = [*ids, table[-1]]
    return [embedded, ids[:1], embedded]


def _product(inputs: Known, attributes: Attributes) -> list[Sizes | None]:
    first = _turned(inputs[0], attributes.get("transA", 0), attributes.get("transBatchA", 0))
    second = _turned(inputs[1], attributes.get("transB", 0), attributes.get("transBatchB", 0))
    if first is None or second is None:
        return [None]
    longer, shorter = sorted((first[:-2], second[:-2]), key=len, reverse=True)
    return [[*_broadcast(longer, shorter), first[-2], second[-1]]]


def _turned(sizes: Sizes | None, turned: int, batches_last: int) -> Sizes | None:
    """A factor as (batches, rows, columns)."""
    if sizes is None or len(sizes) < 2:
        return None
    rows, columns, batches = sizes[-2], sizes[-1], sizes[:-2]
    if batches_last:
        rows, batches = sizes[0], sizes[1:-1]
    return [*batches, columns, rows] if turned else [*batches, rows, columns]


def _broadcast(longer: Sizes, shorter: Sizes) -> Sizes:
    padded = [1] * (len(longer) - len(shorter)) + shorter
    return [two if one == 1 else one for one, two in zip(longer, padded, strict=True)]


def _packed_product(inputs: Known, attributes: Attributes) -> list[Sizes | None]:
    data = inputs[0]
    return [None if data is None else [*data[:-1], attributes.get("N")]]


def _gathered(inputs: Known, attributes: Attributes) -> list[Sizes | None]:
    data, places = inputs[0], inputs[1]
    if data is None or places is None:
        return [None]
    axis = attributes.get("gather_axis", 0)
    return [[*data[:axis], *places, *data[axis + 1 :]]]


def _lstm(inputs: Known, attributes: Attributes) -> list[Sizes | None]:
    data, hidden = inputs[0], attributes.get("hidden_size")
    if data is None or len(data) != 3:
        return [None]
    directions = 2 if attributes.get("direction") in (b"bidirectional", "bidirectional") else 1
    state: Sizes = [directions, data[1], hidden]
    return [[data[0], directions, data[1], hidden], state, state]


def _projected(inputs: Known, attributes: Attributes) -> list[Sizes | None]:
    data, weights = inputs[0], inputs[1]
    if data is None or weights is None or weights[-1] is None:
        return [None]
    widths = list(attributes.get("qkv_hidden_sizes") or [weights[-1] // 3] * 3)
    return [[*data[:2], widths[2]]]


def _heads(inputs: Known, _attributes: Attributes) -> list[Sizes | None]:
    query = inputs[0]
    value = inputs[2] if len(inputs) > 2 else None
    if query is None:
        return [None]
    if len(query) == 5:
        return [[*query[:2], _times(query[2], query[4])]]
    if value is None:
        return [query]
    width = _times(value[1], value[3]) if len(value) == 4 else value[-1]
    return [[*query[:2], width]]


def _grouped(inputs: Known, attributes: Attributes) -> list[Sizes | None]:
    query, key = inputs[0], inputs[1] if len(inputs) > 1 else None
    if query is None or key is not None:
        return [query]
    heads, groups = attributes.get("num_heads", 0), attributes.get("kv_num_heads", 0)
    width = query[-1]
    parts = heads + 2 * groups
    return [[*query[:2], None if width is None or not parts else width // parts * heads]]


def _times(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one * other


SHAPES: Mapping[str, Callable[[Known, Attributes], list[Sizes | None]]] = {
    "Attention": _projected,
    "QAttention": _projected,
    "MultiHeadAttention": _heads,
    "GroupQueryAttention": _grouped,
    "FusedMatMul": _product,
    "TransposeMatMul": _product,
    "FusedMatMulActivation": _product,
    "MatMulNBits": _packed_product,
    "MatMulBnb4": _packed_product,
    "GatherBlockQuantized": _gathered,
    "DynamicQuantizeLSTM": _lstm,
    "EmbedLayerNormalization": _embedding,
    "SkipLayerNormalization": _skip,
    "SkipSimplifiedLayerNormalization": _skip,
    "SimplifiedLayerNormalization": _same,
    "RotaryEmbedding": _same,
    "BiasAdd": _same,
    "GroupNorm": _same,
    "SkipGroupNorm": _same,
}
"""com.microsoft operator → the sizes of its outputs. Its outputs have its first input's type, but
for those of integers, whose outputs are real."""
