"""``python -m mixnet_bench.studies.search_front``: whether a search's front meets its limit.

Times members of the front that ``mixnet-bench search`` found, in turns with the table's anchor and
like the table's blocks, and compares them with the limit of the search. The slowest members are
used, which are nearest to the limit. Measurements are saved beside the output until it is complete,
so the work can be done in several runs.
"""

from pathlib import Path

import click

from mixnet_bench.latency_tables.blocks import network_key
from mixnet_bench.latency_tables.partial import PartialTable
from mixnet_bench.latency_tables.predictor import read_table
from mixnet_bench.results.search import FrontStudy, MeasuredMember, SearchResult
from mixnet_bench.studies.prediction import (
    Study,
    hand_over,
    judge,
    measure_in_pieces,
    request_like,
)
from mixnet_common import UsageError
from mixnet_common.console import (
    CONTEXT,
    Command,
    example,
    json_option,
    print_table,
)
from mixnet_common.documents import read_document
from mixnet_common.hashing import sha256_of
from mixnet_common.options import TABLE_MINUTES, TABLE_PASSES, Whole
from mixnet_common.outputs import check_outputs, named_files
from mixnet_common.readers import show
from mixnet_common.result import read_results
from mixnet_networks.searchspace import load_space

SHARE = 0.9
"""Share of members that must be within the limit."""

HINT = "give the search.json that mixnet-bench search wrote with --latency"


def read_search(path: Path) -> SearchResult:
    """A search's result. Raises UsageError if it is none, or of a search without a limit."""
    (found, *others) = read_results(read_document(path, HINT), path, HINT, SearchResult)
    if others or found.limit_ratio is None:
        raise UsageError(f"{show(path)} is not a search with a limit", HINT)
    return found


def study_of(search: SearchResult, space_name: str, table: Path, networks: int) -> Study:
    """The slowest members of the front. Raises UsageError if the table is another."""
    if sha256_of(table) != search.table_sha256:
        raise UsageError(f"{show(table)} is not the table of the search", f"give {search.table}")
    space = load_space(space_name)
    known = read_table(table)
    request = request_like(known, space)
    front = search.front[-networks:]
    members = {network_key(space.network(each.genotype)): each.genotype for each in front}
    return Study(space, known, request, members, search.seed)


def judge_front(
    search: SearchResult, study: Study, kept: PartialTable, complete: bool
) -> FrontStudy:
    """Measurements against the limit."""
    assert search.limit_ratio is not None, "read_search refuses others"
    names = {each.genotype: each.name for each in search.front}
    found = judge(study, kept, complete=complete)
    members = tuple(
        MeasuredMember(
            name=names[genotype],
            predicted=each.predicted.ratio,
            measured=each.measured,
            log_ratios=each.log_ratios,
            within=each.measured <= search.limit_ratio,
        )
        for genotype, each in zip(study.members.values(), found.networks, strict=True)
    )
    within = sum(each.within for each in members)
    return FrontStudy(
        name=search.name,
        table=found.table,
        latency=search.latency,
        limit_ratio=search.limit_ratio,
        anchor_ms=found.anchor_ms,
        members=members,
        within=within,
        passed=within >= SHARE * len(members),
        doubts=found.doubts,
        complete=complete,
    )


@click.command(
    cls=Command,
    context_settings=CONTEXT,
    epilog=example(
        "python -m mixnet_bench.studies.search_front found/search.json --space mixnet"
        " --table table.json -o measured.json"
    ),
)
@click.argument("result", type=click.Path(path_type=Path))
@click.option("--space", required=True, metavar="mixnet|FILE")
@click.option("--table", type=click.Path(path_type=Path), required=True)
@click.option("--networks", type=Whole(2, 1000), default=20, show_default=True)
@click.option("--passes", type=TABLE_PASSES, default=5, show_default=True)
@click.option("--minutes", type=TABLE_MINUTES, help="Stop after this time; rerun to continue.")
@click.option("--on", default="host", show_default=True, metavar="host|adb[:SERIAL]")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@json_option
def main(
    result: Path,
    space: str,
    table: Path,
    networks: int,
    passes: int,
    minutes: float | None,
    on: str,
    output: Path,
    as_json: bool,
) -> None:
    """Measure the slowest members of a search's front, and compare them with its limit.

    Exit status 1 where fewer than nine of ten are within it.
    """
    check_outputs(
        [output, PartialTable.at(output)],
        named_files(result, space, table),
        like="measured.json",
    )
    search = read_search(result)
    study = study_of(search, space, table, networks)
    conditions = {"the search": sha256_of(result), "--networks": networks}
    kept = PartialTable(output, conditions)
    complete = measure_in_pieces(study, on, kept, passes, minutes)
    found = judge_front(search, study, kept, complete=complete)
    hand_over(found, kept, output, as_json, print_front)


def print_front(found: FrontStudy) -> None:
    """For people: every member, and whether it is within."""
    print_table(
        ("network", "predicted", "measured", "limit"),
        [
            (
                each.name,
                f"{each.predicted:.3f}",
                f"{each.measured:.3f}",
                "within" if each.within else "beyond",
            )
            for each in found.members
        ],
        title=found.table,
        caption=f"{found.within} of {len(found.members)} within {found.latency}, which is"
        f" {found.limit_ratio:.3f}: {'passed' if found.passed else 'not passed'}",
    )


if __name__ == "__main__":
    main()
