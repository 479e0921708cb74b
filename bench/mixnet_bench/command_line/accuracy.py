"""``classify`` and ``parity``: predictions of model files.

Options and help only: the modules that a command needs are imported when it is called.
"""

from pathlib import Path
from typing import Any

import click

from mixnet_bench.command_line.cluster_options import cluster_options
from mixnet_bench.command_line.groups import BenchCommand
from mixnet_bench.command_line.model_options import selection_options
from mixnet_common.console import example, json_option
from mixnet_common.option_groups import RenamedOption
from mixnet_common.options import (
    CONFIDENCE,
    IMAGES,
    JOBS,
    LISTED,
    POINTS,
    TOP,
)


@click.command(
    cls=BenchCommand,
    epilog=example(
        "mixnet-export tflite mixnet-s -o out --labels imagenet",
        "mixnet-bench classify out/mixnet-s.tflite photo.jpg",
    ),
)
@click.argument("target", metavar="FILE")
@click.argument(
    "images", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="IMAGE..."
)
@click.option(
    "--top", type=TOP, default=5, show_default=True, help="Number of classes to print per image."
)
@click.option(
    "--labels",
    metavar="NAME|FILE",
    show_default="stored in the model file",
    help="Class names: imagenet, or a text file with one name per line.",
)
@click.option(
    "--preprocessing",
    metavar="NAME|FILE",
    show_default="stored in the model file",
    help="How images are cropped, resized and normalised: authors, timm or a TOML file.",
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
    """Print the most probable classes of images.

    IMAGE is an image or a folder of images. Preprocessing and class names are read from the
    metadata in FILE or from the .json file beside it.
    """
    from mixnet_bench.commands.classify import run_classify

    run_classify(target, images, top, preprocessing, labels, as_json, selection)


@click.command(
    cls=BenchCommand,
    epilog=example(
        "mixnet-export tflite mixnet-s -o out",
        "mixnet-export tflite mixnet-s -o out --precision int8 --calibrate photos",
        "mixnet-bench parity out/mixnet-s.tflite out/mixnet-s-int8.tflite --data photos",
    ),
)
@click.argument("first", metavar="FIRST", type=click.Path(path_type=Path))
@click.argument("second", metavar="SECOND", type=click.Path(path_type=Path))
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder of images: one subfolder per class, or a flat folder with --truth or without"
    " labels.",
)
@click.option(
    "--labels",
    "--classes",
    "classes",
    cls=RenamedOption,
    metavar="NAME|FILE",
    show_default="stored in the model files",
    help="Class names in the order of the outputs: imagenet, or a text file with one name per"
    " line.",
)
@click.option(
    "--truth",
    type=click.Path(path_type=Path),
    help="File with the class of every image, for a flat folder (docs/parity.md).",
)
@click.option(
    "--synsets",
    type=click.Path(path_type=Path),
    help="File that maps the class numbers of ILSVRC in --truth to synsets.",
)
@click.option(
    "--unlabelled", is_flag=True, help="Compare predictions only; ignore the names of subfolders."
)
@click.option(
    "--budget",
    type=POINTS,
    help="Maximum loss of top-1 accuracy, in percentage points; sets the exit status.",
)
@click.option(
    "--confidence",
    type=CONFIDENCE,
    default=0.95,
    show_default=True,
    help="Confidence level of all intervals.",
)
@click.option(
    "--jobs",
    type=JOBS,
    show_default="number of CPUs, at most 4",
    help="Number of images to evaluate at the same time.",
)
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    help="File for partial results; an interrupted run continues from it.",
)
@click.option(
    "--worst", type=LISTED, default=5, show_default=True, help="Number of worst images to list."
)
@click.option(
    "--layers",
    type=IMAGES,
    default=0,
    metavar="N",
    show_default="none",
    help="Also compare the outputs of every layer on N images.",
)
@click.option(
    "--preprocessing",
    metavar="NAME|FILE",
    show_default="stored in the model files",
    help="How images are cropped, resized and normalised: authors, timm or a TOML file.",
)
@click.option(
    "--runtimes",
    metavar="NAME[,NAME]",
    show_default="LiteRT for .tflite, onnxruntime for .onnx",
    help="Runtimes that run the two files (docs/parity.md).",
)
@click.option(
    "--fp16",
    is_flag=True,
    help="Run SECOND, a float32 .tflite, in float16. FIRST and SECOND may be the same file.",
)
@selection_options
@cluster_options
@json_option
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Also save the JSON document here."
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
    """Compare the accuracy of two models on the same images.

    FIRST and SECOND are any two .tflite or .onnx files with the same classes, such as a float32
    file and its int8 version. Loss and agreement are printed with confidence intervals. With
    --budget the exit status is 0 if SECOND loses no more than the budget, 1 if it loses more, and 3
    if there are too few images to decide.
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
