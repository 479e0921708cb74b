"""The options that commands of ``mixnet-export`` share: which network, and how it is exported."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from mixnet_common.console import (
    json_option,
    output_option,
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
from mixnet_export.precisions import PRECISIONS

Command = TypeVar("Command", bound=Callable[..., Any])


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
                "--batch", type=BATCH, default=1, show_default=True, help="Images in a batch."
            ),
            click.option(
                "--precision",
                type=click.Choice(PRECISIONS),
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
                help="With --ranges percentile: percentage of values kept at each end.  "
                "[default: 99.99]",
            ),
            click.option(
                "--pieces",
                type=click.Choice(["int8", "float32"]),
                help="Type of the tiles of large depthwise kernels in an int8 file: float32 is "
                "exact, int8 smaller and faster.  [default: as the lowering says]",
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
                help="Cross-layer equalization before int8, for networks whose channels have "
                "weights of very different sizes.",
            ),
            click.option(
                "--correct-biases",
                is_flag=True,
                help="Bias correction: remove the mean error of every channel of an int8 file.",
            ),
            click.option(
                "--budget",
                type=POINTS,
                help="With --precision mixed: points of top-1 that may be lost, such as 0.5.",
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
