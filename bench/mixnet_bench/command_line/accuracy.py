"""``classify`` and ``parity``: what files make of images.

Options and help alone: what a command needs is imported when it is called.
"""

from pathlib import Path
from typing import Any

import click

from mixnet_bench.command_line.cluster_options import cluster_options
from mixnet_bench.command_line.model_options import selection_options
from mixnet_common.console import example, json_option
from mixnet_common.options import (
    CONFIDENCE,
    IMAGES,
    JOBS,
    LISTED,
    POINTS,
    TOP,
)


@click.command(
    epilog=example(
        "mixnet-export tflite mixnet-s -o out --labels imagenet",
        "mixnet-bench classify out/mixnet-s.tflite photo.jpg",
    )
)
@click.argument("target", metavar="FILE")
@click.argument(
    "images", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="IMAGE..."
)
@click.option("--top", type=TOP, default=5, show_default=True, help="Classes per image.")
@click.option(
    "--labels", metavar="NAME|FILE", help="Names of the classes.  [default: the file's own]"
)
@click.option(
    "--preprocessing",
    metavar="NAME|FILE",
    help="How images are prepared: authors, timm or a .toml.  [default: as the file says]",
)
@selection_options
@json_option
def classify(
    target: str,
    images: tuple[Path, ...],
    top: int,
    labels: str | None,
    preprocessing: str | None,
    as_json: bool,
    selection: Any,
) -> None:
    """Show the most probable classes of images.

    IMAGE is an image or a folder of images. They are prepared as the metadata in FILE says, or the
    .json beside it.
    """
    from mixnet_bench.commands.classify import run_classify

    run_classify(target, images, top, preprocessing, labels, as_json, selection)


@click.command(
    epilog=example(
        "mixnet-export tflite mixnet-s -o out",
        "mixnet-export tflite mixnet-s -o out --precision int8 --calibrate photos",
        "mixnet-bench parity out/mixnet-s.tflite out/mixnet-s-int8.tflite --data photos",
    )
)
@click.argument("first", metavar="FLOAT", type=click.Path(path_type=Path))
@click.argument("second", metavar="INT8", type=click.Path(path_type=Path))
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    required=True,
    help="Images: folders by class, or a flat folder, with --truth or without labels.",
)
@click.option("--classes", metavar="FILE", help="The classes' names in order, one a line.")
@click.option("--truth", type=click.Path(path_type=Path), help="A file with each image's class.")
@click.option(
    "--synsets", type=click.Path(path_type=Path), help="ILSVRC's numbers and their synsets."
)
@click.option("--unlabelled", is_flag=True, help="Compare only predictions; no labels are needed.")
@click.option(
    "--budget",
    type=POINTS,
    help="Percentage points of top-1 that may be lost.",
)
@click.option(
    "--confidence",
    type=CONFIDENCE,
    default=0.95,
    show_default=True,
    help="Confidence of all intervals.",
)
@click.option("--jobs", type=JOBS, help="Images at once.  [default: the CPUs, at most 4]")
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    help="File of results so far, to continue from.",
)
@click.option("--worst", type=LISTED, default=5, show_default=True, help="Worst images to show.")
@click.option(
    "--layers", type=IMAGES, default=0, metavar="N", help="Compare layers on N images too."
)
@click.option(
    "--preprocessing",
    help="How images are prepared: authors, timm or a .toml.  [default: as the files say]",
)
@click.option("--runtimes", metavar="NAME[,NAME]", help="Runtimes to open the two files with.")
@click.option(
    "--fp16",
    is_flag=True,
    help="Compute the second file, a float32 .tflite, in float16; it may be the first one again.",
)
@selection_options
@cluster_options
@json_option
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Save the JSON document here too."
)
def parity(
    first: Path,
    second: Path,
    preprocessing: str | None,
    runtimes: str | None,
    as_json: bool,
    output: Path | None,
    **options: Any,
) -> None:
    """Compare the accuracy of two models on the same images, with confidence intervals.

    FLOAT and INT8 are any two .tflite or .onnx files of the same classes. With --budget the exit
    status is 0 where the loss is within it, 1 beyond it, 3 where the images are too few to tell.
    """
    from mixnet_bench.accuracy.parity import request
    from mixnet_bench.commands.parity import parse_runtimes, run_parity
    from mixnet_bench.targets import model_file

    asked = request(
        model_file(str(first)),
        model_file(str(second)),
        options.pop("data"),
        preprocessing=preprocessing,
        runtimes=parse_runtimes(runtimes),
        **options,
    )
    run_parity(asked, as_json, output)
