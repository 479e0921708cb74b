"""``python -m mixnet_bench.studies.runner``: the native runner's latencies against the bench's own.

Fresh processes of both take turns, A B B A ..., on the same files; the unit is the launch. It
checks one claim, that the runner's medians are within a few percent, with an interval.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from mixnet_android.runner.build import find_runner
from mixnet_bench.results.studies import Bounds, RunnerComparison
from mixnet_bench.stats.samples import median
from mixnet_bench.targets import model_file
from mixnet_bench.timing.latency import Plan, measure
from mixnet_bench.timing.native import measure_native
from mixnet_common.console import CONTEXT, Command, example, json_option, print_json, print_table
from mixnet_common.cpu_lists import parse_cpus
from mixnet_common.intervals import Interval, ratio_of
from mixnet_common.options import AT_LEAST_3, INFERENCES, SHORT, THREADS, WARMUP
from mixnet_common.progress import progress

BOUND = 0.05
TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Pace:
    """The work of both in a launch."""

    threads: int
    warmup: int
    min_count: int
    min_time_s: float
    pin: str | None


@dataclass(frozen=True)
class Comparison:
    """One file: the medians of every launch, in milliseconds, and the runner's time over ours."""

    name: str
    python_ms: tuple[float, ...]
    runner_ms: tuple[float, ...]
    ratio: float
    ratio_interval: Interval

    @property
    def within(self) -> bool:
        """Whether the runner's median is within the bound of ours."""
        return abs(self.ratio - 1) <= BOUND


def plan_of(path: Path, pace: Pace, seed: int) -> Plan:
    """One launch of one file."""
    return Plan(
        paths=(path,),
        threads=pace.threads,
        launches=1,
        min_count=pace.min_count,
        min_time_s=pace.min_time_s,
        warmup=pace.warmup,
        seed=seed,
        cpus=None if pace.pin is None else parse_cpus(pace.pin),
        timeout_s=TIMEOUT_S,
    )


def python_median(plan: Plan) -> float:
    """One launch of this bench's own worker."""
    return median(measure(plan)[0].launches[0].samples_ms)


def runner_median(plan: Plan, runner: Path) -> float:
    """One launch of the native runner. Raises MixnetError if it fails."""
    return median(measure_native(plan, runner)[0].launches[0].samples_ms)


def compare_runners(
    paths: Sequence[Path], launches: int, pace: Pace, runner: Path
) -> list[Comparison]:
    """Time every file by both, ``launches`` times each, the first to go changing every time."""
    python: list[list[float]] = [[] for _ in paths]
    native: list[list[float]] = [[] for _ in paths]
    with progress("launches", launches * len(paths)) as step:
        for launch in range(launches):
            for path, ours, theirs in zip(paths, python, native, strict=True):
                plan = plan_of(path, pace, launch)
                if launch % 2 == 0:
                    ours.append(python_median(plan))
                    theirs.append(runner_median(plan, runner))
                else:
                    theirs.append(runner_median(plan, runner))
                    ours.append(python_median(plan))
                step()
    return [
        compare_launches(path.name, ours, theirs)
        for path, ours, theirs in zip(paths, python, native, strict=True)
    ]


def compare_launches(
    name: str, python_ms: Sequence[float], runner_ms: Sequence[float]
) -> Comparison:
    """The geometric mean of the ratios of neighbouring launches, with Student's interval of these.

    A machine that is slow for a while slows both launches of a pair, which a ratio of two medians
    over all launches would not cancel.

    >>> compare_launches("a", [10.0, 10.2, 9.8], [10.1, 10.3, 9.9]).within
    True
    """
    pairs = zip(runner_ms, python_ms, strict=True)
    found = ratio_of([math.log(runner / python) for runner, python in pairs])
    assert found.interval is not None  # there are three launches at least
    return Comparison(name, tuple(python_ms), tuple(runner_ms), found.value, found.interval)


def _record(found: Comparison) -> RunnerComparison:
    interval = found.ratio_interval
    return RunnerComparison(
        name=found.name,
        python_ms=found.python_ms,
        runner_ms=found.runner_ms,
        ratio=found.ratio,
        ratio_interval=None if interval is None else Bounds(low=interval.low, high=interval.high),
        within=found.within,
    )


def _report(found: Sequence[Comparison], as_json: bool) -> None:
    if as_json:
        print_json([_record(each) for each in found])
        return
    rows = [
        (
            each.name,
            f"{median(np.array(each.python_ms)):.3f}",
            f"{median(np.array(each.runner_ms)):.3f}",
            f"{each.ratio:.3f}",
            f"{each.ratio_interval.low:.3f}–{each.ratio_interval.high:.3f}",
            "yes" if each.within else "NO",
        )
        for each in found
    ]
    columns = ("file", "bench ms", "runner ms", "ratio", "95 % interval", f"within {BOUND:.0%}")
    print_table(columns, rows)


@click.command(
    cls=Command,
    context_settings=CONTEXT,
    epilog=example("python -m mixnet_bench.studies.runner out/mixnet-s.tflite --launches 15"),
)
@click.argument("targets", nargs=-1, required=True, metavar="FILE...")
@click.option("--launches", type=AT_LEAST_3, default=15, show_default=True)
@click.option("--threads", type=THREADS, default=1, show_default=True)
@click.option("--warmup", type=WARMUP, default=10, show_default=True)
@click.option("--min-count", type=INFERENCES, default=50, show_default=True)
@click.option("--min-time", type=SHORT, default=1.0, show_default=True)
@click.option("--pin", metavar="CPUS", help="Run on these CPUs only, like 0,2-3.")
@click.option("--runner", type=click.Path(path_type=Path, exists=True), help="Runner program.")
@json_option
def main(
    targets: tuple[str, ...],
    launches: int,
    threads: int,
    warmup: int,
    min_count: int,
    min_time: float,
    pin: str | None,
    runner: Path | None,
    as_json: bool,
) -> None:
    """Hold the native runner's latencies on this machine against mixnet-bench's own.

    Exit status 1 where a file's ratio is beyond the bound.
    """
    paths = [model_file(target) for target in targets]
    pace = Pace(threads, warmup, min_count, min_time, pin)
    found = compare_runners(paths, launches, pace, runner or find_runner("linux-x86_64"))
    _report(found, as_json)
    if not all(each.within for each in found):
        sys.exit(1)


if __name__ == "__main__":
    main()
