"""Replaces large depthwise convolutions by tiles and their sums."""

from collections.abc import Sequence
from typing import Any

from mixnet_export.optimize.editing import (
    Editor,
    GraphEditor,
    empty_unused_buffers,
    used_buffers,
)
from mixnet_export.optimize.float_tiles import FloatTiles
from mixnet_export.optimize.int8_tiles import Int8Tiles
from mixnet_export.optimize.rewriting import Rewriting


def rewrite(model: Any, schema: Any, rewritings: Sequence[Rewriting]) -> list[list[Any]]:
    """Change a model in place; for each rewriting the operators that came."""
    before = used_buffers(model)
    editor = Editor(model, schema)
    made: dict[tuple[int, int], list[Any]] = {}
    for number in sorted({each.found.subgraph for each in rewritings}):
        graph = GraphEditor(editor, number)
        floats: dict[int, int] = {}
        for each in rewritings:
            if each.found.subgraph == number:
                tiles = FloatTiles if each.requantized is None else Int8Tiles
                tiles(graph, each, floats).build()
        for place, operators in enumerate(graph.finish()):
            made[number, place] = operators
    empty_unused_buffers(model, before)
    return [made[each.found.subgraph, each.found.operator] for each in rewritings]
