"""Reads results from JSON files into records; a file in an unknown form is refused by name.

A result may come from anywhere: every value is checked for its type, and no text is trusted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from mixnet_bench.report.documents import HINT, read_documents
from mixnet_bench.report.files import describe_file
from mixnet_bench.report.predictions import FAR
from mixnet_bench.report.record import (
    Count,
    Figure,
    FrontNetwork,
    Latency,
    PaperRow,
    Parity,
    Prediction,
    ProgramTime,
    Results,
    Search,
)
from mixnet_bench.report.timings import show_latency, show_program
from mixnet_bench.results import latency_tables
from mixnet_bench.results.count import (
    CountResult,
    DelegationResult,
    FileCountResult,
    TfliteCountResult,
)
from mixnet_bench.results.file_run import Given
from mixnet_bench.results.latency import (
    LatencyResult,
)
from mixnet_bench.results.paper import FigureResult, PaperRowResult
from mixnet_bench.results.parity import CampaignParityResult
from mixnet_bench.results.program import ProgramResult
from mixnet_bench.results.reading import decode_any
from mixnet_bench.results.search import SearchResult
from mixnet_common import UsageError
from mixnet_common.console import warn
from mixnet_common.documents import read_targets
from mixnet_common.json_object import JsonObject, clean
from mixnet_common.readers import show
from mixnet_common.result import ResultRecord
from mixnet_quantize.parity.result import ParityResult


@dataclass
class _Found:
    """Records while they are read."""

    latencies: list[Latency] = field(default_factory=list)
    counts: list[Count] = field(default_factory=list)
    papers: list[PaperRow] = field(default_factory=list)
    parities: list[Parity] = field(default_factory=list)
    programs: list[ProgramTime] = field(default_factory=list)
    predictions: list[Prediction] = field(default_factory=list)
    searches: list[Search] = field(default_factory=list)
    random: set[str] = field(default_factory=set)
    """Hashes of files that were exported with random weights."""

    def add(self, found: ResultRecord | None, run: str) -> None:
        """Take what a report shows of a result; of other kinds, nothing."""
        if isinstance(found, LatencyResult):
            self.latencies.append(show_latency(found, run))
        elif isinstance(found, ProgramResult):
            self.programs.append(show_program(found, run))
        elif isinstance(found, CountResult):
            self.counts.append(_count(found))
        elif isinstance(found, ParityResult):
            self.parities.append(_parity(found))
        elif isinstance(found, PaperRowResult):
            self.papers.append(_paper_row(found))
        elif isinstance(found, latency_tables.Prediction):
            self.predictions.append(_prediction(found))
        elif isinstance(found, SearchResult):
            self.searches.append(_search(found))

    def results(self, paths: Sequence[Path], skipped: Sequence[str]) -> Results:
        """All of it. Raises UsageError if there is nothing."""
        measured = (self.latencies, self.counts, self.papers, self.parities, self.programs)
        if not any((*measured, self.predictions, self.searches)):
            raise UsageError(f"no results in {', '.join(map(str, paths))}", HINT)
        return Results(
            tuple(self.latencies),
            tuple(self.counts),
            tuple(self.papers),
            tuple(
                replace(each, is_random=each.is_random or each.sha256 in self.random)
                for each in self.parities
            ),
            tuple(self.programs),
            tuple(skipped),
            tuple(self.predictions),
            tuple(self.searches),
        )


def _random_files(document: Mapping[str, Any]) -> set[str]:
    """The files that a campaign exported with random weights, by their hashes."""
    targets = [each for each in document["targets"] if isinstance(each, dict)]
    sources = [(each.get("sha256"), each.get("weights")) for each in targets]
    return {
        str(sha256)
        for sha256, weights in sources
        if isinstance(weights, dict) and _is_random(weights.get("source"))
    }


def _is_random(source: object) -> bool:
    return isinstance(source, str) and source.startswith("seed ")


def load_results(paths: Sequence[Path]) -> Results:
    """Read files and folders of results, and name those that hold none.

    Raises UsageError if no file holds any, and for a damaged one.
    """
    found = _Found()
    documents, skipped = read_documents(paths)
    for path, document in documents.items():
        found.random |= _random_files(document)
        read = partial(_read_any, document, show(path))
        for record in read_targets(document, path, HINT, read):
            found.add(record, show(path))
    return found.results(paths, skipped)


def _read_any(document: Mapping[str, Any], run: str, target: JsonObject) -> ResultRecord | None:
    if target.has("path"):
        target.path("path")  # nothing opens it, but it is damage all the same
    found = decode_any(_with_origin(target, document).value)
    if found is None and not target.has("file_format", "sha256"):
        warn(f"{run} has a result of a kind that reports do not show")
    return found


def _with_origin(target: JsonObject, document: Mapping[str, Any]) -> JsonObject:
    """A network counted by a campaign has no origin; the inputs of its step describe it."""
    step = JsonObject(dict(document)).at("step")
    inputs = step.at("inputs")
    if step.text("kind") != "count" or target.has("origin") or not inputs.has("network"):
        return target
    return JsonObject({**target.value, "origin": inputs.value})


def _count(found: CountResult) -> Count:
    given = found.given if isinstance(found, FileCountResult) else Given()
    partitions, delegation = None, DelegationResult()
    if isinstance(found, TfliteCountResult):
        partitions, delegation = found.partitions, found.delegation
    return Count(
        file=describe_file(found.name, found.origin, given),
        source=clean(found.source),
        params=found.params,
        macs=found.macs,
        partitions=partitions,
        inside=delegation.inside,
        outside=delegation.outside,
        kinds={clean(key): count for key, count in delegation.outside_kinds.items()},
        reasons={clean(key): clean(why) for key, why in delegation.outside_reasons.items()},
    )


def _figure(found: FigureResult) -> Figure:
    return Figure(
        clean(found.paper),
        found.ours,
        found.deviation_percent,
        clean(found.verdict),
        clean(found.reason),
    )


def _paper_row(found: PaperRowResult) -> PaperRow:
    return PaperRow(
        table=clean(found.table),
        model=clean(found.model),
        network=clean(found.network or ""),
        params=_figure(found.params),
        macs=_figure(found.macs),
        top1=clean(found.accuracy.top1),
        top5=clean(found.accuracy.top5),
        ours_top1=found.accuracy.ours_top1,
        verdict=clean(found.verdict),
    )


def _prediction(found: latency_tables.Prediction) -> Prediction:
    doubts = []
    if found.interpolated:
        doubts.append("some of its blocks were interpolated, not timed")
    if found.extrapolated:
        doubts.append(FAR)
    return Prediction(
        network=clean(found.name),
        kind=(clean(found.format), clean(found.precision)),
        threads=found.threads,
        ratio=found.ratio,
        interval=found.interval,
        latency_ms=found.latency_ms,
        latency_interval_ms=found.latency_interval_ms,
        anchor=clean(found.anchor),
        measured=clean(found.measured),
        doubts=tuple(doubts),
    )


def _search(found: SearchResult) -> Search:
    limit = found.limit_ratio
    return Search(
        space=clean(found.name),
        score=clean(found.score),
        about=clean(found.about or ""),
        limit=clean(found.latency or ""),
        limit_ms=None if limit is None else limit * found.anchor_ms,
        anchor=clean(found.anchor),
        measured=clean(found.measured),
        emulated=found.emulated,
        kind=(clean(found.format or ""), clean(found.precision or "")),
        threads=found.threads or 0,
        confidence=found.confidence,
        evaluations=found.evaluations,
        failed=found.failed,
        front=tuple(
            FrontNetwork(
                network=clean(each.name),
                score=each.score,
                ratio=each.latency_ratio,
                interval=each.latency_ratio_interval,
                latency_ms=each.latency_ms,
                params=each.params,
                macs=each.macs,
                extrapolated=each.extrapolated,
            )
            for each in found.front
        ),
    )


def _parity(found: ParityResult) -> Parity:
    origin = found.origin if isinstance(found, CampaignParityResult) else None
    known = origin is not None and origin.network is not None
    return Parity(
        first=clean(found.files[0].name),
        second=clean(found.files[1].name),
        images=found.images,
        agreement_percent=found.agreement_percent,
        loss_points=None if found.top1 is None else found.top1.loss_points,
        loss_interval=None if found.top1 is None else found.top1.loss_points_interval,
        first_percent=None if found.top1 is None else found.top1.first_percent,
        second_percent=None if found.top1 is None else found.top1.second_percent,
        file=describe_file(found.name or "", origin, Given()) if known else None,
        sha256=found.files[1].sha256 or "",
        is_random=any(_is_random(each.weights_from) for each in found.files),
        calibrated_on_data=bool(
            isinstance(found, CampaignParityResult) and found.calibrated_on_data
        ),
    )
