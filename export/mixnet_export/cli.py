"""The command ``mixnet-export``: options in, one job a file, words out. No work is done here."""

if __name__ == "__main__":  # before the imports, during which an interrupt may come
    from mixnet_export.__main__ import main as start

    start()

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from mixnet_common import UsageError
from mixnet_common.console import (
    CONTEXT,
    Group,
    example,
    json_option,
    output_option,
    print_json,
    print_lines,
    print_table,
    say,
)
from mixnet_common.options import (
    BATCH,
    CLASSES,
    MULTIPLIER,
    PERCENTILE,
    POINTS,
    RESOLUTION,
    SEED,
)
from mixnet_export.commands.optimize import optimize_command
from mixnet_networks import load_network

Command = TypeVar("Command", bound=Callable[..., Any])


@click.group(
    cls=Group, context_settings=CONTEXT, epilog=example("mixnet-export tflite mixnet-s -o out/")
)
@click.version_option(package_name="mixnet-mobile", prog_name="mixnet-export")
def main() -> None:
    """Turn MixNets and their baselines into model files for mobile runtimes."""


def network_argument(command: Command) -> Command:
    """The network that a command is about."""
    return click.argument("network_name", metavar="NETWORK")(command)


def optional_network(command: Command) -> Command:
    """The same where weights may tell it."""
    return click.argument("network_name", metavar="[NETWORK]", required=False)(command)


def network_options(command: Command) -> Command:
    """The options that size a network."""
    for option in reversed(
        (
            click.option("--classes", type=CLASSES, help="Classes, instead of the network's own."),
            click.option(
                "--resolution", type=RESOLUTION, help="Image height and width, in pixels."
            ),
            click.option(
                "--multiplier", type=MULTIPLIER, help="Multiply all channel counts by this."
            ),
        )
    ):
        command = option(command)
    return command


