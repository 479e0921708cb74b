"""``run`` and ``report``: campaigns and their results.

Options and help alone: what a command needs is imported when it is called.
"""

from pathlib import Path
from typing import Any

import click

from mixnet_bench.command_line.cluster_options import cluster_options
from mixnet_common.console import example, json_option
from mixnet_common.options import RESOLUTION


@click.command(
    epilog=example(
        "mixnet-bench run table2 -o out/table2 --dry-run",
        "mixnet-bench run --weights best.safetensors --calibrate photos --data val -o out/best",
    )
)
@click.argument("campaign", metavar="[CAMPAIGN]", required=False)
@click.option("--weights", metavar="FILE", help="Instead of CAMPAIGN: a checkpoint to export.")
@click.option("--network", metavar="NAME", help="Network of --weights.  [default: as they say]")
@click.option("--resolution", type=RESOLUTION, help="Input height and width, in pixels.")
@click.option(
    "--preprocessing",
    metavar="NAME|FILE",
    help="How images are prepared.  [default: as the weights say]",
)
@click.option("--labels", metavar="NAME|FILE", help="Class names for --weights, one a line.")
@click.option("--calibrate", metavar="DIR", help="Images that set the int8 ranges.")
@click.option(
    "--data", metavar="DIR", help="Images to measure accuracy on, in a folder for each class."
)
@click.option("--unlabelled", is_flag=True, help="Compare only predictions on --data.")
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("campaign"),
    show_default=True,
    help="Folder for files and results; made if missing.",
)
@click.option("--dry-run", is_flag=True, help="List the work and its time, and do none of it.")
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
    """Export, quantize, count, time and compare networks; ends with one table.

    CAMPAIGN is a TOML file (docs/campaigns.md) or a ready one: table2. With --weights it is a
    checkpoint that is exported as float32 and int8 in both formats. An interrupted run continues
    where it stopped when the same command is given again.
    """
    from mixnet_bench.campaign.from_options import asked_for
    from mixnet_bench.cluster.address import parse_address
    from mixnet_bench.commands.run import run_campaign

    address = parse_address(dask, insecure)
    run_campaign(asked_for(campaign, checkpoint), folder, dry_run, as_json, address)


@click.command(
    epilog=example(
        "mixnet-bench run table2 -o out/table2",
        "mixnet-bench report out/table2 -o report.html",
    )
)
@click.argument(
    "results", nargs=-1, required=True, metavar="RESULT...", type=click.Path(path_type=Path)
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The file to write.")
@click.option("--title", default="mixnet-mobile: results", show_default=True)
@click.option("--markdown", is_flag=True, help="The tables as Markdown, to standard output or -o.")
@click.option("--csv", "as_csv", is_flag=True, help="One line for each timing, likewise.")
def report(
    results: tuple[Path, ...], output: Path | None, title: str, markdown: bool, as_csv: bool
) -> None:
    """Show results as one page of tables and plots.

    RESULT is a JSON file of latency, count, paper or parity, or a campaign's folder. The page needs
    no network and nothing beside it.
    """
    from mixnet_bench.commands.report import run_report

    run_report(results, output, title, markdown, as_csv)
