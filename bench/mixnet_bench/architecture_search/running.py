"""Runs the search: proposes, scores and saves candidates, and writes the front as files.

Prints only its progress. The same settings and seed give the same bytes, interrupted or not, if the
score is deterministic.
"""

import math
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from msgspec.structs import replace

from mixnet_bench.architecture_search.evolution import Evolution, History
from mixnet_bench.architecture_search.figure import front_file
from mixnet_bench.architecture_search.journal import Journal, opened_journal
from mixnet_bench.architecture_search.ports import Genotype, LatencyModel
from mixnet_bench.architecture_search.scores import Candidate, NamedScore, checked_score
from mixnet_bench.report.front import FrontFigure
from mixnet_bench.results.latency_tables import LatencyTable
from mixnet_bench.results.search import FrontMember, SearchResult, SearchTrial
from mixnet_common import MixnetError
from mixnet_common.console import json_text
from mixnet_common.files import write_all
from mixnet_common.intervals import Estimate
from mixnet_common.readers import show
from mixnet_networks.searchspace import SearchSpace

CANDIDATES, RESULT, FIGURE = "candidates.jsonl", "search.json", "front.svg"
FRONT_FILE = re.compile(r"front-\d{2,}\.toml")


class MeasuredLatencies(LatencyModel, Protocol):
    """A latency table of a space, with what has to be said of it."""

    @property
    def table(self) -> LatencyTable:
        """The table."""

    def extrapolated(self, genotype: Genotype) -> bool:
        """Whether a network is far outside those that the predictions were fitted to."""


@dataclass(frozen=True)
class SearchJob:
    """The space, the objective and the output of a search."""

    space: SearchSpace
    latencies: MeasuredLatencies
    table: Path
    table_sha256: str
    """Of that file."""
    evolution: Evolution
    score: NamedScore
    evaluations: int
    failures: int
    """Candidates that may fail to be scored; the search stops where another does."""
    latency: str | None
    """The limit as given."""
    folder: Path

    @property
    def key(self) -> dict[str, str | int | float | bool | None]:
        """The inputs of the candidates, by names for messages."""
        limit = self.evolution.within.limit
        return {
            "space": self.space.fingerprint,
            "table": self.table_sha256,
            "score": self.score.name,
            "the score's file": self.score.sha256,
            "latency": self.latency,
            "certain": limit.certain,
            "seed": self.evolution.seed,
            "population": self.evolution.population,
        }

    def candidate(self, trial: SearchTrial) -> Candidate:
        """A trial as the argument of a score."""
        ratio = self.latencies.ratio(trial.genotype)
        took = self.milliseconds(ratio.value)
        return Candidate(trial.number, trial.genotype, ratio, took, self.space)

    def milliseconds(self, ratio: float) -> float:
        """A ratio to the anchor as a time."""
        return ratio * self.latencies.table.anchor_latency_ms


Step = Callable[[int], object]


def run_search(job: SearchJob, step: Step) -> SearchResult:
    """Search, or continue an interrupted search, and write the results.

    ``step`` is called with numbers of candidates that are done. Raises MixnetError if too many
    candidates fail, and where nothing could be scored.
    """
    with opened_journal(job.folder / CANDIDATES, job.key) as journal:
        history = History.of(job.evolution.population, journal.trials[: job.evaluations])
        step(len(history.trials))
        exhausted = _go_on(job, history, journal, step)
    _check_failures(job, history)
    result = _result(job, history, exhausted)
    _write(job, history, result)
    return result


def _go_on(job: SearchJob, history: History, journal: Journal, step: Step) -> bool:
    """Try candidates until the requested number is reached; whether none is left before."""
    while len(history.trials) < job.evaluations:
        _check_failures(job, history)
        proposal = job.evolution.propose(history)
        if proposal is None:
            return True
        ratio = job.latencies.ratio(proposal.genotype)
        trial = SearchTrial(
            number=len(history.trials),
            genotype=proposal.genotype,
            latency_ratio=ratio.value,
            latency_ratio_interval=_bounds(ratio),
            origin=proposal.origin,
            parents=proposal.parents,
        )
        trial = _scored(job, trial)
        journal.append(trial)
        history.add(trial)
        step(1)
    return False


def _scored(job: SearchJob, trial: SearchTrial) -> SearchTrial:
    """The trial with its score, or with what went wrong."""
    try:
        return replace(trial, score=checked_score(job.score, job.candidate(trial)))
    except MixnetError as error:
        return replace(trial, error=error.message)


