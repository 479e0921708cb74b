"""The command ``mixnet-bench``: parses the command line and hands over; no work is done here."""

if __name__ == "__main__":  # before the imports, during which an interrupt may come
    from mixnet_bench.__main__ import main as start

    start()

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mixnet_bench.commands.cluster_options import cluster_options
from mixnet_bench.commands.devices import devices
from mixnet_bench.commands.model_options import (
    input_options,
    selection_options,
)
from mixnet_common import UsageError
from mixnet_common.console import CONTEXT, Group, example, json_option
from mixnet_common.options import (
    CLASSES,
    CONFIDENCE,
    IMAGES,
    INFERENCES,
    JOBS,
    LAUNCHES,
    LISTED,
    MULTIPLIER,
    POINTS,
    RESOLUTION,
    SECONDS,
    SEED,
    THREADS,
    TIMEOUT,
    TOP,
    WARMUP,
)

if TYPE_CHECKING:
    from mixnet_bench.results.latency import LatencyResult, ProgramResult


@click.group(cls=Group, context_settings=CONTEXT)
@click.version_option(package_name="mixnet-mobile", prog_name="mixnet-bench")
def main() -> None:
    """Count, time and compare networks and model files."""


@main.command(epilog=example("mixnet-bench count mixnet-s mixnet-m mixnet-l"))
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@json_option
@click.option("--layers", is_flag=True, help="Print every layer too.")
@click.option("--classes", type=CLASSES, help="Classes of a network, instead of its own.")
@click.option(
    "--resolution", type=RESOLUTION, help="Input height and width of a network, in pixels."
)
@click.option("--multiplier", type=MULTIPLIER, help="Channel multiplier of a network.")
@selection_options
def count(
    targets: tuple[str, ...],
    as_json: bool,
    layers: bool,
    classes: int | None,
    resolution: int | None,
    multiplier: float | None,
    selection: Any,
) -> None:
    """Count parameters, multiply-adds and activations.

    TARGET is a network's name, a network's TOML file, or anyone's .tflite or .onnx file, which is
    read but not run.
    """
    from mixnet_bench.commands import count as count_command

    size = count_command.Size(classes, resolution, multiplier)
    count_command.run(targets, size, as_json, layers, selection)


@main.command(
    epilog=example(
        "mixnet-export tflite mixnet-s -o out", "mixnet-bench inspect out/mixnet-s.tflite"
    )
)
@click.argument("target", metavar="FILE")
@json_option
def inspect(target: str, as_json: bool) -> None:
    """Show what a .tflite or .onnx file takes and gives, and what it was made from.

    Inputs and outputs with their shapes, types and quantization, signatures, labels, preprocessing,
    delegation, external data, metadata, and the provenance beside the file.
    """
    from mixnet_bench.commands import inspect as inspect_command

    inspect_command.run(target, as_json)