def export_options(command: Command) -> Command:
    """What both formats share."""
    for option in reversed(
        (
            output_option,
            click.option(
                "--weights",
                "weights_file",
                type=click.Path(path_type=Path),
                help="Weights: .safetensors, .pth, .ckpt, .keras, .weights.h5, a folder from "
                "Hugging Face's hub, or a TensorFlow checkpoint (.tar.gz, directory).",
            ),
            click.option("--seed", type=SEED, help="Random weights from this seed.  [default: 0]"),
            click.option(
                "--batch", type=BATCH, default=1, show_default=True, help="Images at once."
            ),
            click.option(
                "--precision",
                type=click.Choice(["float32", "float16", "int8", "int8-dynamic", "mixed"]),
                default="float32",
                show_default=True,
                help="int8: weights and activations, by calibration. float16, int8-dynamic: "
                "smaller weights, no calibration. mixed: int8 with as few blocks in float32 as "
                "--budget allows.",
            ),
            click.option(
                "--io",
                type=click.Choice(["float32", "int8"]),
                default="float32",
                show_default=True,
                help="Type of inputs and outputs of an int8 file (uint8 in ONNX).",
            ),
            click.option(
                "--calibrate",
                type=click.Path(path_type=Path),
                help="Folder of images that set int8's ranges; a few hundred are enough.",
            ),
            click.option(
                "--ranges",
                type=click.Choice(["min-max", "percentile", "mse", "per-image"]),
                default="per-image",
                show_default=True,
                help="How int8's ranges follow from the images: extremes, all but a few values, "
                "the least mean squared error, or extremes of all but a few images.",
            ),
            click.option(
                "--percentile",
                type=PERCENTILE,
                help="With --ranges percentile: the part that is kept at each end.  "
                "[default: 99.99]",
            ),
            click.option(
                "--pieces",
                type=click.Choice(["int8", "float32"]),
                help="In an int8 file, the pieces of cut kernels: float32 is exact, int8 smaller "
                "and faster.  [default: as the lowering says]",
            ),
            click.option(
                "--float-layer",
                "float_layers",
                metavar="NAME",
                multiple=True,
                help="A layer, or a whole block such as blocks.4.1, that int8 leaves in float32; "
                "may be repeated.",
            ),
            click.option(
                "--equalise",
                is_flag=True,
                help="Even out weights between layers before int8, where ReLU or nothing is "
                "between them; for networks whose channels differ a lot.",
            ),
            click.option(
                "--correct-biases",
                is_flag=True,
                help="Take the mean error of every channel of an int8 file out of its biases.",
            ),
            click.option(
                "--budget",
                type=POINTS,
                help="With --precision mixed: points of top-1 that may be lost, like 0.5.",
            ),
            click.option(
                "--data",
                type=click.Path(path_type=Path),
                help="With --precision mixed: labelled images, a folder for each class, to measure "
                "on.  [default: agreement on --calibrate]",
            ),
            click.option(
                "--activations",
                type=click.Choice(["unsigned", "signed"]),
                default="unsigned",
                show_default=True,
                help="ONNX: uint8, faster on x86-64, or symmetric int8.",
            ),
            click.option(
                "--weight-bits",
                type=click.Choice(["7", "8"]),
                default="7",
                show_default=True,
                help="ONNX: 7 is right on every CPU; 8 on ARM and on x86-64 with VNNI.",
            ),
            click.option(
                "--labels",
                metavar="NAME|FILE",
                help="Names of the classes, to travel with the file: imagenet, or one a line.",
            ),
            click.option(
                "--preprocessing",
                metavar="NAME|FILE",
                help="How images are cropped, resized and normalised: authors, timm or a .toml.  "
                "[default: the network's]",
            ),
            click.option(
                "--input",
                type=click.Choice(["normalised", "pixels"]),
                default="normalised",
                show_default=True,
                help="pixels: from 0 to 255, normalised inside the file, as MediaPipe needs it.",
            ),
            click.option(
                "--lowering",
                metavar="NAME|FILE",
                default="default",
                show_default=True,
                help="reference: as the paper writes it; default: fast on the format's usual "
                "runtime; FILE: a .toml from mixnet-bench tune.",
            ),
            click.option(
                "--for",
                "target",
                metavar="RUNTIME",
                help="Runtime and version to write for, such as litert-1.1, tflite-2.17 or "
                "onnxruntime-1.32: decides the default lowering (docs/runtimes.md).  "
                "[default: the newest]",
            ),
            click.option("--no-verify", is_flag=True, help="Don't run the file on a picture."),
            json_option,
        )
    ):
        command = option(command)
    return command


@main.command("list", epilog=example("mixnet-export list"))
@json_option
def list_networks(as_json: bool) -> None:
    """List the networks, with parameters, multiply-adds and the paper's row."""
    from mixnet_export.commands.catalogue import catalogue

    rows = catalogue()
    if as_json:
        print_json(rows)
        return
    print_table(
        ("network", "parameters", "MACs", "in Table 2", "parameters", "FLOPS", "in timm"),
        [_listed(row) for row in rows],
        caption=(
            "MACs: multiply-adds of convolutions and dense layers, at the network's resolution.",
            "The paper's FLOPS are multiply-adds in a convention that it does not state (Table 2).",
            "The names in timm are names of networks here too.",
        ),
    )


def _listed(row: dict[str, Any]) -> tuple[str, ...]:
    paper = row["paper"] or dict.fromkeys(("model", "params", "flops"), "")
    ours = (row["name"], f"{row['params']:,}", f"{row['macs'] / 1e6:.2f}M")
    return (*ours, paper["model"], paper["params"], paper["flops"], *(row["timm"][:1] or [""]))


@main.command(epilog=example("mixnet-export show mixnet-s"))
@network_argument
@network_options
@json_option
def show(
    network_name: str,
    classes: int | None,
    resolution: int | None,
    multiplier: float | None,
    as_json: bool,
) -> None:
    """Show a network's architecture block by block, as in the paper's Figure 8."""
    from mixnet_export.commands.catalogue import block_rows, block_table

    network = load_network(
        network_name, classes=classes, resolution=resolution, multiplier=multiplier
    )
    if as_json:
        print_json([{"name": network.name, "blocks": block_rows(network)}])
        return
    print_table(*block_table(network), network.name)
    say(f"source: {network.architecture.source}")


