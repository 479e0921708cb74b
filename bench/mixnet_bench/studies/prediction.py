"""``python -m mixnet_bench.studies.prediction``: the accuracy of a latency table's predictions.

Draws members of the table's space that were not used for its fit, times them in turns with the
table's anchor, like the table's blocks, and compares the measurements with the predictions.
Measurements are saved beside the output until it is complete, so the work can be done in several
runs.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import click
import numpy as np

from mixnet_bench.latency_tables.blocks import network_key
from mixnet_bench.latency_tables.making import circumstances
from mixnet_bench.latency_tables.measuring import Files, all_batches, measure_table
from mixnet_bench.latency_tables.partial import PartialTable
from mixnet_bench.latency_tables.predictor import Predictor, read_table
from mixnet_bench.latency_tables.request import TRIES, TableRequest
from mixnet_bench.latency_tables.state import doubts_of
from mixnet_bench.latency_tables.timers import PhoneChoice, TableTimer, timer_on
from mixnet_bench.results.latency_tables import (
    LatencyTable,
    PredictedNetwork,
    PredictionStudy,
)
from mixnet_bench.results.search import FrontStudy
from mixnet_common import MixnetError, UsageError, write_whole
from mixnet_common.console import (
    CONTEXT,
    Command,
    example,
    json_option,
    json_text,
    print_json,
    print_table,
    warn,
)
from mixnet_common.hashing import sha256_of
from mixnet_common.intervals import ratio_of
from mixnet_common.options import SEED, TABLE_MINUTES, TABLE_PASSES, Whole
from mixnet_common.outputs import check_outputs, named_files
from mixnet_common.progress import progress
from mixnet_common.temporary import temporary_folder
from mixnet_export.lowering import Plan
from mixnet_export.writers import FORMATS
from mixnet_networks import load_network
from mixnet_networks.searchspace import Genotype, SearchSpace, load_space

BOUND = 0.10
"""Largest accepted error of a prediction."""

SHARE = 0.9
"""Share of networks that must be within the bound, and covered by their intervals."""

RANK = 0.97

MOST_AT_ONCE = 6
"""Networks beside the anchor in a launch."""


Judged = TypeVar("Judged", PredictionStudy, FrontStudy)


@dataclass(frozen=True)
class Study:
    """The networks that are predicted and measured."""

    space: SearchSpace
    table: LatencyTable
    request: TableRequest
    members: dict[str, Genotype]
    """Members by the keys of their networks."""
    seed: int

    def files(self, folder: Path, plan: Plan) -> Files:
        """Their files."""
        write = self.request.write
        return Files(
            folder,
            {
                key: partial(write, self.space.network(genotype).graph, plan)
                for key, genotype in self.members.items()
            },
        )


def request_like(table: LatencyTable, space: SearchSpace) -> TableRequest:
    """The maker of files like the table's. Raises UsageError if it is for another space."""
    if table.space != space.fingerprint:
        raise UsageError(
            f"the table is for the space {table.name}, not {space.name}",
            "give the --space of the table",
        )
    anchor = load_network(table.anchor)
    if network_key(anchor) != table.anchor_key:
        raise UsageError(f"the anchor {table.anchor} has changed since", "make the table again")
    return TableRequest(space, anchor, FORMATS[table.format], table.precision, table.threads)


def make_study(space: SearchSpace, table: LatencyTable, networks: int, seed: int) -> Study:
    """Draw members that the table has not seen whole. Raises UsageError if it is another's."""
    request = request_like(table, space)
    seen = {each.genotype for each in table.networks}
    rng = np.random.default_rng(seed)
    members: dict[str, Genotype] = {}
    for _ in range(networks * TRIES):
        genotype = space.random(rng)
        if genotype not in seen:
            members.setdefault(network_key(space.network(genotype)), genotype)
        if len(members) == networks:
            return Study(space, table, request, members, seed)
    raise UsageError(f"{space.name} has no {networks} members that are not in the table")


def run_study(
    study: Study, timer: TableTimer, kept: PartialTable, passes: int, budget_s: float | None
) -> bool:
    """Time the members; whether all of them were, in every pass.

    Raises UsageError if the timer is not the table's.
    """
    with temporary_folder() as folder:
        plan, where = circumstances(study.request, timer)
        if where.measured != study.table.measured or where.lowering != study.table.lowering:
            raise UsageError(
                f"the table was measured with {study.table.measured}, and this is {where.measured}",
                "run it where the table was made",
            )
        files = study.files(folder, plan)
        anchor = study.request.write(study.request.anchor.graph, plan)
        total = sum(1 for _ in all_batches(list(files.writers), passes, MOST_AT_ONCE))
        with progress("timing", total) as step:
            return measure_table(
                files, anchor, timer, kept, passes, budget_s, step, most=MOST_AT_ONCE
            )


