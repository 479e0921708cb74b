"""``mixnet-bench search``: the best networks of a space within a latency, from a latency table."""

from dataclasses import dataclass
from pathlib import Path

from mixnet_bench.architecture_search.by_table import TableLatencies
from mixnet_bench.architecture_search.evolution import Evolution
from mixnet_bench.architecture_search.limit import parse_latency
from mixnet_bench.architecture_search.running import (
    CANDIDATES,
    FIGURE,
    RESULT,
    SearchJob,
    front_files,
    run_search,
)
from mixnet_bench.architecture_search.scores import find_score
from mixnet_bench.latency_tables.state import doubts_of
from mixnet_bench.results.search import FrontMember, SearchResult
from mixnet_common.console import print_json, print_table, say, warn
from mixnet_common.hashing import sha256_of
from mixnet_common.numbers import three_digit_range, three_digits
from mixnet_common.outputs import check_folder, check_outputs, named_files
from mixnet_common.progress import progress
from mixnet_common.readers import show
from mixnet_networks.searchspace import load_space

COLUMNS = ("network", "score", "predicted ms", "/ anchor", "interval", "MACs", "parameters")
DROPPED = ("parameters", "MACs", "interval", "/ anchor")
"""On a narrow terminal, the first first."""

MOST_ROWS = 24
"""Printed rows of the front; all are in the folder."""


@dataclass(frozen=True)
class SearchOptions:
    """The command's options, by their names."""

    space: str
    table: Path
    score: str
    latency: str | None
    certain: bool
    evaluations: int
    population: int
    failures: int
    seed: int
    folder: Path
    as_json: bool


def run_search_command(asked: SearchOptions) -> None:
    """Search, write and print. Raises UsageError and MixnetError."""
    job = make_job(asked)
    for doubt in doubts_of(job.latencies.table.anchor_ms):
        warn(f"{show(asked.table)}: {doubt}")
    try:
        with progress("scoring candidates", asked.evaluations) as step:
            result = run_search(job, step)
    except KeyboardInterrupt:
        words = "the candidates are kept, and the same command continues from there"
        raise KeyboardInterrupt(words) from None
    _warn(result, asked)
    if asked.as_json:
        print_json([result])
        return
    print_front(result)
    count = len(result.front)
    networks = f"{count} networks; export one:" if count > 1 else "a network; export it:"
    say(
        f"wrote {asked.folder / RESULT}, {result.figure} and {networks}"
        f" mixnet-export tflite {result.front[-1].path} -o out"
    )


def make_job(asked: SearchOptions) -> SearchJob:
    """The requested search, with all files read and checked."""
    _check_outputs(asked)
    space = load_space(asked.space)
    score = find_score(asked.score, space.choices)
    latencies = TableLatencies(asked.table, space)
    within = latencies.within(asked.latency, asked.certain, space.choices)
    return SearchJob(
        space=space,
        latencies=latencies,
        table=asked.table,
        table_sha256=sha256_of(asked.table),
        evolution=Evolution(space, within, asked.seed, asked.population),
        score=score,
        evaluations=asked.evaluations,
        failures=asked.failures,
        latency=asked.latency,
        folder=asked.folder,
    )


def _check_outputs(asked: SearchOptions) -> None:
    """Raise where the folder cannot be written, or what is read would be replaced there."""
    check_folder(asked.folder, like="found/")
    score_file, mark, _ = asked.score.rpartition(":")
    network = parse_latency(asked.latency).network if asked.latency else ""
    inputs = named_files(asked.table, asked.space, score_file if mark else None, network)
    outputs = [asked.folder / name for name in (CANDIDATES, RESULT, FIGURE)]
    check_outputs([*outputs, *front_files(asked.folder)], inputs, like="found/")


def _warn(result: SearchResult, asked: SearchOptions) -> None:
    if result.failed:
        warn(f"{result.failed} candidates could not be scored; {result.candidates} has the reasons")
    if result.exhausted:
        warn(
            f"only {result.evaluations:,} different networks were found within the limit,"
            f" of {asked.evaluations:,} requested"
        )
    if far := sum(each.extrapolated for each in result.front):
        warn(f"{far} of the front are far from the networks that the table was fitted to")


def print_front(result: SearchResult) -> None:
    """The front for people, from the fastest to the slowest."""
    rows = _spread(result.front)
    left_out = len(result.front) - len(rows)
    print_table(
        COLUMNS,
        [
            (
                each.name,
                f"{each.score:,.6g}" if abs(each.score) < 1e5 else f"{each.score:,.0f}",
                three_digits(each.latency_ms),
                f"{each.latency_ratio:.3f}",
                three_digit_range(each.latency_ratio_interval),
                f"{each.macs / 1e6:,.0f}M",
                f"{each.params / 1e6:,.2f}M",
            )
            for each in rows
        ],
        title="EMULATED: predicted from the times of no phone" if result.emulated else "",
        caption=[*_captions(result), f"{left_out} more of the front: {RESULT}" if left_out else ""],
        drop=DROPPED,
    )


def _captions(result: SearchResult) -> list[str]:
    limit = "no limit" if result.latency is None else f"within {result.latency}"
    if result.latency is not None:
        limit += ", with the whole interval" if result.certain else ", by the predicted value"
    lines = [
        f"{result.evaluations:,} candidates of {result.name}, {limit}; latencies are predicted,"
        f" not measured, for {result.measured}, where {result.anchor} takes"
        f" {three_digits(result.anchor_ms)} ms"
    ]
    if result.about:
        lines.append(f"{result.score}: {result.about}")
    if result.best_possible is not None:
        found = result.front[-1].score
        is_best = "found" if found >= result.best_possible else f"best found: {found:,.6g}"
        limited = "" if result.latency is None else " within the limit"
        lines.append(f"best possible{limited}: {result.best_possible:,.6g} ({is_best})")
    return lines


def _spread(front: tuple[FrontMember, ...]) -> list[FrontMember]:
    """At most ``MOST_ROWS`` members, the first and the last among them."""
    if len(front) <= MOST_ROWS:
        return list(front)
    last = len(front) - 1
    return [front[round(row * last / (MOST_ROWS - 1))] for row in range(MOST_ROWS)]
