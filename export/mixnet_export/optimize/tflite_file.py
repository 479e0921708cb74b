"""A ``.tflite`` file for ``optimize``: finding, choosing and rewriting, and its verification."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from mixnet_common.versions import package_version
from mixnet_export.optimize.attempt import UNPROVEN, Attempt
from mixnet_export.optimize.building import rewrite
from mixnet_export.optimize.calibrating.pictures import Pictures
from mixnet_export.optimize.calibrating.requantizing import Calibrator, exact_in_int8
from mixnet_export.optimize.choosing import FLOAT32, Choice, choose, costs_of, whole
from mixnet_export.optimize.decisions import INT8_TILES, TILES, Decisions, key_of
from mixnet_export.optimize.document import (
    Document,
    fresh_model,
    read_document,
    reason_to_leave,
    write_document,
)
from mixnet_export.optimize.figures import figures, why_unknown
from mixnet_export.optimize.finding import Found, Left, find
from mixnet_export.optimize.proof import doubts, prove
from mixnet_export.optimize.records import (
    Figures,
    LeftAlone,
    OptimizeResult,
    Rewritten,
    RewrittenRegion,
)
from mixnet_export.optimize.regions.stages import Stages, rewrite_regions
from mixnet_export.optimize.rewriting import Rewriting
from mixnet_runtimes.probing import Use, ask_partitions
from mixnet_runtimes.registry import read_file
from mixnet_runtimes.targets import PRECISIONS, Target
from mixnet_runtimes.tflite import half_precision
from mixnet_runtimes.tflite.half_precision import refuse_unless_float32

DELEGATES = "GPU and NPU delegates may prefer the original file"

IDLE = "--calibrate changed nothing: no int8 convolution has several tiles in float32"

NO_TILES = "no tiles fit it, or only with slices, which an open batch does not allow"


@dataclass(frozen=True)
class _Parts:
    """The rewritings: regions stage by stage, then convolutions."""

    stages: Stages
    chosen: tuple[Rewriting, ...]
    float_because: Mapping[str, str] = field(default_factory=dict)
    """Why tiles of an int8 convolution are not in int8, by name, if images are given."""


class TfliteOriginal:
    """A ``.tflite`` file that was read.

    Raises MixnetError if it is broken, UsageError for float16 of anything but float32.
    """

    recorded = ("mixnet-mobile", "numpy", "ai-edge-litert")

    def __init__(
        self,
        path: Path,
        target: Target,
        *,
        allow_fp16: bool = False,
        calibration: Path | None = None,
    ) -> None:
        self.path, self.target = path, target
        self._document = read_document(path)
        if allow_fp16:
            model, schema = self._document.model, self._document.schema
            refuse_unless_float32(path, model, schema, "--allow-fp16")
        self.reason = reason_to_leave(self._document)
        self._calibrator = None
        if calibration is not None:
            self._calibrator = Calibrator(calibration, self._document, target)
        self._partitions_reason = why_unknown(path, target)

    def figures(self) -> Figures:
        """It in numbers, without its delegate partitions, which a proof counts."""
        return _figures(self._document, None, self._partitions_reason)

    def attempt(self, decisions: Decisions) -> Attempt:
        """The proposed rewritings that decisions allow."""
        if self.reason:
            return Attempt((), (), self.reason, _Parts(Stages((), self._document, [], ()), ()))
        stages = rewrite_regions(self._document, self.target, decisions)
        found = find(stages.last, most_taps(self.target))
        chosen, left = _chosen(found, self.target, stages, decisions)
        keys = [
            *(key_of(each.pattern, each.name) for stage in stages.stages for each in stage.regions),
            *(key_of(TILES, each.found.name) for each in chosen),
        ]
        reason = "" if keys else _nothing(found, decisions)
        why: Mapping[str, str] = {}
        if self._calibrator is not None:
            chosen, why = self._calibrator.requantized(stages.last, chosen, decisions)
            keys += [key_of(INT8_TILES, each.found.name) for each in chosen if each.is_ranged]
        return Attempt(tuple(keys), tuple(left), reason, _Parts(stages, tuple(chosen), why))

    def content(self, attempt: Attempt, *, allow_fp16: bool = False) -> bytes:
        """The bytes of the rewritten file."""
        model = fresh_model(attempt.parts.stages.last)
        rewrite(model, self._document.schema, attempt.parts.chosen)
        if allow_fp16:
            half_precision.allow_fp16(model, self._document.schema)
        made = {
            "original_sha256": self._document.hash,
            "target": self.target.name,
            "mixnet_mobile": package_version("mixnet-mobile"),
        }
        return write_document(self._document, model, made)

    def proven(self, result: OptimizeResult, attempt: Attempt, candidate: Path) -> OptimizeResult:
        """The result with what the proof found. Raises UnprovenError and MixnetError."""
        stages, chosen = attempt.parts.stages, attempt.parts.chosen
        read_file(candidate)
        made = read_document(candidate)
        pictures = None if self._calibrator is None else self._calibrator.pictures
        file = None if pictures is None else candidate.with_name("pictures.npy")
        if pictures is not None and file is not None:
            np.save(file, pictures.inputs)
        taps = most_taps(self.target)
        proof = prove(self.path, candidate, stages.stages, chosen, taps, file)
        reason = self._partitions_reason
        counts = (None, None) if reason else proof.partitions
        pairs = zip(chosen, proof.operators, strict=True)
        costs = [sum(getattr(each.choice, key) for each in chosen) for key in ("cost", "direct")]
        return replace(
            result,
            rewritten=tuple(
                replace(
                    _described(each, seen, stages),
                    requantized=each.requantized is not None,
                    float_because=attempt.parts.float_because.get(each.found.name, ""),
                )
                for each, seen in pairs
            ),
            before=_figures(self._document, counts[0], reason),
            after=_figures(made, counts[1], reason),
            expected_gain=1 - costs[0] / costs[1] if chosen else None,
            outputs=proof.outputs,
            regions=tuple(_regions(stages, proof.regions)),
            warnings=(*self._idle(pictures), *doubts(proof.outputs), DELEGATES),
            pictures=0 if pictures is None else pictures.count,
        )

    def _idle(self, pictures: Pictures | None) -> tuple[str, ...]:
        """The message if images are given but have no effect."""
        return (IDLE,) if self._calibrator is not None and pictures is None else ()

    def counted(self, result: OptimizeResult) -> OptimizeResult:
        """The result with the delegate partitions of the original, where they can be found out."""
        if self._partitions_reason:
            return result
        found = ask_partitions(Use(self.path))
        return replace(
            result, before=_figures(self._document, found.partitions, found.reason or "")
        )


def _chosen(
    found: Sequence[Found | Left], target: Target, stages: Stages, decisions: Decisions
) -> tuple[list[Rewriting], list[LeftAlone]]:
    """The operators to rewrite, and those that are not rewritten."""
    chosen: list[Rewriting] = []
    left = list(stages.left)
    known = {(each.subgraph, each.operator) for each in left}
    for each in found:
        place = stages.origins[each.subgraph][each.operator]
        if isinstance(each, Left) and (each.subgraph, place) in known:
            continue
        why = each.why if isinstance(each, Left) else decisions.why_not(TILES, each.name)
        if isinstance(each, Found) and not why:
            rewriting, why = considered(each, target)
            if rewriting is not None:
                chosen.append(rewriting)
                continue
        left.append(LeftAlone(each.subgraph, place, each.name, why))
    return chosen, left


def considered(found: Found, target: Target) -> tuple[Rewriting | None, str]:
    """The rewriting of an operator, or why there is none."""
    kernels, costs = target.tiles(FLOAT32), costs_of(target)
    if target.multipass and not found.is_int8:
        return None, f"{target.title} has float32 kernels for its size"
    if target.multipass:
        choice: Choice | None = whole(found.shape, found.form, kernels, costs)
    else:
        slices = not found.has_open_batch
        choice = choose(found.shape, found.form, kernels, costs, slices=slices)
    if choice is None:
        return None, NO_TILES
    if not choice.pays(costs):
        percent = 100 * choice.ratio
        return None, f"tiles are not expected to be faster ({percent:.0f} % of its time)"
    return exact_in_int8(Rewriting(found, choice), target), ""


def _nothing(found: Sequence[Found | Left], decisions: Decisions) -> str:
    if decisions.unproven:
        return UNPROVEN
    if not found:
        return "it has no depthwise convolution with more taps than fast kernels support"
    return "none of its large depthwise convolutions can be made faster"


def most_taps(target: Target) -> dict[str, int]:
    """For each form, the taps of the largest fast kernel."""
    return {form: target.tiles(form)[-1] for form in PRECISIONS}


def _regions(stages: Stages, seen: Sequence[Mapping[str, Any]]) -> Iterator[RewrittenRegion]:
    """The regions with what was found of each, their operators numbered as in the original."""
    for (region, operators), each in zip(stages.numbered(), seen, strict=True):
        is_integer = each["steps"] > 0 or (each["is_exact"] and not each["own"])
        yield RewrittenRegion(
            region.subgraph,
            region.pattern,
            operators,
            region.name,
            region.what,
            None if is_integer else each["error"],
            None if is_integer else each["own"],
            each["steps"] if is_integer else None,
            each["share"] if is_integer else None,
        )


def _figures(document: Document, partitions: int | None, reason: str) -> Figures:
    size = len(document.content)
    return figures(size, document.model, document.schema, partitions, reason)


def _described(rewriting: Rewriting, seen: Mapping[str, Any], stages: Stages) -> Rewritten:
    found, tiles = rewriting.found, rewriting.choice.tiles
    rows, columns = found.shape.axes
    batch, channels = found.shape.batch, found.shape.channels
    return Rewritten(
        found.subgraph,
        stages.origins[found.subgraph][found.operator],
        found.name,
        found.form,
        (rows.kernel, columns.kernel),
        (rows.stride, columns.stride),
        (rows.dilation, columns.dilation),
        (batch, rows.size, columns.size, channels),
        (batch, rows.output, columns.output, channels),
        tuple((len(tile.rows), len(tile.columns)) for tile in tiles),
        sum(tile.reads == "sliced" for tile in tiles),
        found.pad is not None and not rewriting.is_whole,
        rewriting.choice.ratio,
        None if found.is_int8 else seen["error"],
        None if found.is_int8 else seen["own"],
        seen["steps"] if found.is_int8 else None,
        seen["share"] if found.is_int8 else None,
    )
