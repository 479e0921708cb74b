"""``python -m mixnet_bench.studies.runtimes``: the same files on many versions of the runtimes.

Each version has its own environment. There the literal form, the file for the newest version and
the one of the version's own rule take turns in one process; the interval is over processes. A
file's outputs are compared with those on the newest version.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from mixnet_bench.machine.description import cpu_model
from mixnet_bench.stats.comparison import Comparison
from mixnet_bench.studies import environments
from mixnet_bench.studies.environments import RELEASES, Release
from mixnet_bench.studies.runtimes_table import Ratio, Row, markdown, read_rows, table
from mixnet_bench.studies.turns import Timed, difference, run_files, time_files
from mixnet_common import UsageError
from mixnet_common.console import CONTEXT, Command, example, print_lines, print_table, say
from mixnet_common.cpu_lists import parse_cpus
from mixnet_common.files import write_whole
from mixnet_common.options import LAUNCHES, Whole
from mixnet_common.outputs import check_output, named_files
from mixnet_common.readers import is_file
from mixnet_common.result import encode
from mixnet_runtimes.targets import Target, find_target

REFERENCE = "reference"

PRECISIONS = ("float32", "int8")


@click.command(
    cls=Command,
    context_settings=CONTEXT,
    epilog=example(
        "python -m mixnet_bench.studies.runtimes --cache environments -o rows.json --pin 1",
        "python -m mixnet_bench.studies.runtimes --markdown rows.json",
    ),
)
@click.option(
    "--cache",
    type=click.Path(path_type=Path),
    help="Folder for the environments and model files; existing ones are reused.",
)
@click.option("--only", multiple=True, metavar="RUNTIME", help="E.g. tflite-2.17; repeatable.")
@click.option("--network", default="mixnet-s", show_default=True, help="Network to time.")
@click.option(
    "--precision",
    "precisions",
    type=click.Choice(PRECISIONS),
    multiple=True,
    help="Repeatable.  [default: both]",
)
@click.option("--launches", type=LAUNCHES, default=3, show_default=True, help="Processes.")
@click.option("--threads", type=Whole(1, 4), default=1, show_default=True)
@click.option("--pin", help="CPUs to run on, such as 1.")
@click.option("--delete", is_flag=True, help="Remove each environment after use.")
@click.option(
    "--markdown",
    "saved",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Print these rows as a Markdown table, also to -o, without measuring; repeatable.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="File for the rows, as JSON, or for the table.",
)
def main(
    cache: Path | None,
    only: tuple[str, ...],
    network: str,
    precisions: tuple[str, ...],
    launches: int,
    threads: int,
    pin: str | None,
    delete: bool,
    saved: tuple[Path, ...],
    output: Path | None,
) -> None:
    """Time the literal form, the newest version's file and each version's own, by turns."""
    if output is not None:
        made_before = [] if cache is None else [*cache.glob("files/**/*.*")]
        check_output(output, [*saved, *made_before, *named_files(network)], like="rows.json")
    if saved:
        lines = markdown(row for path in saved for row in read_rows(path))
        if output is not None:
            write_whole(output, "\n".join(lines) + "\n")
        print_lines(*lines)
        return
    if cache is None:
        raise UsageError("no folder for the environments", "name one with --cache")
    cpus = None if pin is None else tuple(parse_cpus(pin))
    job = Job(network, cache / "files", launches, threads, cpus)
    releases = _chosen(only)
    rows: list[Row] = []
    for release in releases:
        say(release.name)
        python = environments.make(release, cache)
        for precision in precisions or PRECISIONS:
            rows.append(study(release, precision, python, job))
            if output is not None:
                write_whole(output, json.dumps([encode(each) for each in rows], indent=2) + "\n")
        if delete:
            environments.remove(release, cache)
    columns, cells = table(rows)
    print_table(columns, cells, caption=f"{network} on {cpu_model() or 'an unknown CPU'}")


@dataclass(frozen=True)
class Job:
    """Settings that are the same for all versions."""

    network: str
    folder: Path
    """Folder of the model files."""
    launches: int
    threads: int = 1
    cpus: tuple[int, ...] | None = None


def _chosen(only: tuple[str, ...]) -> list[Release]:
    wanted = [find_target(each).name for each in only]
    found = [each for each in RELEASES if not only or each.target.name in wanted]
    missing = set(wanted) - {each.target.name for each in found}
    if missing:
        raise UsageError(f"no release of {', '.join(sorted(missing))} is listed")
    return found


def study(release: Release, precision: str, python: Path, job: Job) -> Row:
    """One version's row; ``python`` is that of its environment."""
    target = release.target
    newest = find_target(None, target.file_format)
    plans = list(
        dict.fromkeys([REFERENCE, *(each.lowering(precision) for each in (newest, target))])
    )
    files = [made(job, target, plan, precision) for plan in plans]
    timed = time_files(
        files, launches=job.launches, threads=job.threads, cpus=job.cpus, python=python
    )
    own = plans.index(target.lowering(precision))
    return Row(
        target=target.name,
        runtime=timed.runtime,
        cpu=cpu_model(),
        network=job.network,
        precision=precision,
        threads=job.threads,
        launches=job.launches,
        default=plans[1] if len(plans) > 1 else plans[0],
        own=plans[own],
        reference_ms=timed.ms[0],
        own_ms=timed.ms[own],
        default_to_reference=_ratio(timed.compared(1)),
        own_to_reference=_ratio(timed.compared(own)),
        own_to_default=None if own == 1 else _ratio(timed.compared(own, 1)),
        difference=_difference(timed, files),
    )


def _difference(timed: Timed, files: Sequence[Path]) -> float:
    """Largest difference between the outputs there and here, over the largest value."""
    pairs: Iterable[Any] = zip(run_files(files), timed.outputs, strict=True)
    return max(difference(ours, theirs) for ours, theirs in pairs)


def _ratio(found: Comparison) -> Ratio:
    interval = found.interval
    return Ratio(
        value=found.ratio, interval=None if interval is None else (interval.low, interval.high)
    )


def made(job: Job, target: Target, plan: str, precision: str) -> Path:
    """A network's file by a plan, with seeded weights; written where it is missing."""
    from mixnet_export.job.exporting import Options, export, file_name
    from mixnet_export.writers import FORMATS
    from mixnet_networks import load_network
    from mixnet_networks.weights import seeded_weights

    form = FORMATS[target.file_format]
    loaded = load_network(job.network)
    options = Options(lowering=plan, precision=precision, verify=False, random_weights=True)
    place = job.folder / plan
    path = place / file_name(loaded, form, options)
    if not is_file(path):
        export(loaded, seeded_weights(loaded), form, place, options, "seed 0")
    return path


if __name__ == "__main__":
    main()
