"""The command ``mixnet-bench``: its tree of commands; no work is done here."""

if __name__ == "__main__":  # before the imports, during which an interrupt may come
    from mixnet_bench.__main__ import main as start

    start()

import click

from mixnet_bench.command_line.accuracy import classify, parity
from mixnet_bench.command_line.campaigns import report, run
from mixnet_bench.command_line.counting import count, inspect, paper
from mixnet_bench.command_line.devices import devices
from mixnet_bench.command_line.latency import latency
from mixnet_bench.command_line.searching import search
from mixnet_bench.command_line.tables import predict, table
from mixnet_bench.command_line.tuning import tune
from mixnet_common.console import CONTEXT, Group, example


@click.group(
    cls=Group,
    context_settings=CONTEXT,
    epilog=example(
        "mixnet-bench count mixnet-s",
        "mixnet-export tflite mixnet-s -o out",
        "mixnet-bench latency out/mixnet-s.tflite",
    ),
)
@click.version_option(package_name="mixnet-mobile", prog_name="mixnet-bench")
def main() -> None:
    """Count, measure and compare networks and model files, on this machine and on phones."""


COMMANDS = (
    count,
    inspect,
    latency,
    classify,
    parity,
    paper,
    tune,
    table,
    predict,
    search,
    devices,
    run,
    report,
)

for command in COMMANDS:
    main.add_command(command)
