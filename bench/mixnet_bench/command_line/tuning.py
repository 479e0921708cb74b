"""``tune``: the fastest lowering of a network.

Options and help only: the modules that a command needs are imported when it is called.
"""

from pathlib import Path
from typing import Any

import click

from mixnet_bench.command_line.groups import BenchCommand
from mixnet_bench.command_line.model_options import (
    FIXED_PERFORMANCE,
    FP16,
    ON_HOST_OR_PHONE,
    PIN,
    THREADS_OPTION,
    size_options,
)
from mixnet_common.console import allow_emulated_option, example, json_option


@click.command(
    cls=BenchCommand,
    epilog=example(
        "mixnet-bench tune mixnet-s --format tflite -o mixnet-s-here.toml",
        "mixnet-export tflite mixnet-s -o out --lowering mixnet-s-here.toml",
    ),
)
@click.argument("network_name", metavar="NETWORK|FILE")
@click.option(
    "--format",
    "form",
    type=click.Choice(["tflite", "onnx"]),
    default="tflite",
    show_default=True,
    help="Format to export NETWORK to. FILE has its own.",
)
@ON_HOST_OR_PHONE
@click.option(
    "--precision",
    type=click.Choice(["float32", "int8"]),
    default="float32",
    show_default=True,
    help="Precision to export NETWORK in. FILE has its own.",
)
@THREADS_OPTION
@PIN
@FIXED_PERFORMANCE
@FP16
@allow_emulated_option
@size_options
@click.option(
    "--no-cache", is_flag=True, help="Time every block again; use no results of earlier runs."
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help="TOML file to write."
)
@json_option
def tune(**options: Any) -> None:
    """Find the fastest lowering of a network or a file.

    Every distinct block of NETWORK is timed in all its lowerings, on this machine or on a phone.
    Results are cached for later runs. The output is a TOML file for mixnet-export tflite or onnx
    --lowering.

    For FILE, any .tflite or .onnx file, every rewriting of mixnet-export optimize is timed against
    the original operators. The output is a TOML file for mixnet-export optimize --lowering.
    """
    from mixnet_bench.commands.tune_request import TuneOptions, run_options

    run_options(TuneOptions(**options))
