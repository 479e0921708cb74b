"""``tune``: the fastest lowering of a network.

Options and help alone: what a command needs is imported when it is called.
"""

from pathlib import Path
from typing import Any

import click

from mixnet_bench.command_line.model_options import FP16
from mixnet_common.console import example, json_option
from mixnet_common.options import (
    CLASSES,
    MULTIPLIER,
    RESOLUTION,
    THREADS,
)


@click.command(
    epilog=example(
        "mixnet-bench tune mixnet-s --format tflite -o mixnet-s-here.toml",
        "mixnet-export tflite mixnet-s -o out --lowering mixnet-s-here.toml",
    )
)
@click.argument("network_name", metavar="NETWORK|FILE")
@click.option("--format", "form", type=click.Choice(["tflite", "onnx"]), default="tflite")
@click.option(
    "--on",
    is_eager=True,  # threads are bounded by where they run
    default="host",
    show_default=True,
    metavar="host|adb[:SERIAL]",
    help="Where to time: here, or on a phone.",
)
@click.option("--precision", type=click.Choice(["float32", "int8"]), default="float32")
@click.option("--threads", type=THREADS, default=1, show_default=True)
@click.option(
    "--pin",
    metavar="CPUS",
    help="Run on these CPUs only, like 0,2-3 (Linux, phones); on phones big or little too.",
)
@click.option("--fixed-performance", is_flag=True, help="On phones: clocks that can be sustained.")
@FP16
@click.option("--allow-emulated", is_flag=True, help="Take an emulator for a phone; labelled.")
@click.option("--classes", type=CLASSES, help="Classes, instead of the network's own.")
@click.option("--resolution", type=RESOLUTION, help="Input height and width, in pixels.")
@click.option("--multiplier", type=MULTIPLIER, help="Channel multiplier.")
@click.option("--no-cache", is_flag=True, help="Time every block again.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help="The .toml to write."
)
@json_option
def tune(**options: Any) -> None:
    """Find the fastest lowering of NETWORK here or on a phone, block by block.

    Candidates of each distinct block are timed side by side; what was found is kept for the next
    time. The result is a readable TOML file for mixnet-export --lowering. For FILE, anyone's
    .tflite or .onnx, every rewriting of mixnet-export optimize is timed beside what is there, and
    the TOML file is for mixnet-export optimize --lowering.
    """
    from mixnet_bench.commands.tune_request import TuneOptions, run_options

    run_options(TuneOptions(**options))
