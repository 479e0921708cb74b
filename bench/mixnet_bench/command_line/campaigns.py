"""``run`` and ``report``: campaigns and their results.

Options and help only: the modules that a command needs are imported when it is called.
"""

from pathlib import Path
from typing import Any

import click

from mixnet_bench.command_line.cluster_options import cluster_options
from mixnet_bench.command_line.groups import BenchCommand
from mixnet_common.console import example, json_option
from mixnet_common.options import RESOLUTION


@click.command(
    cls=BenchCommand,
    epilog=example(
        "mixnet-bench run table2 -o out/table2 --dry-run",
        "mixnet-bench run --weights best.safetensors --calibrate photos --data val -o out/best",
    ),
)
@click.argument("campaign", metavar="[CAMPAIGN]", required=False)
@click.option(
    "--weights",
    metavar="FILE",
    help="Checkpoint to export, in place of CAMPAIGN. The options on network, weights and images"
    " require it.",
)
@click.option(
    "--network",
    metavar="NAME",
    show_default="identified by the weights",
    help="Network that the weights belong to, as in mixnet-export list.",
)
@click.option(
    "--resolution",
    type=RESOLUTION,
    show_default="the network's own",
    help="Height and width of the input image, in pixels.",
)
@click.option(
    "--preprocessing",
    metavar="NAME|FILE",
    show_default="stored beside the weights",
    help="How images are cropped, resized and normalised: authors, timm or a TOML file.",
)
@click.option(
    "--labels",
    metavar="NAME|FILE",
    show_default="stored beside the weights",
    help="Class names: imagenet, or a text file with one name per line.",
)
@click.option(
    "--calibrate",
    metavar="DIRECTORY",
    show_default="one sample image",
    help="Folder of images that calibrate the int8 ranges; a few hundred are enough.",
)
@click.option(
    "--data",
    metavar="DIRECTORY",
    help="Folder of images on which accuracy is measured, one subfolder per class.",
)
@click.option(
    "--unlabelled", is_flag=True, help="Compare predictions on --data only; ignore subfolders."
)
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("campaign"),
    show_default=True,
    help="Folder for files and results; created if it does not exist.",
)
@click.option("--dry-run", is_flag=True, help="List the steps and their expected time; run none.")
@cluster_options
@json_option
def run(
    campaign: str | None,
    folder: Path,
    dry_run: bool,
    dask: str | None,
    insecure: bool,
    as_json: bool,
    **checkpoint: Any,
) -> None:
    """Export, quantize, measure and compare networks in one run.

    Ends with one table of results. CAMPAIGN is a TOML file (docs/campaigns.md), or table2, which
    ships with the package. With --weights in its place, a checkpoint is exported as float32 and
    int8 in both formats. To continue an interrupted run, give the same command again.
    """
    from mixnet_bench.campaign.from_options import asked_for
    from mixnet_bench.cluster.address import parse_address
    from mixnet_bench.commands.run import run_campaign

    address = parse_address(dask, insecure)
    run_campaign(asked_for(campaign, checkpoint), folder, dry_run, as_json, address)


@click.command(
    cls=BenchCommand,
    epilog=example(
        "mixnet-bench run table2 -o out/table2",
        "mixnet-bench report out/table2 -o report.html",
    ),
)
@click.argument(
    "results", nargs=-1, required=True, metavar="RESULT...", type=click.Path(path_type=Path)
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="File to write; without it, --markdown and --csv print to standard output.",
)
@click.option(
    "--title",
    metavar="TEXT",
    default="mixnet-mobile: results",
    show_default=True,
    help="Title of the page.",
)
@click.option("--markdown", is_flag=True, help="Write the tables as Markdown in place of HTML.")
@click.option("--csv", "as_csv", is_flag=True, help="Write one line of CSV per timed file.")
def report(
    results: tuple[Path, ...], output: Path | None, title: str, markdown: bool, as_csv: bool
) -> None:
    """Write results as one HTML page with tables and plots.

    RESULT is the JSON output of latency, count, paper, parity or predict, or the folder of a
    campaign or search. The page is one file and needs no network access.
    """
    from mixnet_bench.commands.report import run_report

    run_report(results, output, title, markdown, as_csv)
