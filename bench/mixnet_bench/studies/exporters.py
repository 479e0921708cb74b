"""``python -m mixnet_bench.studies.exporters``: times our files in turns with other exporters'.

Makes every file with its exporter, then times those of one network, precision and runtime side by
side, in several fresh processes, and compares the ratios with ``peers/bars.toml``. A peer that is
not installed is skipped, and the table says so.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from mixnet_bench.machine.affinity import check_cpus
from mixnet_bench.results.peers import SkippedResult
from mixnet_bench.studies.peers.bars import load_bars
from mixnet_bench.studies.peers.groups import Group, Selection, build_groups
from mixnet_bench.studies.peers.making import ExportedFiles, orders_of
from mixnet_bench.studies.peers.options import names
from mixnet_bench.studies.peers.registry import PEERS, PRECISIONS, RUNTIMES
from mixnet_bench.studies.peers.result import (
    CAPTION,
    COLUMNS,
    Compared,
    describe_group,
    missed,
    size_lines,
    table_rows,
    title,
)
from mixnet_common import MixnetError, write_whole
from mixnet_common.console import (
    CONTEXT,
    Command,
    example,
    json_option,
    json_text,
    print_json,
    print_table,
    say,
    warn,
)
from mixnet_common.cpu_lists import parse_cpus
from mixnet_common.options import INFERENCES, LAUNCHES, THREAD_COUNTS, WARMUP
from mixnet_common.outputs import check_folder, check_output, named_files
from mixnet_common.progress import tracked

NETWORKS = ("mixnet-s", "mixnet-m", "mixnet-l", "mobilenet-v2")
"""Compared unless others are named."""


@dataclass(frozen=True)
class Timing:
    """How every group is timed; ``rounds`` are inferences of each file in each process."""

    threads: tuple[int, ...]
    launches: int
    rounds: int
    warmup: int
    cpus: tuple[int, ...] | None


def compare_exporters(
    selection: Selection, timing: Timing, keep: Path | None, output: Path | None, as_json: bool
) -> list[Compared]:
    """Make, time and print everything; one record a file and thread count.

    What is done is saved to ``output`` group by group. Raises MixnetError and UsageError.
    """
    check_comparison_request(selection, timing, output, keep)
    groups = build_groups(selection, load_bars())
    objects: list[Compared] = []
    with _directory(keep) as directory:
        exported = export_files(groups, directory)
        for group in groups:
            exported.compare(group)
            for threads in timing.threads:
                found = time_group(group, exported, timing, threads)
                objects += found
                if output is not None:
                    write_whole(output, json_text(objects) + "\n")
                if not as_json:
                    print_group(group, threads, found)
    if as_json:
        print_json(objects)
    return objects


def check_comparison_request(
    selection: Selection, timing: Timing, output: Path | None, keep: Path | None = None
) -> None:
    """Raise before anything is made where the request cannot be met."""
    from mixnet_export.lowering import find_plan
    from mixnet_networks import load_network

    for network in selection.networks:
        load_network(network)
    for runtime in selection.runtimes:
        find_plan(selection.lowering, RUNTIMES[runtime])
    if timing.cpus is not None:
        check_cpus(timing.cpus)
    if keep is not None:
        check_folder(keep, option="--keep", like="made")
    if output is not None:
        named = named_files(*selection.networks, selection.lowering)
        check_output(output, [*named, *kept_files(keep)], like="comparison.json")


def kept_files(keep: Path | None) -> list[Path]:
    """The saved model files, and the files that belong to them."""
    return [] if keep is None else [*keep.glob("*.tflite*"), *keep.glob("*.onnx*")]


@contextmanager
def _directory(keep: Path | None) -> Iterator[Path]:
    """Folder of the made files: permanent, or removed afterwards."""
    if keep is not None:
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="mixnet-peers-") as directory:
        yield Path(directory)


def export_files(groups: Sequence[Group], directory: Path) -> ExportedFiles:
    """Make all files, half a minute each, unless they exist already."""
    exported = ExportedFiles(directory)
    for order in tracked(orders_of(groups), "making files"):
        say(f"{order.network} {order.precision} {order.form}: {order.label}")
        exported.fill(order)
        if order in exported.skipped:
            warn(f"skipped {order.label}, {order.network}: {exported.skipped[order]}")
    return exported


def time_group(
    group: Group, exported: ExportedFiles, timing: Timing, threads: int
) -> list[Compared]:
    """Time the files of a group that could be made; one record each, and the skipped ones."""
    from mixnet_bench.timing.host import describe_run
    from mixnet_bench.timing.latency import Plan

    present = [order for order in group.orders if order in exported.made]
    say(f"timing {len(present)} files: {title(group, threads)}")
    plan = Plan(
        paths=tuple(exported.made[order].path for order in present),
        threads=threads,
        launches=timing.launches,
        min_count=timing.rounds * timing.launches,
        min_time_s=0.0,
        warmup=timing.warmup,
        cpus=timing.cpus,
    )
    timed = describe_run(plan)
    return describe_group(group, exported.made, exported.skipped, timed, load_bars())


def print_group(group: Group, threads: int, objects: Sequence[Compared]) -> None:
    """Print a group's table, and the caveats about it to stderr."""
    print_table(
        (title(group, threads), *COLUMNS),
        table_rows(group, objects),
        caption=[*size_lines(group, objects), *CAPTION],
    )
    for each in objects:
        if not isinstance(each, SkippedResult):
            for reason in each.reasons:
                warn(f"{each.name}: {_in_our_options(reason)}")


