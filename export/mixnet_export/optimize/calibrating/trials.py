"""The runs of ``optimize --calibrate``, in a process that may crash.

The images set the ranges of an operator's tiles, and on all of them its int8 tiles are compared
with the original operator. Then the whole file is compared.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_export.optimize.calibrating.ranges import Extent, Extents, order_of
from mixnet_export.optimize.calibrating.running import (
    FloatParts,
    Shown,
    int8_part,
    rewritten,
)
from mixnet_export.optimize.comparing import sqnr
from mixnet_export.optimize.document import Document, read_document
from mixnet_export.optimize.finding import Found, find
from mixnet_export.optimize.rewriting import Requantized, Rewriting
from mixnet_export.optimize.tflite_file import considered, most_taps
from mixnet_export.optimize.values import scales_of
from mixnet_runtimes.child_process import Tell
from mixnet_runtimes.targets import find_target
from mixnet_runtimes.tflite.interpreters import find_runtime
from mixnet_runtimes.tflite.words import integers

Array = NDArray[Any]

MOST_STEPS = 1

TO_ORDER = 4
"""Pictures that decide the order of addition."""

LARGEST_RATIO = 200.0
"""Ratio of an accumulator's scale to that of a tile's result; XNNPACK's limit is 256."""

LEAST_SQNR_DB = 33.0
"""SQNR of the file's outputs, or ``SLACK_DB`` less than with float32 tiles, if that is less."""

SLACK_DB = 3.0


@dataclass
class _Trial:
    """An operator with its int8 tiles, and what was seen of them."""

    rewriting: Rewriting
    steps: int = 0
    differing: float = 0.0
    runs: int = 0
    why: str = ""
    """Why the tiles stay in float32; empty if they need not."""

    def see(self, right: Array, got: Array) -> None:
        """Compare one run."""
        away = np.abs(right.astype(np.int16) - got.astype(np.int16))
        self.steps = max(self.steps, int(away.max(initial=0)))
        self.differing += float((away > 0).mean())
        self.runs += 1
        if self.steps > MOST_STEPS:
            self.why = f"int8 tiles differ by {self.steps} steps"

    @property
    def share(self) -> float:
        """Share of values that differ."""
        return self.differing / max(self.runs, 1)


