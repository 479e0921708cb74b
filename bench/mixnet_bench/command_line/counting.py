"""``count``, ``inspect`` and ``paper``: what networks and files are.

Options and help alone: what a command needs is imported when it is called.
"""

from pathlib import Path
from typing import Any

import click

from mixnet_bench.command_line.model_options import selection_options
from mixnet_common.console import example, json_option
from mixnet_common.options import (
    CLASSES,
    MULTIPLIER,
    RESOLUTION,
)


@click.command(epilog=example("mixnet-bench count mixnet-s mixnet-m mixnet-l"))
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@json_option
@click.option("--layers", is_flag=True, help="Print every layer too.")
@click.option("--classes", type=CLASSES, help="Classes of a network, instead of its own.")
@click.option(
    "--resolution", type=RESOLUTION, help="Input height and width of a network, in pixels."
)
@click.option("--multiplier", type=MULTIPLIER, help="Channel multiplier of a network.")
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

    TARGET is a network's name, a network's TOML file, or anyone's .tflite or .onnx file, which is
    read but not run.
    """
    from mixnet_bench.commands.count import run_count
    from mixnet_bench.counting.describe import Size

    size = Size(classes, resolution, multiplier)
    run_count(targets, size, as_json, layers, selection)


@click.command(
    epilog=example(
        "mixnet-export tflite mixnet-s -o out", "mixnet-bench inspect out/mixnet-s.tflite"
    )
)
@click.argument("target", metavar="FILE")
@json_option
def inspect(target: str, as_json: bool) -> None:
    """Show what a .tflite or .onnx file takes and gives, and what it was made from.

    Inputs and outputs with their shapes, types and quantization, signatures, labels, preprocessing,
    delegation, external data, metadata, and the provenance beside the file.
    """
    from mixnet_bench.commands.inspect import run_inspect

    run_inspect(target, as_json)


@click.command(epilog=example("mixnet-bench paper table2", "mixnet-bench paper figure4"))
@click.argument("table", required=False, metavar="[TABLE]")
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    help="Measured accuracies: what mixnet-bench parity --json printed.",
)
@json_option
def paper(table: str | None, results: Path | None, as_json: bool) -> None:
    """Hold our counts against the paper's tables, figures and claims.

    TABLE is table1 to table3, text (the claims in words), figure1, figure4, figure5, figure6 or
    figure9, or all; by default everything of which the paper prints numbers. Accuracies are the
    paper's unless --results has measured ones.
    """
    from mixnet_bench.commands.paper import run_paper

    run_paper(table, as_json, results)
