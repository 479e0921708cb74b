"""Runs the patterns one after another, each on the result of the one before."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mixnet_export.optimize.decisions import ALL, Decisions
from mixnet_export.optimize.document import Document, fresh_model
from mixnet_export.optimize.editing import (
    Editor,
    GraphEditor,
    empty_unused_buffers,
    used_buffers,
)
from mixnet_export.optimize.records import LeftAlone
from mixnet_export.optimize.regions.region import Region, Site, Stay
from mixnet_export.optimize.regions.table import PATTERNS
from mixnet_runtimes.targets import Target
from mixnet_runtimes.tflite.pack import pack

Origins = list[list[int]]
"""For each subgraph, of each operator the place of the original's operator that it came from."""


@dataclass(frozen=True)
class Stage:
    """The result of one pattern."""

    before: Document
    after: Document
    regions: tuple[Region, ...]
    origins: Origins
    """Origins in the file before."""


@dataclass(frozen=True)
class Stages:
    """The results of all patterns, in order."""

    stages: tuple[Stage, ...]
    last: Document
    """The file as the last one left it."""
    origins: Origins
    left: tuple[LeftAlone, ...]

    def numbered(self) -> Iterator[tuple[Region, tuple[int, ...]]]:
        """All regions, each with the places of its operators in the original."""
        for stage in self.stages:
            for region in stage.regions:
                origins = stage.origins[region.subgraph]
                yield region, tuple(sorted({origins[place] for place in region.operators}))


def rewrite_regions(document: Document, target: Target, decisions: Decisions = ALL) -> Stages:
    """Apply every pattern to a file, in the order of the table, where decisions allow it."""
    origins = [list(range(len(each.operators or ()))) for each in document.model.subgraphs]
    stages: list[Stage] = []
    left: list[LeftAlone] = []
    current = document
    for find in PATTERNS.values():
        found = find(current, target)
        left += [
            LeftAlone(e.subgraph, origins[e.subgraph][e.operator], e.name, e.why)
            for e in found
            if isinstance(e, Stay)
        ]
        sites = [each for each in found if isinstance(each, Site)]
        whys = [decisions.why_not(each.region.pattern, each.region.name) for each in sites]
        pairs = list(zip(sites, whys, strict=True))
        left += [_left(each.region, why, origins) for each, why in pairs if why]
        sites = [each for each, why in pairs if not why]
        if not sites:
            continue
        after, moved = rewrite_sites(current, sites, origins)
        stages.append(Stage(current, after, tuple(each.region for each in sites), origins))
        origins = moved
        current = after
    return Stages(tuple(stages), current, origins, tuple(left))


def _left(region: Region, why: str, origins: Origins) -> LeftAlone:
    place = origins[region.subgraph][region.operators[0]]
    return LeftAlone(region.subgraph, place, region.name, f"{region.pattern}: {why}")


def rewrite_sites(
    document: Document, sites: Sequence[Site], origins: Origins
) -> tuple[Document, Origins]:
    """A file with some regions rewritten, and where its operators came from."""
    model = fresh_model(document)
    before = used_buffers(model)
    editor = Editor(model, document.schema)
    moved = list(origins)
    for number in sorted({each.region.subgraph for each in sites}):
        graph = GraphEditor(editor, number)
        sources = {id(each): place for place, each in enumerate(graph.graph.operators)}
        for each in sites:
            if each.region.subgraph == number:
                for place in each.region.operators:
                    graph.remove(place)
                each.build(graph)
        for place, operators in enumerate(graph.finish()):
            sources.update((id(each), place) for each in operators)
        moved[number] = [origins[number][sources[id(each)]] for each in graph.graph.operators]
    empty_unused_buffers(model, before)
    content = pack(document.schema, model)
    return replace(document, content=content, model=model), moved
