"""The options that commands of ``mixnet-export`` share: the network, and how it is exported."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from mixnet_common.console import json_option, output_option
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
    """The same, optional: weights can identify the network."""
    return click.argument("network_name", metavar="[NETWORK]", required=False)(command)


def network_options(command: Command) -> Command:
    """The options that size a network."""
    own = "the network's own"
    for option in reversed(
        (
            click.option("--classes", type=CLASSES, show_default=own, help="Number of classes."),
            click.option(
                "--resolution",
                type=RESOLUTION,
                show_default=own,
                help="Height and width of the input image, in pixels.",
            ),
            click.option(
                "--multiplier",
                type=MULTIPLIER,
                show_default=own,
                help="Channel multiplier: scales the number of channels of every layer.",
            ),
        )
    ):
        command = option(command)
    return command


def export_options(command: Command) -> Command:
    """The options that both formats share."""
    for option in reversed((output_option, *WEIGHTS, *QUANTIZATION, *METADATA, *ADVANCED)):
        command = option(command)
    return json_option(command)


WEIGHTS = (
    click.option(
        "--weights",
        "weights_file",
        type=click.Path(path_type=Path),
        show_default="random weights",
        help="Trained weights: .safetensors, .pth, .ckpt, .keras, .weights.h5, a folder from the "
        "Hugging Face Hub, a TensorFlow checkpoint (.tar.gz or directory), or mixnet-s-glyphs.",
    ),
    click.option(
        "--seed", type=SEED, show_default="0", help="Random seed for weights without --weights."
    ),
    click.option(
        "--batch", type=BATCH, default=1, show_default=True, help="Number of images per inference."
    ),
)

QUANTIZATION = (
    click.option(
        "--precision",
        type=click.Choice(PRECISIONS),
        default="float32",
        show_default=True,
        help="float16, int8-dynamic: smaller weights, no calibration. int8: weights and "
        "activations, calibrated. mixed: int8 with as few blocks in float32 as --budget allows.",
    ),
    click.option(
        "--io",
        type=click.Choice(["float32", "int8"]),
        default="float32",
        show_default=True,
        help="Data type of inputs and outputs of an int8 file (int8 means uint8 in .onnx).",
    ),
    click.option(
        "--calibrate",
        type=click.Path(path_type=Path),
        show_default="one sample image",
        help="Folder of images that calibrate the int8 ranges; a few hundred are enough.",
    ),
    click.option(
        "--ranges",
        type=click.Choice(["min-max", "percentile", "mse", "per-image"]),
        default="per-image",
        show_default=True,
        help="How int8 ranges are computed from the calibration images. min-max: extremes; "
        "percentile: extremes without outliers; mse: least mean squared error; per-image: "
        "extremes without outlier images.",
    ),
    click.option(
        "--percentile",
        type=PERCENTILE,
        show_default="99.99",
        help="With --ranges percentile: the percentile at which ranges end.",
    ),
    click.option(
        "--pieces",
        type=click.Choice(["int8", "float32"]),
        show_default="set by the lowering",
        help="Data type of the tiles of large depthwise kernels in an int8 file: float32 is exact, "
        "int8 is smaller and faster.",
    ),
    click.option(
        "--float-layer",
        "float_layers",
        metavar="NAME",
        multiple=True,
        help="Keep a layer, or a block such as blocks.4.1, in float32 in an int8 file; repeatable.",
    ),
    click.option(
        "--equalise",
        is_flag=True,
        help="Apply cross-layer equalization before int8 quantization; for networks with weights "
        "of very different size in different channels.",
    ),
    click.option(
        "--correct-biases",
        is_flag=True,
        help="Apply bias correction: remove the mean error of every channel of an int8 file.",
    ),
    click.option(
        "--budget",
        type=POINTS,
        help="With --precision mixed: maximum loss of top-1 accuracy, in percentage points.",
    ),
    click.option(
        "--data",
        type=click.Path(path_type=Path),
        show_default="agreement with float32 on --calibrate",
        help="With --precision mixed: folder of labelled images, one subfolder per class, on which "
        "the loss is measured.",
    ),
    click.option(
        "--activations",
        type=click.Choice(["unsigned", "signed"]),
        default="unsigned",
        show_default=True,
        help="Data type of int8 activations. unsigned: uint8, faster on x86-64; signed: symmetric "
        "int8.",
    ),
    click.option(
        "--weight-bits",
        type=click.Choice(["7", "8"]),
        default="7",
        show_default=True,
        help="Bits of int8 weights. 7: correct on every CPU; 8: on ARM and on x86-64 with VNNI "
        "only.",
    ),
)

METADATA = (
    click.option(
        "--labels",
        metavar="NAME|FILE",
        help="Class names to store in the file: imagenet, or a text file with one name per line.",
    ),
    click.option(
        "--preprocessing",
        metavar="NAME|FILE",
        show_default="the network's own",
        help="How images are cropped, resized and normalised: authors, timm or a TOML file.",
    ),
    click.option(
        "--input",
        type=click.Choice(["normalised", "pixels"]),
        default="normalised",
        show_default=True,
        help="Input values of the file. normalised: after preprocessing; pixels: 0 to 255, and the "
        "file normalises them, as MediaPipe requires.",
    ),
)

ADVANCED = (
    click.option(
        "--lowering",
        metavar="NAME|FILE",
        default="default",
        show_default=True,
        help="Form of the convolutions. reference: as in the paper; default: the fastest known for "
        "--for; FILE: a TOML file written by mixnet-bench tune.",
    ),
    click.option(
        "--for",
        "target",
        metavar="RUNTIME",
        show_default="the newest version",
        help="Runtime and version that will run the file, such as litert-1.1, tflite-2.17 or "
        "onnxruntime-1.32 (docs/runtimes.md).",
    ),
    click.option(
        "--no-verify", is_flag=True, help="Do not verify the file by running it on a sample image."
    ),
)