@main.command(
    epilog=example(
        "mixnet-export tflite mixnet-s -o out/",
        "mixnet-export tflite mixnet-s -o out/ --precision int8",
    )
)
@optional_network
@network_options
@export_options
def tflite(**arguments: Any) -> None:
    """Write NETWORK (a name or a TOML file) as a .tflite file.

    NETWORK may be left out where --weights say it: a folder from Hugging Face's hub, a checkpoint
    with its arch, or a file with timm's name.
    """
    _export("tflite", **arguments)


@main.command(
    epilog=example(
        "mixnet-export onnx mixnet-s -o out/",
        "mixnet-export onnx mixnet-s -o out/ --resolution 160 --classes 10",
    )
)
@optional_network
@network_options
@export_options
def onnx(**arguments: Any) -> None:
    """Write NETWORK (a name or a TOML file) as an .onnx file.

    NETWORK may be left out where --weights say it: a folder from Hugging Face's hub, a checkpoint
    with its arch, or a file with timm's name.
    """
    _export("onnx", **arguments)


main.add_command(optimize_command)


def _export(
    form: str,
    network_name: str | None,
    directory: Path,
    as_json: bool,
    no_verify: bool,
    calibrate: Path | None,
    labels: str | None,
    preprocessing: str | None,
    ranges: str,
    percentile: float | None,
    float_layers: tuple[str, ...],
    activations: str,
    weight_bits: str,
    **arguments: Any,
) -> None:
    from mixnet_export.job.exporting import Options
    from mixnet_export.job.requested import Job, run_job
    from mixnet_export.job.source import NetworkRequest
    from mixnet_export.mixed.files import print_front
    from mixnet_export.writers import FORMATS

    sizes = ("classes", "resolution", "multiplier", "batch", "weights_file", "seed")
    request = NetworkRequest(network_name, **{key: arguments.pop(key) for key in sizes})
    settings = Options(
        verify=not no_verify,
        calibration=calibrate,
        settings=_quantization(ranges, percentile, float_layers, activations, weight_bits),
        random_weights=request.weights_file is None,
        **arguments,
    )
    done = run_job(Job(request, FORMATS[form], directory, settings, labels, preprocessing))
    result = done.exported
    if result.verification:
        say(_checked(result.verification, settings))
    if as_json:
        print_json([{"name": done.network.name, "path": str(result.path), **result.provenance}])
        return
    if result.front:
        print_front(result.front)
    megabytes = result.provenance["size_bytes"] / 1e6
    print_lines(
        f"wrote {result.path} ({megabytes:.1f} MB, {settings.precision},"
        f" weights {done.source.name})"
    )


def _checked(found: Any, options: Any) -> str:
    """What the comparison on the picture says, and what it does not."""
    if options.precision == "float32":
        return f"verified: {found}"
    if options.random_weights:
        return (
            f"checked on one picture: {found.in_words()}; with random weights that says nothing"
            " of accuracy"
        )
    return f"checked on one picture: {found.in_words()}; mixnet-bench parity measures accuracy"


def _quantization(
    ranges: str,
    percentile: float | None,
    float_layers: tuple[str, ...],
    activations: str,
    weight_bits: str,
) -> Any:
    """The settings of int8 quantization."""
    from mixnet_quantize.settings import Settings

    if percentile is not None and ranges != "percentile":
        raise UsageError("--percentile goes with --ranges percentile", "add that, or drop it")
    settings = Settings(
        ranges,
        float_layers=float_layers,
        activations=activations,
        weight_bits=int(weight_bits),
    )
    return settings if percentile is None else replace(settings, percentile=percentile)