def _in_our_options(reason: str) -> str:
    """A caveat's advice speaks of ``mixnet-bench latency``; here one option has another name."""
    for theirs in ("--min-count", "--min-time"):
        reason = reason.replace(theirs, "--rounds")
    return reason


# The command line

NOBODY = "nobody"


@click.command(
    cls=Command,
    context_settings=CONTEXT,
    epilog=example(
        "python -m mixnet_bench.studies.exporters --networks mixnet-s --threads 1 --keep made",
    ),
)
@click.option(
    "--networks", callback=names(), metavar="NAMES", default=",".join(NETWORKS), show_default=True
)
@click.option(
    "--runtimes",
    callback=names(tuple(RUNTIMES)),
    metavar="NAMES",
    default=",".join(RUNTIMES),
    show_default=True,
)
@click.option(
    "--precisions",
    callback=names(PRECISIONS),
    metavar="NAMES",
    default=",".join(PRECISIONS),
    show_default=True,
)
@click.option("--threads", type=THREAD_COUNTS, metavar="NUMBERS", default="1,2", show_default=True)
@click.option(
    "--only",
    "peers",
    callback=names((*PEERS, NOBODY)),
    metavar="PEERS",
    default=",".join(PEERS),
    show_default=True,
    help=f"Peers to compare with; {NOBODY}: our own files alone.",
)
@click.option(
    "--lowering",
    default="default",
    show_default=True,
    help="Lowering of our files, by name or TOML file; its ratios are shown.",
)
@click.option(
    "--launches",
    type=LAUNCHES,
    default=5,
    show_default=True,
    help="Process repetitions per file. Intervals are computed across them.",
)
@click.option(
    "--rounds",
    type=INFERENCES,
    default=200,
    show_default=True,
    help="Timed inferences of each file in each process, in turns.",
)
@click.option(
    "--warmup",
    type=WARMUP,
    default=10,
    show_default=True,
    help="Warm-up inferences of each process, after the first; not counted.",
)
@click.option("--pin", metavar="CPUS", help="Run on these CPUs only, like 0,2-3 (Linux).")
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the files; existing ones are reused.",
)
@click.option("--check", is_flag=True, help="Exit with 1 if a bar is missed.")
@json_option
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Also save the JSON document here."
)
def command(
    networks: tuple[str, ...],
    runtimes: tuple[str, ...],
    precisions: tuple[str, ...],
    threads: tuple[int, ...],
    peers: tuple[str, ...],
    lowering: str,
    launches: int,
    rounds: int,
    warmup: int,
    pin: str | None,
    keep: Path | None,
    check: bool,
    as_json: bool,
    output: Path | None,
) -> None:
    """Compare our files with other exporters', timed side by side on this machine.

    Without peers installed, our literal form (the lowering called reference) remains to be
    compared with. With all of them: pip install ".[peers]".
    """
    chosen = tuple(peer for peer in PEERS if peer in peers)
    selection = Selection(networks, precisions, runtimes, chosen, lowering)
    cpus = None if pin is None else parse_cpus(pin)
    timing = Timing(threads, launches, rounds, warmup, cpus)
    objects = compare_exporters(selection, timing, keep, output, as_json)
    failed = missed(objects)
    if check and failed:
        raise MixnetError(f"bars missed: {len(failed)}", "; ".join(failed))


if __name__ == "__main__":
    command()
