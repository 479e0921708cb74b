"""``run`` and ``report``: campaigns and their results.

Options and help alone: what a command needs is imported when it is called.
"""

from pathlib import Path

import click

from mixnet_common.console import example, json_option


@click.command(
    epilog=example(
        "mixnet-bench run table2 -o out/table2 --dry-run",
        "mixnet-bench run campaign.toml -o out/campaign",
    )
)
@click.argument("campaign", metavar="CAMPAIGN")
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
@json_option
def run(campaign: str, folder: Path, dry_run: bool, as_json: bool) -> None:
    """Export, quantize, count, time and compare all that a campaign names.

    CAMPAIGN is a TOML file (docs/campaigns.md) or a ready one: table2. What is done is never done
    again: interrupted, the same command goes on.
    """
    from mixnet_bench.commands.run import run_campaign

    run_campaign(campaign, folder, dry_run, as_json)


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
