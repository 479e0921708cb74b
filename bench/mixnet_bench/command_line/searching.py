"""``search``: the best networks of a search space within a latency.

Options and help alone: what a command needs is imported when it is called.
"""

from pathlib import Path
from typing import Any

import click

from mixnet_common.console import example, json_option
from mixnet_common.options import EVALUATIONS, FAILURES, POPULATION, SEED


@click.command(
    epilog=example(
        "mixnet-bench search --space mixnet --table table.json --latency 0.9xmixnet-s"
        " --score macs -o found",
        "mixnet-export tflite found/front-01.toml -o out",
    )
)
@click.option("--space", required=True, metavar="mixnet|FILE", help="The search space.")
@click.option(
    "--table",
    type=click.Path(path_type=Path),
    required=True,
    help="The table of mixnet-bench table for this space.",
)
@click.option(
    "--score",
    required=True,
    metavar="NAME|FILE.py:FUNCTION",
    help="Score of a network, more is better: your own function of a candidate, or macs,"
    " parameters (proxies), synthetic (a test of the search).",
)
@click.option(
    "--latency",
    metavar="8ms|0.9xNETWORK",
    help="Longest predicted latency: a time, or a part of a network's.  [default: none]",
)
@click.option(
    "--certain/--likely",
    "certain",
    default=True,
    show_default=True,
    help="Hold the end of a prediction's interval against the latency, or its value.",
)
@click.option(
    "--evaluations",
    type=EVALUATIONS,
    default=1000,
    show_default=True,
    help="Candidates to score, those of earlier runs included.",
)
@click.option(
    "--population",
    type=POPULATION,
    default=64,
    show_default=True,
    help="How many of the last candidates have children; the first ones are drawn at random.",
)
@click.option(
    "--failures",
    type=FAILURES,
    default=10,
    show_default=True,
    help="Candidates that may fail to be scored before the search stops.",
)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of the search.")
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder to write to; made if missing.",
)
@json_option
def search(**options: Any) -> None:
    """Search a space for networks with the best score within a latency.

    Candidates come from an ageing evolution with mutation and crossover; their latencies are
    predicted from the table, and those beyond the limit are never scored. The folder gets every
    candidate (candidates.jsonl), and the Pareto front of score and latency as networks that export
    (front-01.toml …), as a figure (front.svg) and as a result (search.json). An interrupted search
    goes on when it is run again, to the same result. FILE.py is your own code and runs in this
    process.
    """
    from mixnet_bench.commands.search import SearchOptions, run_search_command

    run_search_command(SearchOptions(**options))
