"""``count``, ``inspect`` and ``paper``: properties of networks and files.

Options and help only: the modules that a command needs are imported when it is called.
"""

from pathlib import Path
from typing import Any

import click

from mixnet_bench.command_line.groups import BenchCommand
from mixnet_bench.command_line.model_options import selection_options, size_options
from mixnet_common.console import example, json_option


@click.command(cls=BenchCommand, epilog=example("mixnet-bench count mixnet-s mixnet-m mixnet-l"))
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@json_option
@click.option("--layers", is_flag=True, help="Also print every layer.")
@size_options
@selection_options
def count(
    targets: tuple[str, ...],
    as_json: bool,
    layers: bool,
    classes: int | None,
    resolution: int | None,
    multiplier: float | None,
    selection: Any,
) -> None:
    """Count parameters, multiply-adds and activations.

    TARGET is the name of a network, the TOML file of a network, or any .tflite or .onnx file. Files
    are read, not run.
    """
    from mixnet_bench.commands.count import run_count
    from mixnet_bench.counting.describe import Size

    size = Size(classes, resolution, multiplier)
    run_count(targets, size, as_json, layers, selection)


@click.command(
    cls=BenchCommand,
    epilog=example(
        "mixnet-export tflite mixnet-s -o out", "mixnet-bench inspect out/mixnet-s.tflite"
    ),
)
@click.argument("target", metavar="FILE")
@json_option
def inspect(target: str, as_json: bool) -> None:
    """Show inputs, outputs, metadata and origin of a model file.

    FILE is a .tflite or .onnx file. Prints shapes, data types and quantization of inputs and
    outputs, signatures, class names, preprocessing, delegation, external data, metadata, and the
    provenance file beside FILE.
    """
    from mixnet_bench.commands.inspect import run_inspect

    run_inspect(target, as_json)


@click.command(
    cls=BenchCommand, epilog=example("mixnet-bench paper table2", "mixnet-bench paper figure4")
)
@click.argument("table", required=False, metavar="[TABLE]")
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    help="Measured accuracies to use: JSON output of mixnet-bench parity.",
)
@json_option
def paper(table: str | None, results: Path | None, as_json: bool) -> None:
    """Compare our counts with the numbers in the paper.

    TABLE is table1, table2, table3, text (claims in the paper's text), figure1, figure4, figure5,
    figure6, figure9 or all. Without TABLE, everything that the paper gives numbers for is compared.
    Accuracies are the paper's own unless --results provides measured ones.
    """
    from mixnet_bench.commands.paper import run_paper

    run_paper(table, as_json, results)
