"""``tune``: the fastest lowering of a network.

Options and help alone: what a command needs is imported when it is called.
"""

from pathlib import Path

import click

from mixnet_bench.command_line.model_options import FP16
from mixnet_common import UsageError
from mixnet_common.console import example, json_option
from mixnet_common.options import (
    CLASSES,
    MULTIPLIER,
    RESOLUTION,
    THREADS,
)


@click.command(
    epilog=example(
        "mixnet-bench tune mixnet-s --format tflite -o mixnet-s-here.toml",
        "mixnet-export tflite mixnet-s -o out --lowering mixnet-s-here.toml",
    )
)
@click.argument("network_name", metavar="NETWORK|FILE")
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
@FP16
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
    fp16: bool,
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
    time. The result is a readable TOML file for mixnet-export --lowering. For FILE, anyone's
    .tflite or .onnx, every rewriting of mixnet-export optimize is timed beside what is there, and
    the TOML file is for mixnet-export optimize --lowering.
    """
    from mixnet_bench.commands.tune import TuneRequest, run_tune
    from mixnet_bench.machine.affinity import pin as pin_to
    from mixnet_common.cpu_lists import parse_cpus
    from mixnet_export.writers import FORMATS
    from mixnet_networks import load_network

    if fixed_performance and on == "host":
        raise UsageError("--fixed-performance is a mode of phones", "add --on adb, or leave it out")
    if pin is not None and on == "host":
        pin_to(parse_cpus(pin))
    if Path(network_name).suffix.lower() in (".tflite", ".onnx"):
        if any(each is not None for each in (classes, resolution, multiplier)):
            raise UsageError(
                f"{network_name} is a file: its classes, resolution and channels are fixed",
                "leave out --classes, --resolution and --multiplier",
            )
        from mixnet_bench.commands.tune_file import run_tune_file

        where = None
        if on != "host":
            from mixnet_bench.phones.one_phone import serial_of
            from mixnet_bench.tuning.phone import phone_timer

            suffix = Path(network_name).suffix.lower()
            where = phone_timer(
                serial_of(on), suffix, threads, pin, fixed_performance, allow_emulated
            )
        run_tune_file(Path(network_name), output, threads, as_json, where)
        return
    network = load_network(
        network_name, classes=classes, resolution=resolution, multiplier=multiplier
    )
    request = TuneRequest(
        network, FORMATS[form], precision, threads, not no_cache, network_name, fp16
    )
    where = None
    if on != "host":
        from mixnet_bench.phones.one_phone import serial_of
        from mixnet_bench.tuning.phone import phone_timer

        suffix = request.form.suffix
        where = phone_timer(
            serial_of(on), suffix, threads, pin, fixed_performance, allow_emulated, fp16
        )
    run_tune(request, output, as_json, where)
