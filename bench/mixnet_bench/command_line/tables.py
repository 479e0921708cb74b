"""``table`` and ``predict``: latency tables of a device.

Options and help only: the modules that a command needs are imported when it is called.
"""

from pathlib import Path
from typing import Any

import click

from mixnet_bench.command_line.groups import BenchCommand
from mixnet_bench.command_line.model_options import (
    FIXED_PERFORMANCE,
    ON_HOST_OR_PHONE,
    PIN,
    THREADS_OPTION,
    size_options,
)
from mixnet_common.console import allow_emulated_option, example, json_option
from mixnet_common.options import SEED, TABLE_MINUTES, TABLE_NETWORKS, TABLE_PASSES


@click.command(
    cls=BenchCommand,
    epilog=example(
        "mixnet-bench table --space mixnet -o table.json",
        "mixnet-bench predict mobilenet-v2:groups=12345123451234512 --table table.json",
    ),
)
@click.option(
    "--space",
    metavar="mixnet|FILE",
    help="Search space: mixnet or a TOML file. Required without --from.",
)
@ON_HOST_OR_PHONE
@click.option(
    "--format",
    "form",
    type=click.Choice(["tflite", "onnx"]),
    default="tflite",
    show_default=True,
    help="Format to export blocks to.",
)
@click.option(
    "--precision",
    type=click.Choice(["float32", "int8"]),
    default="float32",
    show_default=True,
    help="Precision to export blocks in.",
)
@THREADS_OPTION
@click.option(
    "--anchor",
    default="mixnet-s",
    show_default=True,
    metavar="NETWORK",
    help="Network that all times are relative to.",
)
@click.option(
    "--passes",
    type=TABLE_PASSES,
    default=10,
    show_default=True,
    help="Number of passes in which everything is measured, each in new processes.",
)
@click.option(
    "--networks",
    type=TABLE_NETWORKS,
    default=24,
    show_default=True,
    help="Number of whole networks to measure, for the time that blocks do not explain.",
)
@click.option(
    "--seed",
    type=SEED,
    default=0,
    show_default=True,
    help="Random seed that selects the whole networks.",
)
@click.option(
    "--minutes",
    type=TABLE_MINUTES,
    help="Minutes after which to stop; the same command continues.",
)
@click.option(
    "--interpolate",
    is_flag=True,
    help="Measure every second number of channels, and interpolate and mark the others.",
)
@click.option(
    "--include",
    multiple=True,
    metavar="NETWORK",
    help="Also measure the blocks of this network, so that it can be predicted; repeatable.",
)
@PIN
@FIXED_PERFORMANCE
@allow_emulated_option
@click.option(
    "--form",
    "written_as",
    type=click.Choice(["json", "once-for-all"]),
    default="json",
    show_default=True,
    help="once-for-all: also write the table as a .yaml file in the form of Once-for-All.",
)
@click.option(
    "--from",
    "made_from",
    type=click.Path(path_type=Path),
    help="With --form once-for-all: convert this table, and measure nothing.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="JSON file to write; with --from, the .yaml file.",
)
@json_option
def table(**options: Any) -> None:
    """Measure every block of a search space: a latency table.

    Each distinct block is exported as mixnet-export does for the runtime, and measured in turns
    with an anchor network. Partial results are saved beside the table; an interrupted run continues
    from them. The commands predict and search read the table.
    """
    from mixnet_bench.commands.table import TableOptions, run_table

    run_table(TableOptions(**options))


@click.command(
    cls=BenchCommand,
    epilog=example(
        "mixnet-bench predict mobilenet-v2 found/*.toml --table table.json",
    ),
)
@click.argument("networks", metavar="NETWORK…", nargs=-1, required=True)
@click.option(
    "--table",
    type=click.Path(path_type=Path),
    required=True,
    help="Table written by mixnet-bench table.",
)
@size_options
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Also save the JSON document here."
)
@json_option
def predict(**options: Any) -> None:
    """Predict the latency of networks from a table, with intervals.

    Nothing is run. The prediction is the sum over the blocks of NETWORK plus the cost of joining
    them, which was fitted to whole networks. Every block must be in the table.
    """
    from mixnet_bench.commands.predict import PredictOptions, run_predict

    run_predict(PredictOptions(**options))