def _bounds(ratio: Estimate) -> tuple[float, float] | None:
    return None if ratio.interval is None else (ratio.interval.low, ratio.interval.high)


def _failed(history: History) -> list[SearchTrial]:
    return [each for each in history.trials if each.error is not None]


def _check_failures(job: SearchJob, history: History) -> None:
    """Raise MixnetError if more candidates failed than may."""
    if (count := history.failed) > job.failures:
        last = _failed(history)[-1]
        raise MixnetError(
            f"{count} candidate{'s' if count > 1 else ''} could not be scored, and --failures"
            f" allows {job.failures}: {last.error}",
            f"all are in {show(job.folder / CANDIDATES)}; correct the score and use another folder,"
            " or raise --failures",
        )


# What was found


def _result(job: SearchJob, history: History, exhausted: bool) -> SearchResult:
    if not history.front:
        last = next(iter(_failed(history)[-1:]), None)
        why = f": {last.error}" if last else ""
        raise MixnetError(f"no candidate could be scored{why}", "check what the score needs")
    limit = job.evolution.within.limit
    table = job.latencies.table
    return SearchResult(
        name=job.space.name,
        table=str(job.table),
        table_sha256=job.table_sha256,
        measured=table.measured,
        format=table.format,
        precision=table.precision,
        threads=table.threads,
        anchor=table.anchor,
        anchor_ms=table.anchor_latency_ms,
        emulated=table.emulated,
        score=job.score.name,
        score_sha256=job.score.sha256,
        about=job.score.about or None,
        latency=job.latency,
        limit_ratio=limit.ratio if math.isfinite(limit.ratio) else None,
        certain=limit.certain,
        confidence=table.confidence,
        seed=job.evolution.seed,
        population=job.evolution.population,
        evaluations=len(history.trials),
        failed=history.failed,
        exhausted=exhausted,
        candidates=str(job.folder / CANDIDATES),
        figure=str(job.folder / FIGURE),
        front=tuple(_member(job, history.front, index) for index in range(len(history.front))),
        best_possible=_best_possible(job),
    )


def _member(job: SearchJob, front: Sequence[SearchTrial], index: int) -> FrontMember:
    trial = front[index]
    candidate = job.candidate(trial)
    assert trial.score is not None, "the front has only what was scored"
    digits = max(2, len(str(len(front))))
    name = f"front-{index + 1:0{digits}}"
    return FrontMember(
        name=name,
        path=str(job.folder / f"{name}.toml"),
        number=trial.number,
        genotype=trial.genotype,
        score=trial.score,
        latency_ratio=trial.latency_ratio,
        latency_ratio_interval=trial.latency_ratio_interval,
        latency_ms=job.milliseconds(trial.latency_ratio),
        extrapolated=job.latencies.extrapolated(trial.genotype),
        params=candidate.parameters,
        macs=candidate.macs,
    )


def _best_possible(job: SearchJob) -> float | None:
    """The best score within the limit, of a score whose best network is known and within it."""
    best = job.score.best
    if best is None or not job.evolution.within.holds(best):
        return None
    ratio = job.latencies.ratio(best)
    trial = SearchTrial(number=0, genotype=best, latency_ratio=ratio.value, origin="")
    return job.score.score(job.candidate(trial))


def _write(job: SearchJob, history: History, result: SearchResult) -> None:
    """All files of the result together; networks of an earlier front go."""
    files: dict[Path, bytes | str] = {
        Path(each.path): job.space.toml(each.genotype, each.name) for each in result.front
    }
    files[job.folder / FIGURE] = front_file(_figure(job, history, result))
    files[job.folder / RESULT] = json_text([result]) + "\n"
    write_all(files)
    for path in front_files(job.folder):
        if path not in files:
            with suppress(OSError):
                path.unlink()


def front_files(folder: Path) -> list[Path]:
    """The networks of an earlier front."""
    if not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if FRONT_FILE.fullmatch(path.name)]


def _figure(job: SearchJob, history: History, result: SearchResult) -> FrontFigure:
    limit = result.limit_ratio
    return FrontFigure(
        title=f"{result.name}: {result.score} and predicted latency",
        across="predicted latency, milliseconds",
        up=result.score,
        candidates=[
            (job.milliseconds(each.latency_ratio), each.score)
            for each in history.trials
            if each.score is not None
        ],
        front=[(each.latency_ms, each.score) for each in result.front],
        limit=None if limit is None else job.milliseconds(limit),
    )