def measure(request: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """For each requested operator: ``order`` and ``scales``, or ``why`` not; the SQNR."""
    runtime, _ = find_runtime(None)
    tell("calibrating the tiles of", runtime.name)
    document = replace(read_document(Path(request["path"])), path=Path(request["original"]))
    pictures: Array = np.load(request["pictures"], mmap_mode="r")
    target = find_target(request["target"])
    known = {
        (each.subgraph, each.operator): each
        for each in find(document, most_taps(target))
        if isinstance(each, Found)
    }
    floats = [_rewriting(known[place, number], target) for place, number in request["rewritten"]]
    wanted = [floats[number] for number in request["wanted"]]
    trials = _tried(document, wanted, pictures)
    tell("comparing the outputs of", runtime.name)
    _hold_outputs(document, floats, dict(zip(request["wanted"], trials, strict=True)), pictures)
    return {"trials": [_described(each) for each in trials]}


def _rewriting(found: Found, target: Any) -> Rewriting:
    rewriting, _ = considered(found, target)
    assert rewriting is not None
    return replace(rewriting, requantized=None)


def _described(trial: _Trial) -> dict[str, Any]:
    given = trial.rewriting.requantized
    assert given is not None or trial.why
    seen = {"why": trial.why, "steps": trial.steps, "share": trial.share}
    if given is None or trial.why:
        return seen
    return {**seen, "order": given.order, "scales": given.scales}


# Each operator alone


def _tried(document: Document, wanted: Sequence[Rewriting], pictures: Array) -> list[_Trial]:
    shown = Shown(document, [t for each in wanted for t in (each.source, each.found.output)])
    extents = _extents(document, wanted, pictures, shown)
    trials = [
        _Trial(replace(each, requantized=_requantized(document, each, extent)))
        for each, extent in zip(wanted, extents, strict=True)
    ]
    for trial in trials:
        trial.why = _too_fine(document, trial.rewriting)
    parts = [None if each.why else int8_part(document, each.rewriting) for each in trials]
    for picture in pictures:
        seen = shown.run(picture)
        for trial, part in zip(trials, parts, strict=True):
            if not trial.why and part is not None:
                (got,) = part.run(seen[trial.rewriting.source])
                trial.see(seen[trial.rewriting.found.output], got)
    return trials


def _extents(
    document: Document, wanted: Sequence[Rewriting], pictures: Array, shown: Shown
) -> list[Extents]:
    """The ranges of tiles and sums."""
    parts = [FloatParts(document, each) for each in wanted]
    first = [[Extent() for _ in each.choice.tiles] for each in wanted]
    for picture in pictures[:TO_ORDER]:
        for number, tiles in _results(wanted, parts, shown.run(picture)):
            for extent, values in zip(first[number], tiles, strict=True):
                extent.take_in(values)
    found = [Extents(order_of(each)) for each in first]
    for picture in pictures:
        for number, tiles in _results(wanted, parts, shown.run(picture)):
            found[number].take_in(tiles, parts[number].bias)
    return found


def _results(
    wanted: Sequence[Rewriting], parts: Sequence[FloatParts], seen: Mapping[int, Array]
) -> Iterator[tuple[int, list[Array]]]:
    for number, (each, part) in enumerate(zip(wanted, parts, strict=True)):
        yield number, part.run(seen[each.source])


def _requantized(document: Document, rewriting: Rewriting, extents: Extents) -> Requantized:
    tensors = document.model.subgraphs[rewriting.found.subgraph].tensors
    (scale, *_), _ = scales_of(tensors[rewriting.found.output])
    return Requantized(extents.order, extents.scales(float(scale)))


def _too_fine(document: Document, rewriting: Rewriting) -> str:
    """Why a runtime may refuse the scales; empty if it accepts them."""
    given = rewriting.requantized
    assert given is not None
    tensors = document.model.subgraphs[rewriting.found.subgraph].tensors
    (scale, *_), _ = scales_of(tensors[rewriting.found.direct_source])
    weights, _ = scales_of(tensors[rewriting.found.weights])
    tiles = given.scales[: len(given.order)]
    finest = min((each for each, _ in tiles), default=float("inf"))
    if float(scale * weights.max()) > LARGEST_RATIO * finest:
        return "the scales of its int8 tiles are out of proportion"
    return ""


# The whole file


def _hold_outputs(
    document: Document, floats: Sequence[Rewriting], trials: Mapping[int, _Trial], pictures: Array
) -> None:
    """Give up int8 tiles, those that differ most first, until all outputs are near enough."""
    outputs = integers(document.model.subgraphs[0].outputs)
    right = _outputs(document, outputs, pictures)
    now = {n for n, trial in trials.items() if not trial.why}
    least = min(LEAST_SQNR_DB, _sqnr(document, floats, outputs, right, pictures) - SLACK_DB)
    while now:
        mixed = [trials[n].rewriting if n in now else each for n, each in enumerate(floats)]
        found = _sqnr(document, mixed, outputs, right, pictures)
        if found >= least:
            return
        worst = sorted(now, key=lambda number: trials[number].share)[len(now) // 2 :]
        for number in worst:
            trials[number].why = f"with int8 tiles the outputs have an SQNR of {found:.0f} dB"
        now -= set(worst)


def _outputs(document: Document, outputs: Sequence[int], pictures: Array) -> list[Array]:
    shown = Shown(document, outputs)
    runs = [shown.run(each) for each in pictures]
    return [np.stack([_real(document, t, run[t]) for run in runs]) for t in outputs]


def _real(document: Document, tensor: int, values: Array) -> Array:
    """Values less what means zero, as far as SQNR is concerned."""
    _, zeros = scales_of(document.model.subgraphs[0].tensors[tensor])
    return values.astype(np.float64) - (zeros[0] if len(zeros) else 0)


def _sqnr(
    document: Document,
    rewritings: Sequence[Rewriting],
    outputs: Sequence[int],
    right: Sequence[Array],
    pictures: Array,
) -> float:
    """The least SQNR of the outputs of the file with these rewritings."""
    content = rewritten(document, rewritings)
    made = replace(
        document, content=content, model=document.schema.ModelT.InitFromPackedBuf(content)
    )
    got = _outputs(made, outputs, pictures)
    found = [sqnr(one, other) for one, other in zip(right, got, strict=True)]
    return min((each for each in found if each is not None), default=float("inf"))
