"""Times every rewriting of a file separately, in turns with the original operators.

A region or convolution is extracted from the original, and from the file with all rewritings, and
the two run in turns. Equal ones are timed once. The caller provides the timer: this machine or a
phone. Nothing is decided here.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mixnet_common import UsageError
from mixnet_common.intervals import ratio_of
from mixnet_common.temporary import temporary_folder
from mixnet_export.optimize.building import rewrite
from mixnet_export.optimize.decisions import TILES, Measured
from mixnet_export.optimize.document import Document, fresh_model, read_document, reason_to_leave
from mixnet_export.optimize.extracting import extract
from mixnet_export.optimize.figures import why_unknown
from mixnet_export.optimize.finding import Found, find
from mixnet_export.optimize.onnx.measuring import onnx_pairs
from mixnet_export.optimize.pairs import Pair
from mixnet_export.optimize.regions.stages import rewrite_regions
from mixnet_export.optimize.tflite_file import considered, most_taps
from mixnet_runtimes.registry import runtime_name
from mixnet_runtimes.targets import Target
from mixnet_runtimes.tflite.pack import pack
from mixnet_runtimes.tflite.words import integers
from mixnet_runtimes.turns import Pace, log_ratios, time_in_turns

Launches = Sequence[Sequence[Sequence[float]]]

Timer = Callable[[Sequence[bytes]], Launches]
"""Times the contents of files in turns, launch by launch."""

PACE = Pace(launches=5)

CONFIDENCE = 0.95


def check_runtime(path: Path, target: Target) -> str:
    """The name of this machine's runtime, which times for the target.

    Raises UsageError if it follows other rules.
    """
    name = runtime_name(path)
    why = why_unknown(path, target)
    if why:
        raise UsageError(
            f"{why}: measurements here are not valid for it",
            "tune on a machine or phone with that runtime: mixnet-bench tune FILE --on adb",
        )
    return name


def host_timer(suffix: str) -> Timer:
    """A timer on this machine, with one thread."""

    def timed(contents: Sequence[bytes]) -> Launches:
        with temporary_folder() as folder:
            paths = []
            for number, content in enumerate(contents):
                paths.append(folder / f"{number}{suffix}")
                paths[-1].write_bytes(content)
            return time_in_turns(paths, 1, PACE)

    return timed


def pair_groups(path: Path, target: Target) -> list[list[Pair]]:
    """Every rewriting that the target would get, before and after, equal ones together."""
    is_onnx = path.suffix.lower() == ".onnx"
    pairs = onnx_pairs(path, target) if is_onnx else _pairs(read_document(path), target)
    groups: dict[Any, list[Pair]] = {}
    for pair in pairs:
        groups.setdefault(pair.kind, []).append(pair)
    return list(groups.values())


def timed(group: Sequence[Pair], timer: Timer) -> Measured:
    """The time of equal rewritings over that of what is there."""
    first = group[0]
    launches = timer([first.before, first.after])
    found = ratio_of(log_ratios(launches, file=1, to=0), CONFIDENCE)
    names = tuple(each.name for each in group)
    return Measured(first.pattern, names, first.what, found)


@dataclass(frozen=True)
class _Taken:
    """The parts extracted from two files."""

    before: Document
    after: Document

    def pair(
        self, pattern: str, name: str, what: str, place: tuple[int, Sequence[int], Sequence[int]]
    ) -> Pair:
        """The operators between some tensors, of both files."""
        subgraph, sources, outputs = place
        parts = [
            extract(each.model, each.schema, subgraph, sources, outputs)
            for each in (self.before, self.after)
        ]
        tensors = self.before.model.subgraphs[subgraph].tensors
        shapes = [tuple(integers(tensors[each].shape)) for each in (*sources, *outputs)]
        return Pair(pattern, name, what, (pattern, what, *shapes), *parts)


def _pairs(document: Document, target: Target) -> Iterator[Pair]:
    """All rewritings of a ``.tflite`` file, with the operators before and after."""
    if reason_to_leave(document):
        return
    stages = rewrite_regions(document, target)
    final = _tiled(stages.last, target)
    for stage in stages.stages:
        taken = _Taken(_tiled(stage.before, target), final)
        for region in stage.regions:
            place = (region.subgraph, region.sources, region.outputs)
            if _is_there(final, region.subgraph, region.outputs):
                yield taken.pair(region.pattern, region.name, region.what, place)
    taken = _Taken(stages.last, final)
    for found in find(stages.last, most_taps(target)):
        rewriting = considered(found, target)[0] if isinstance(found, Found) else None
        if isinstance(found, Found) and rewriting is not None:
            source = found.direct_source if rewriting.is_whole else found.source
            rows, columns = found.shape.axes
            what = f"{rows.kernel}×{columns.kernel} in {len(rewriting.choice.tiles)} tiles"
            ends = (found.subgraph, [source], [found.output])
            yield taken.pair(TILES, found.name, what, ends)


def _tiled(document: Document, target: Target) -> Document:
    """A file with tiles for all large convolutions that the cost model selects."""
    chosen = [
        rewriting
        for found in find(document, most_taps(target))
        if isinstance(found, Found) and (rewriting := considered(found, target)[0]) is not None
    ]
    if not chosen:
        return document
    model = fresh_model(document)
    rewrite(model, document.schema, chosen)
    return replace(document, model=model, content=pack(document.schema, model))


def _is_there(document: Document, subgraph: int, outputs: Sequence[int]) -> bool:
    """Whether a later pattern has left a region's outputs."""
    graph = document.model.subgraphs[subgraph]
    made = {t for operator in graph.operators for t in integers(operator.outputs)}
    return set(outputs) <= made
