"""``latency``: times files on this machine or on phones.

Options and help only: the modules that a command needs are imported when it is called.
"""

from pathlib import Path
from typing import Any

import click

from mixnet_bench.command_line.groups import BenchCommand
from mixnet_bench.command_line.model_options import (
    FIXED_PERFORMANCE,
    PIN,
    THREADS_OPTION,
    fp16_option,
    input_options,
    selection_options,
)
from mixnet_common.console import example, json_option
from mixnet_common.options import (
    INFERENCES,
    LAUNCHES,
    SECONDS,
    SEED,
    TIMEOUT,
    WARMUP,
)


@click.command(
    cls=BenchCommand,
    epilog=example(
        "mixnet-export tflite mixnet-s -o out",
        "mixnet-bench latency out/mixnet-s.tflite --threads 1",
    ),
)
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@click.option(
    "--on",
    is_eager=True,  # threads are bounded by where they run
    default="host",
    show_default=True,
    metavar="host|adb[:SERIAL]|all",
    help="Device to measure on: this machine, a phone, or all phones at the same time.",
)
@THREADS_OPTION
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
    help="Minimum number of timed inferences per file.",
)
@click.option(
    "--min-time",
    type=SECONDS,
    default=5.0,
    show_default=True,
    help="Minimum total time of timed inferences per file, in seconds.",
)
@click.option(
    "--warmup",
    type=WARMUP,
    default=10,
    show_default=True,
    help="Warm-up inferences per process, not counted.",
)
@click.option(
    "--seed", type=SEED, default=0, show_default=True, help="Random seed for inputs and run order."
)
@PIN
@click.option(
    "--timeout",
    type=TIMEOUT,
    default=60.0,
    show_default=True,
    help="Give up a file after this many seconds without an answer.",
)
@click.option("--profile", is_flag=True, help="Also show the time spent in each kind of operator.")
@FIXED_PERFORMANCE
@click.option(
    "--keep-settings",
    is_flag=True,
    help="Change no settings of the phone. Its screen may turn off during the run.",
)
@click.option(
    "--take-over", is_flag=True, help="Stop a measurement of another user on the phone first."
)
@click.option(
    "--task-profile",
    metavar="NAME",
    help="Run under this Android task profile, such as MaxPerformance.",
)
@click.option(
    "--against",
    metavar="FILE|JSON",
    help="Baseline: a model file, timed side by side, or a result saved under the same conditions.",
)
@click.option(
    "--sustained",
    metavar="TIME",
    help="Run one file for this time, such as 90s or 10m, and report when it becomes slower.",
)
@click.option("--strict", is_flag=True, help="Exit with status 1 unless every verdict is valid.")
@click.option(
    "--runner",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Measure with this benchmark_model program of LiteRT in place of the native runner.",
)
@selection_options
@fp16_option
@input_options
@json_option
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Also save the JSON document here."
)
def latency(**options: Any) -> None:
    """Measure the latency of .tflite and .onnx files side by side.

    Every launch starts a new process per file; the processes take short turns, A B A B. Ratios
    are relative to the first TARGET.
    """
    from mixnet_bench.commands.latency_request import LatencyRequest, run_request

    run_request(LatencyRequest(**options))
