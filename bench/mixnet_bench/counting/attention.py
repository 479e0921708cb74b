"""The multiply-adds of attention operators, from their sizes. Pure.

Every query is multiplied by every key, and the resulting weights by every value: batch × queries ×
keys × (width of the keys + width of the values), with the widths of all heads together. Masks do
not matter: elements hidden by a causal mask are counted too. If an operator also projects its
input, that product is added.
"""

from mixnet_bench.counting.operands import Operands, UnknownError
from mixnet_bench.counting.products import matmul


def _products(batch: int, queries: int, keys: int, key_width: int, value_width: int) -> int:
    return batch * queries * keys * (key_width + value_width)


def standard(operands: Operands) -> int:
    """ONNX's Attention: Q, K, V of (batch, heads, length, size) or (batch, length, heads·size)."""
    query, key, value = (operands.sizes(position) for position in range(3))
    past = operands.sizes(4)[2] if operands.has(4) else 0
    if len(query) == 4:
        batch, heads, queries, size = query
        return _products(batch, queries, key[2] + past, heads * size, heads * value[3])
    batch, queries, width = query
    heads, groups = operands.whole("q_num_heads"), operands.whole("kv_num_heads")
    if not heads or not groups:
        raise UnknownError("its number of heads is not given")
    return _products(batch, queries, key[1] + past, width, value[2] // groups * heads)


def projected(operands: Operands, past: int = 4) -> int:
    """onnxruntime's Attention and QAttention: the input is projected to queries, keys, values."""
    batch, length, _ = operands.sizes(0)
    weights = operands.sizes(1)
    widths = operands.wholes("qkv_hidden_sizes") or (weights[-1] // 3,) * 3
    if operands.whole("past_present_share_buffer"):
        raise UnknownError("the fill level of its buffer is known only when it runs")
    keys = length + (operands.sizes(past)[3] if operands.has(past) else 0)
    attended = _products(batch, length, keys, widths[0], widths[2])
    return matmul(operands.sizes(0), weights, False, False) + attended


def quantized_projected(operands: Operands) -> int:
    """QAttention: as Attention, with its past elsewhere."""
    return projected(operands, past=8)


def multi_head(operands: Operands) -> int:
    """onnxruntime's MultiHeadAttention: also with keys, or all three, packed into one tensor."""
    query = operands.sizes(0)
    past = operands.sizes(6)[2] if operands.has(6) else 0
    if len(query) == 5:  # (batch, length, heads, 3, size)
        batch, length, heads, _, size = query
        return _products(batch, length, length + past, heads * size, heads * size)
    batch, queries, width = query
    key = operands.sizes(1)
    if len(key) == 5:  # (batch, length, heads, 2, size)
        return _products(batch, queries, key[1] + past, width, width)
    if len(key) == 4:  # (batch, heads, length, size), of an encoder
        values = operands.sizes(2)
        return _products(batch, queries, key[2] + past, width, values[1] * values[3])
    return _products(batch, queries, key[1] + past, width, operands.sizes(2)[-1])


def grouped(operands: Operands) -> int:
    """onnxruntime's GroupQueryAttention, whose keys are in a buffer longer than they are."""
    batch, queries, width = operands.sizes(0)
    if not operands.has(1):  # queries, keys and values in one
        heads, groups = operands.whole("num_heads"), operands.whole("kv_num_heads")
        width = width // max(1, heads + 2 * groups) * heads
    total = operands.value(6)
    if total is not None:
        keys = int(total)
    elif operands.has(3):
        raise UnknownError("its number of keys is known only when it runs")
    else:
        keys = queries
    return _products(batch, queries, keys, width, width)