def measure_in_pieces(
    study: Study, on: str, kept: PartialTable, passes: int, minutes: float | None
) -> bool:
    """Time the members on a device as far as the minutes go; whether that was all.

    Raises UsageError if the device is not the table's.
    """
    request = study.request
    with timer_on(on, request.form.suffix, request.threads, PhoneChoice()) as timer:
        complete = run_study(study, timer, kept, passes, None if minutes is None else 60 * minutes)
    if not complete:
        warn(f"--minutes ended; the same command continues from {kept.path}")
    return complete


def hand_over(
    found: Judged, kept: PartialTable, output: Path, as_json: bool, show: Callable[[Judged], None]
) -> None:
    """Write and print what was found; leave with exit status 1 where it is complete and failed."""
    write_whole(output, json_text([found]) + "\n")
    if found.complete:
        kept.path.unlink(missing_ok=True)
    for doubt in found.doubts:
        warn(doubt)
    if as_json:
        print_json([found])
    else:
        show(found)
    if found.complete and not found.passed:
        sys.exit(1)


def judge(study: Study, kept: PartialTable, *, complete: bool) -> PredictionStudy:
    """Measurements against predictions. Raises MixnetError if some network was never timed."""
    from scipy.stats import spearmanr

    predictor = Predictor(study.table, study.space)
    rows = []
    for key, genotype in study.members.items():
        logs = [each.log_ratios[key] for each in kept.launches if key in each.log_ratios]
        if not logs:
            raise MixnetError("not every network was timed within --minutes", "run it again")
        measured, predicted = ratio_of(logs).value, predictor.predict(genotype)
        low, high = predicted.interval
        rows.append(
            PredictedNetwork(
                name=predicted.name,
                predicted=predicted,
                measured=measured,
                log_ratios=tuple(logs),
                error=measured / predicted.ratio - 1,
                covered=low <= measured <= high,
            )
        )
    within = sum(abs(each.error) <= BOUND for each in rows)
    covered = sum(each.covered for each in rows)
    rank = float(
        spearmanr([row.predicted.ratio for row in rows], [row.measured for row in rows])[0]
    )
    anchor_ms = tuple(each.anchor_ms for each in kept.launches)
    return PredictionStudy(
        name=study.space.name,
        table=study.table.measured,
        seed=study.seed,
        networks=tuple(rows),
        launches=max(len(row.log_ratios) for row in rows),
        bound=BOUND,
        within=within,
        covered=covered,
        rank_correlation=rank,
        passed=min(within, covered) >= SHARE * len(rows) and rank >= RANK,
        anchor_ms=anchor_ms,
        doubts=tuple(doubts_of(anchor_ms, study.table)),
        complete=complete,
    )


@click.command(
    cls=Command,
    context_settings=CONTEXT,
    epilog=example(
        "python -m mixnet_bench.studies.prediction --space mixnet --table table.json -o p.json"
    ),
)
@click.option("--space", required=True, metavar="mixnet|FILE")
@click.option("--table", type=click.Path(path_type=Path), required=True)
@click.option("--networks", type=Whole(4, 1000), default=60, show_default=True)
@click.option("--seed", type=SEED, default=7, show_default=True, help="Random seed.")
@click.option("--passes", type=TABLE_PASSES, default=10, show_default=True)
@click.option("--minutes", type=TABLE_MINUTES, help="Stop after this time; rerun to continue.")
@click.option("--on", default="host", show_default=True, metavar="host|adb[:SERIAL]")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@json_option
def main(
    space: str,
    table: Path,
    networks: int,
    seed: int,
    passes: int,
    minutes: float | None,
    on: str,
    output: Path,
    as_json: bool,
) -> None:
    """Hold a table's predictions against measurements of networks that it has not seen whole."""
    check_outputs([output, PartialTable.at(output)], named_files(space, table), like="p.json")
    study = make_study(load_space(space), read_table(table), networks, seed)
    conditions = {
        "the table": sha256_of(table),
        "--networks": networks,
        "--seed": seed,
    }
    kept = PartialTable(output, conditions)
    complete = measure_in_pieces(study, on, kept, passes, minutes)
    found = judge(study, kept, complete=complete)
    hand_over(found, kept, output, as_json, print_study)


def print_study(found: PredictionStudy) -> None:
    """For people: every network, and what became of the bars."""
    print_table(
        ("network", "predicted", "95 %", "measured", "error"),
        [
            (
                each.name,
                f"{each.predicted.ratio:.3f}",
                f"{each.predicted.interval[0]:.3f}–{each.predicted.interval[1]:.3f}",
                f"{each.measured:.3f}" + ("" if each.covered else " outside"),
                f"{each.error:+.1%}",
            )
            for each in found.networks
        ],
        title=found.table,
        caption=f"{found.within} of {len(found.networks)} within {found.bound:.0%},"
        f" {found.covered} within their intervals, rank correlation"
        f" {found.rank_correlation:.3f}: {'passed' if found.passed else 'not passed'}",
    )


if __name__ == "__main__":
    main()
