"""``search``: the best networks of a search space within a latency.

Options and help only: the modules that a command needs are imported when it is called.
"""

from pathlib import Path
from typing import Any

import click

from mixnet_bench.command_line.groups import BenchCommand
from mixnet_common.console import example, json_option
from mixnet_common.options import EVALUATIONS, FAILURES, POPULATION, SEED


@click.command(
    cls=BenchCommand,
    epilog=example(
        "mixnet-bench search --space mixnet --table table.json --latency 0.9xmixnet-s"
        " --score macs -o found",
        "mixnet-export tflite found/front-01.toml -o out",
    ),
)
@click.option(
    "--space", required=True, metavar="mixnet|FILE", help="Search space: mixnet or a TOML file."
)
@click.option(
    "--table",
    type=click.Path(path_type=Path),
    required=True,
    help="Latency table of this space, written by mixnet-bench table.",
)
@click.option(
    "--score",
    required=True,
    metavar="NAME|FILE.py:FUNCTION",
    help="Score of a network to maximize: a function of a candidate in your own file, the proxies"
    " macs or parameters, or synthetic (to test the search).",
)
@click.option(
    "--latency",
    metavar="8ms|0.9xNETWORK",
    show_default="no limit",
    help="Maximum predicted latency: a time, or a fraction of the latency of a network.",
)
@click.option(
    "--certain/--likely",
    "certain",
    default=True,
    show_default=True,
    help="Compare the upper end of a prediction's interval with the limit, or its value.",
)
@click.option(
    "--evaluations",
    type=EVALUATIONS,
    default=1000,
    show_default=True,
    help="Number of candidates to score, including those of earlier runs.",
)
@click.option(
    "--population",
    type=POPULATION,
    default=64,
    show_default=True,
    help="Number of most recent candidates that have children; the first are random.",
)
@click.option(
    "--failures",
    type=FAILURES,
    default=10,
    show_default=True,
    help="Number of candidates whose scoring may fail before the search stops.",
)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Random seed of the search.")
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(path_type=Path),
    required=True,
    help="Output folder; created if it does not exist.",
)
@json_option
def search(**options: Any) -> None:
    """Search a space for the best networks within a latency.

    Candidates come from an ageing evolution with mutation and crossover; their latencies are
    predicted from the table, and those beyond the limit are never scored. The folder gets every
    candidate (candidates.jsonl), and the Pareto front of score and latency as networks that export
    (front-01.toml …), as a figure (front.svg) and as a result (search.json). To
    continue an interrupted search, give the same command again. FILE.py is your own code and runs
    in this process.
    """
    from mixnet_bench.commands.search import SearchOptions, run_search_command

    run_search_command(SearchOptions(**options))