@main.command(
    epilog=example(
        "mixnet-export tflite mixnet-s -o out",
        "mixnet-bench latency out/mixnet-s.tflite --threads 1",
    )
)
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@click.option(
    "--on",
    is_eager=True,  # threads are bounded by where they run
    default="host",
    show_default=True,
    metavar="host|adb[:SERIAL]|all",
    help="Where to time: here, on a phone, or on all phones at once.",
)
@click.option("--threads", type=THREADS, default=1, show_default=True)
@click.option(
    "--launches",
    type=LAUNCHES,
    default=5,
    show_default=True,
    help="Process repetitions per file. Intervals are computed across them.",
)
@click.option(
    "--min-count",
    type=INFERENCES,
    default=100,
    show_default=True,
    help="Inferences per target, at least.",
)
@click.option(
    "--min-time",
    type=SECONDS,
    default=5.0,
    show_default=True,
    help="Seconds of inference per target, at least.",
)
@click.option(
    "--warmup",
    type=WARMUP,
    default=10,
    show_default=True,
    help="Inferences after the first one that are kept apart, per launch.",
)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of inputs and order.")
@click.option(
    "--pin",
    metavar="CPUS",
    help="Run on these CPUs only, like 0,2-3 (Linux, phones); on phones big or little too.",
)
@click.option(
    "--timeout",
    type=TIMEOUT,
    default=60.0,
    show_default=True,
    help="Seconds without an answer after which a file counts as hung.",
)
@click.option(
    "--profile", is_flag=True, help="Show the time by kind of operator too: what is slow in it."
)
@click.option(
    "--fixed-performance",
    is_flag=True,
    help="On phones: clocks that can be sustained (Android 11), restored afterwards.",
)
@click.option(
    "--against",
    metavar="FILE|JSON",
    help="Compare with this file, side by side, or with a saved result of a like run.",
)
@click.option(
    "--sustained",
    metavar="TIME",
    help="Run one file on and on, like 10m: burst, plateau, when it throttles.",
)
@click.option("--strict", is_flag=True, help="Exit status 1 unless every verdict is valid.")
@click.option(
    "--runner",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Time with this benchmark_model of LiteRT's on the phone, instead of our own runner.",
)
@selection_options
@input_options
@json_option
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Save the JSON document here too."
)
def latency(
    targets: tuple[str, ...],
    on: str,
    threads: int,
    launches: int,
    min_count: int,
    min_time: float,
    warmup: int,
    seed: int,
    pin: str | None,
    timeout: float,
    profile: bool,
    fixed_performance: bool,
    against: str | None,
    sustained: str | None,
    strict: bool,
    runner: Path | None,
    as_json: bool,
    output: Path | None,
    selection: Any,
    inputs: Any,
) -> None:
    """Time .tflite and .onnx files side by side.

    Each launch starts one fresh process per file and lets them run in short turns, A B A B ...;
    ratios are to the first file.
    """
    from mixnet_bench.commands import latency as latency_command
    from mixnet_bench.phones import (
        benchmark_model as latency_benchmark_model,
    )
    from mixnet_bench.phones import (
        every_phone as latency_all,
    )
    from mixnet_bench.phones import (
        one_phone as latency_adb,
    )
    from mixnet_bench.targets import model_file
    from mixnet_bench.timing import trust
    from mixnet_bench.timing.latency import Plan
    from mixnet_bench.timing.preparing import prepared
    from mixnet_common.cpu_lists import parse_cpus

    if fixed_performance and on == "host":
        raise UsageError("--fixed-performance is a mode of phones", "add --on adb, or leave it out")
    plan = Plan(
        paths=tuple(model_file(target) for target in targets),
        threads=threads,
        launches=launches,
        min_count=min_count,
        min_time_s=min_time,
        warmup=warmup,
        seed=seed,
        cpus=None if pin is None or on != "host" else parse_cpus(pin),
        timeout_s=timeout,
        selection=selection,
        inputs=inputs,
    )
    wishes = latency_adb.Wishes(pin, fixed_performance, profile)
    if runner is not None:
        latency_benchmark_model.refuse(on, against, sustained)
        latency_benchmark_model.check_request(plan, runner, wishes)
    plan, finish = trust.extend(plan, against, sustained)
    with prepared(plan) as plan:
        measured: Sequence[LatencyResult] | Sequence[ProgramResult]
        if runner is not None:
            serial = latency_adb.serial_of(on)
            measured = latency_benchmark_model.run(plan, runner, serial, wishes, as_json, output)
        elif on == "host":
            measured = latency_command.run(plan, as_json, output, profile, finish)
        elif on == "all":
            measured = latency_all.run(plan, wishes, as_json, output, finish)
        else:
            serial = latency_adb.serial_of(on)
            measured = latency_adb.run(plan, serial, wishes, as_json, output, finish)
    if strict:
        trust.demand_valid(measured)


