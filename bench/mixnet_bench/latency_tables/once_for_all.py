"""A table in the YAML form of Once-for-all's look-up tables, with their keys. Pure.

Their keys consist of a layer's type and shapes: ``Conv`` for the stem, ``expanded_conv`` for a
block with its expansion, kernel, stride and whether it has a skip, ``Conv_1`` and ``Logits`` for
the head. A block has two keys, one for each of their classes of tables: with the expansion ratio,
and with its channels, squeeze-and-excite and activation. An MDConv's kernels are joined by dots,
which their own networks never have. Values are milliseconds.

Source of the form: mit-han-lab/once-for-all, ``latency_lookup_table.py``.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from mixnet_bench.results.latency_tables import INTERPOLATED, LatencyTable, TableBlock
from mixnet_common.printable import printable


def once_for_all(table: LatencyTable) -> str:
    """The YAML text of a table; blocks that were left out are left out."""
    lines = [
        f"# {printable(table.name)}, timed beside {printable(table.anchor)}"
        f" ({table.anchor_latency_ms:.4g} ms)",
        f"# {printable(table.measured)}",
    ]
    seen = set()
    for block in table.blocks:
        for key in keys_of(block) if block.ratio is not None else ():
            if key not in seen:
                seen.add(key)
                lines += _entry(key, block, table.anchor_latency_ms)
    return "\n".join(lines) + "\n"


def keys_of(block: TableBlock) -> Iterator[str]:
    """The keys under which a block may be looked up."""
    place = block.places[0] if block.places else ""
    kind = {"stem": "Conv", "head conv": "Conv_1", "head logits": "Logits"}.get(place)
    shapes = f"input:{_shape(block.input)}-output:{_shape(block.output)}"
    if kind is not None:
        yield f"{kind}-{shapes}"
        return
    kernel = ".".join(map(str, block.kernels))
    rest = f"kernel:{kernel}-stride:{block.stride}-idskip:{int(block.skip)}"
    expand = block.middle / block.input[-1]
    if expand == int(expand):
        yield f"expanded_conv-{shapes}-expand:{int(expand)}-{rest}"
    more = f"se:{int(block.se)}-hs:{int(block.swish)}"
    yield f"expanded_conv-{shapes}-expand:{block.middle}-{rest}-{more}"


def _shape(shape: Sequence[int]) -> str:
    """Height, width and channels, or classes; of one image."""
    return "x".join(map(str, shape[1:]))


def _entry(key: str, block: TableBlock, anchor_ms: float) -> list[str]:
    assert block.ratio is not None
    launches = anchor_ms * np.exp(block.log_ratios or [np.log(block.ratio)])
    variance = float(np.var(launches, ddof=1)) if len(launches) > 1 else 0.0
    note = "  # interpolated" if block.how == INTERPOLATED else ""
    return [
        f"{key}:{note}",
        f"  count: {len(block.log_ratios)}",
        f"  mean: {anchor_ms * block.ratio!r}",
        f"  var: {variance!r}",
    ]
