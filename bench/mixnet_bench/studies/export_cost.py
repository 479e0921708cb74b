"""``python -m mixnet_bench.studies.export_cost``: the cost of writing, importing and starting up.

Every run is a fresh process, timed from outside for start-up and from inside for writing; memory is
the system's peak for the process. It compares with bars and changes nothing.
"""

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import click

from mixnet_bench.results.studies import ExportCostResult
from mixnet_common import MixnetError
from mixnet_common.console import CONTEXT, Command, example, json_option, print_json, print_table
from mixnet_common.options import LAUNCHES
from mixnet_common.progress import progress

SETUP = """
import json, sys, time
from pathlib import Path
start = time.perf_counter()
from mixnet_export.lowering import Model, find_plan, lower
from mixnet_export.writers import FORMATS
from mixnet_networks import load_network
from mixnet_networks.weights import seeded_weights
forms = sys.argv[2:]
network = load_network("mixnet-s")
weights = seeded_weights(network)
"""
WRITE = """
for form in forms:
    plan = find_plan("default", form)
    content = FORMATS[form].write(lower(Model(network.graph, weights), plan))
    Path(sys.argv[1], f"model.{form}").write_bytes(content)
"""
SAVE = """
import sys
from pathlib import Path
from mixnet_networks import load_network
from mixnet_networks.weights import save_weights, seeded_weights
save_weights(Path(sys.argv[1], "mixnet-l.safetensors"), seeded_weights(load_network("mixnet-l")))
"""
IMPORT = """
import json, sys, time
from pathlib import Path
start = time.perf_counter()
from mixnet_networks.importing import import_weights
import_weights(Path(sys.argv[1], "mixnet-l.safetensors"), "mixnet-l")
"""
REPORT = """
seconds = time.perf_counter() - start
from mixnet_common.memory import peak_memory
print(json.dumps([seconds, time.process_time(), peak_memory()]))
"""
"""The code of a job: imports and seeded weights count, since a user waits for them too. ``SAVE`` is
run before the importing, in a process of its own, and does not count."""


@dataclass(frozen=True)
class TimedExport:
    """Something to run, and the bars that it must stay below."""

    title: str
    arguments: tuple[str, ...]
    seconds_bar: float
    bytes_bar: int | None = None
    code: str = SETUP + WRITE
    before: str = ""
    """Run once, in a separate process."""


_WRITE_BARS = (3.0, 500_000_000)
JOBS: Mapping[str, TimedExport] = {
    "write": TimedExport("write MixNet-S as .tflite and .onnx", ("tflite", "onnx"), *_WRITE_BARS),
    "write-tflite": TimedExport("write MixNet-S as .tflite", ("tflite",), *_WRITE_BARS),
    "write-onnx": TimedExport("write MixNet-S as .onnx", ("onnx",), *_WRITE_BARS),
    "import": TimedExport(
        "import MixNet-L from .safetensors", (), 2.0, 400_000_000, code=IMPORT, before=SAVE
    ),
    "help": TimedExport("mixnet-export --help", ("--help",), 0.5),
    "list": TimedExport("mixnet-export list", ("list",), 0.5),
}


@dataclass(frozen=True)
class Cost:
    """The cost of one job over several fresh processes."""

    name: str
    title: str
    seconds: tuple[float, ...]
    cpu_seconds: tuple[float, ...]
    """CPU time on all cores, including Python's start; empty for start-up jobs. Far less than
    ``seconds`` means that the machine was busy with something else."""
    peak_bytes: tuple[int, ...]
    """Empty if it is not reported."""
    seconds_bar: float
    bytes_bar: int | None

    @property
    def within(self) -> bool:
        """Whether the medians stay below the bars."""
        small = not self.bytes_bar or not self.peak_bytes
        small = small or median(self.peak_bytes) < (self.bytes_bar or 0)
        return median(self.seconds) < self.seconds_bar and small

    def record(self) -> ExportCostResult:
        """The printed result, with every run."""
        return ExportCostResult(
            name=self.name,
            title=self.title,
            seconds=self.seconds,
            cpu_seconds=self.cpu_seconds,
            peak_bytes=self.peak_bytes,
            seconds_bar=self.seconds_bar,
            bytes_bar=self.bytes_bar,
            median_seconds=median(self.seconds),
            within=self.within,
        )


def measure_job(name: str, job: TimedExport, runs: int, folder: Path) -> Cost:
    """Run a job in fresh processes. Raises MixnetError if one of them fails."""
    if job.before:
        _python(name, "-c", job.before, str(folder))
    results = [_run(name, job, folder) for _ in range(runs)]
    return Cost(
        name,
        job.title,
        tuple(seconds for seconds, _, _ in results),
        tuple(cpu for _, cpu, _ in results if cpu is not None),
        tuple(peak for _, _, peak in results if peak is not None),
        job.seconds_bar,
        job.bytes_bar,
    )


def _run(name: str, job: TimedExport, folder: Path) -> tuple[float, float | None, int | None]:
    """Seconds, CPU seconds and peak bytes of one process, as far as they are known."""
    if job.bytes_bar:
        output = _python(name, "-c", job.code + REPORT, str(folder), *job.arguments)
        seconds, cpu, peak = json.loads(output.splitlines()[-1])
        return seconds, cpu, peak
    start = time.perf_counter()
    _python(name, "-m", "mixnet_export.cli", *job.arguments)
    return time.perf_counter() - start, None, None


def _python(name: str, *arguments: str) -> str:
    command = (sys.executable, "-P", *arguments)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise MixnetError(f"{name}: its process failed: {last[0]}")
    return done.stdout


def table_row(cost: Cost) -> Sequence[str]:
    """Median with least and greatest, memory, and whether the bars hold."""
    seconds = f"{median(cost.seconds):.2f} ({min(cost.seconds):.2f}–{max(cost.seconds):.2f})"
    peaks = [peak / 1e6 for peak in cost.peak_bytes]
    memory = f"{median(peaks):.0f} ({min(peaks):.0f}–{max(peaks):.0f})" if peaks else ""
    bars = f"{cost.seconds_bar:g} s"
    bars += f", {cost.bytes_bar / 1e6:.0f} MB" if cost.bytes_bar else ""
    cpu = f"{median(cost.cpu_seconds):.2f}" if cost.cpu_seconds else ""
    return (cost.title, seconds, cpu, memory, bars, "yes" if cost.within else "NO")


@click.command(
    cls=Command,
    context_settings=CONTEXT,
    epilog=example("python -m mixnet_bench.studies.export_cost"),
)
@click.option("--runs", type=LAUNCHES, default=7, show_default=True, help="Per job.")
@json_option
def main(runs: int, as_json: bool) -> None:
    """Measure time and peak memory of writing MixNet-S and importing MixNet-L, and of start-up.

    What is written is not verified.
    """
    from mixnet_common.temporary import temporary_folder

    with temporary_folder() as folder, progress("measuring", len(JOBS)) as step:
        costs = []
        for name, job in JOBS.items():
            costs.append(measure_job(name, job, runs, folder))
            step()
    if as_json:
        print_json([cost.record() for cost in costs])
    else:
        print_table(
            ("job", "seconds: median (range)", "of CPU", "peak MB", "below", "holds"),
            [table_row(cost) for cost in costs],
            caption=f"{runs} fresh processes each; imports and seeded weights are included.",
        )
    sys.exit(0 if all(cost.within for cost in costs) else 1)


if __name__ == "__main__":
    main()