@main.command(
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
    from mixnet_bench.commands import classify as classify_command

    classify_command.run(target, images, top, preprocessing, labels, as_json, selection)


@main.command(
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
@click.option("--unlabelled", is_flag=True, help="Compare predictions only.")
@click.option("--budget", type=POINTS, help="Points of top-1 that may be lost: exit 0, 1 or 3.")
@click.option(
    "--confidence", type=CONFIDENCE, default=0.95, show_default=True, help="Of intervals."
)
@click.option("--jobs", type=JOBS, help="Images at once.  [default: the CPUs, at most 4]")
@click.option(
    "--state", type=click.Path(path_type=Path), help="Keep results here, and go on from them."
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
@cluster_options
@selection_options
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
    """Show two files the same images: what the second loses, with its uncertainty.

    FLOAT and INT8 are any two .tflite or .onnx files of the same classes. With --budget the exit
    status is 0 where the loss is within it, 1 beyond it, 3 where the images are too few to tell.
    """
    from mixnet_bench.accuracy.parity import request
    from mixnet_bench.commands import parity as parity_command
    from mixnet_bench.targets import model_file

    asked = request(
        model_file(str(first)),
        model_file(str(second)),
        options.pop("data"),
        preprocessing=preprocessing,
        runtimes=parity_command.parse_runtimes(runtimes),
        **options,
    )
    parity_command.run(asked, as_json, output)


@main.command(epilog=example("mixnet-bench paper table2", "mixnet-bench paper figure4"))
@click.argument("table", required=False, metavar="[TABLE]")
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    help="Measured accuracies: what mixnet-bench parity --json printed.",
)
@json_option
def paper(table: str | None, results: Path | None, as_json: bool) -> None:
    """Hold our counts against the paper's tables, figures and claims.

    TABLE is table1 to table3, text (the claims in words), figure1, figure4, figure5, figure6 or
    figure9, or all; by default everything of which the paper prints numbers. Accuracies are the
    paper's unless --results has measured ones.
    """
    from mixnet_bench.commands import paper as command

    command.run(table, as_json, results)


@main.command(
    epilog=example(
        "mixnet-bench tune mixnet-s --format tflite -o mixnet-s-here.toml",
        "mixnet-export tflite mixnet-s -o out --lowering mixnet-s-here.toml",
    )
)
@click.argument("network_name", metavar="NETWORK")
@click.option("--format", "form", type=click.Choice(["tflite", "onnx"]), default="tflite")
@click.option(
    "--on",
    is_eager=True,  # threads are bounded by where they run
    default="host",
    show_default=True,
    metavar="host|adb[:SERIAL]",
    help="Where to time: here, or on a phone.",
)
@click.option("--precision", type=click.Choice(["float32", "int8"]), default="float32")
@click.option("--threads", type=THREADS, default=1, show_default=True)
@click.option(
    "--pin",
    metavar="CPUS",
    help="Run on these CPUs only, like 0,2-3 (Linux, phones); on phones big or little too.",
)
@click.option("--fixed-performance", is_flag=True, help="On phones: clocks that can be sustained.")
@click.option("--allow-emulated", is_flag=True, help="Take an emulator for a phone; labelled.")
@click.option("--classes", type=CLASSES, help="Classes, instead of the network's own.")
@click.option("--resolution", type=RESOLUTION, help="Input height and width, in pixels.")
@click.option("--multiplier", type=MULTIPLIER, help="Channel multiplier.")
@click.option("--no-cache", is_flag=True, help="Time every block again.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help="The .toml to write."
)
@json_option
def tune(
    network_name: str,
    form: str,
    on: str,
    precision: str,
    threads: int,
    pin: str | None,
    fixed_performance: bool,
    allow_emulated: bool,
    classes: int | None,
    resolution: int | None,
    multiplier: float | None,
    no_cache: bool,
    output: Path,
    as_json: bool,
) -> None:
    """Find the fastest lowering of NETWORK here or on a phone, block by block.

    Candidates of each distinct block are timed side by side; what was found is kept for the next
    time. The result is a readable TOML file for mixnet-export --lowering.
    """
    from mixnet_bench.commands.tune import (
        Request,
        run,
    )
    from mixnet_bench.machine.affinity import pin as pin_to
    from mixnet_common.cpu_lists import parse_cpus
    from mixnet_export.writers import FORMATS
    from mixnet_networks import load_network

    if fixed_performance and on == "host":
        raise UsageError("--fixed-performance is a mode of phones", "add --on adb, or leave it out")
    if pin is not None and on == "host":
        pin_to(parse_cpus(pin))
    network = load_network(
        network_name, classes=classes, resolution=resolution, multiplier=multiplier
    )
    request = Request(network, FORMATS[form], precision, threads, not no_cache, network_name)
    where = None
    if on != "host":
        from mixnet_bench.phones.one_phone import serial_of
        from mixnet_bench.tuning.phone import phone_timer

        where = phone_timer(
            serial_of(on), request.form.suffix, threads, pin, fixed_performance, allow_emulated
        )
    run(request, output, as_json, where)


main.add_command(devices)


@main.command(
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
    from mixnet_bench.commands import run as run_command

    run_command.run(campaign, folder, dry_run, as_json)


@main.command(
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
    from mixnet_bench.commands import report as report_command

    report_command.run(results, output, title, markdown, as_csv)
