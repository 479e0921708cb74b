"""``table`` and ``predict``: latency tables of a device.

Options and help alone: what a command needs is imported when it is called.
"""

from pathlib import Path
from typing import Any

import click

from mixnet_common.console import example, json_option
from mixnet_common.options import (
    CLASSES,
    MULTIPLIER,
    RESOLUTION,
    SEED,
    TABLE_MINUTES,
    TABLE_NETWORKS,
    TABLE_PASSES,
    THREADS,
)


@click.command(
    epilog=example(
        "mixnet-bench table --space mixnet -o table.json",
        "mixnet-bench predict mobilenet-v2:groups=12345123451234512 --table table.json",
    )
)
@click.option("--space", metavar="mixnet|FILE", help="The search space.  [required]")
@click.option(
    "--on",
    is_eager=True,  # threads are bounded by where they run
    default="host",
    show_default=True,
    metavar="host|adb[:SERIAL]",
    help="Where to time: here, or on a phone.",
)
@click.option("--format", "form", type=click.Choice(["tflite", "onnx"]), default="tflite")
@click.option("--precision", type=click.Choice(["float32", "int8"]), default="float32")
@click.option("--threads", type=THREADS, default=1, show_default=True)
@click.option(
    "--anchor",
    default="mixnet-s",
    show_default=True,
    metavar="NETWORK",
    help="The network that all times are relative to.",
)
@click.option(
    "--passes",
    type=TABLE_PASSES,
    default=10,
    show_default=True,
    help="How often everything is timed, each time in new processes.",
)
@click.option(
    "--networks",
    type=TABLE_NETWORKS,
    default=24,
    show_default=True,
    help="Members timed whole, for what a network takes beyond its blocks.",
)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Which members these are.")
@click.option(
    "--budget", type=TABLE_MINUTES, metavar="MINUTES", help="Stop in time; run again to go on."
)
@click.option(
    "--interpolate", is_flag=True, help="Time every second number of channels; mark the others."
)
@click.option(
    "--include",
    multiple=True,
    metavar="NETWORK",
    help="Time this network's blocks too, so that it can be predicted; repeatable.",
)
@click.option(
    "--pin",
    metavar="CPUS",
    help="Run on these CPUs only, like 0,2-3 (Linux, phones); on phones big or little too.",
)
@click.option("--fixed-performance", is_flag=True, help="On phones: clocks that can be sustained.")
@click.option("--allow-emulated", is_flag=True, help="Take an emulator for a phone; labelled.")
@click.option(
    "--form",
    "written_as",
    type=click.Choice(["json", "once-for-all"]),
    default="json",
    help="once-for-all: write the table as a .yaml of Once-for-all's form too.",
)
@click.option(
    "--from",
    "made_from",
    type=click.Path(path_type=Path),
    help="With --form once-for-all: write this table as the .yaml; time nothing.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="The .json to write; with --from the .yaml.",
)
@json_option
def table(**options: Any) -> None:
    """Time every block of a search space here or on a phone: a latency table of the device.

    Each distinct block is written as mixnet-export would write it for the runtime, and timed in
    turns with an anchor network. What was timed lies beside the table until it is complete, so an
    interrupted run goes on where it was. Predict and search read the table.
    """
    from mixnet_bench.commands.table import TableOptions, run_table

    run_table(TableOptions(**options))


@click.command(
    epilog=example(
        "mixnet-bench predict mobilenet-v2 found/*.toml --table table.json",
    )
)
@click.argument("networks", metavar="NETWORK…", nargs=-1, required=True)
@click.option(
    "--table",
    type=click.Path(path_type=Path),
    required=True,
    help="The table of mixnet-bench table.",
)
@click.option("--classes", type=CLASSES, help="Classes, instead of the network's own.")
@click.option("--resolution", type=RESOLUTION, help="Input height and width, in pixels.")
@click.option("--multiplier", type=MULTIPLIER, help="Channel multiplier.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Save as JSON, for mixnet-bench report."
)
@json_option
def predict(**options: Any) -> None:
    """Predict the latency of NETWORK from a table, with the interval that a measurement has.

    Nothing is run. The prediction is the sum of the network's blocks and the cost of joining them,
    which was fitted to whole networks; every block must be in the table.
    """
    from mixnet_bench.commands.predict import PredictOptions, run_predict

    run_predict(PredictOptions(**options))
