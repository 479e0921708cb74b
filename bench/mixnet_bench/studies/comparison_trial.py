"""How often the comparison of two files is right on this machine.

Repeats a small comparison many times: a file with itself, which must have no detectable difference,
and with a slower one, which must be slower. Prints how often this was so, and the smallest
detectable difference of these comparisons.
"""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np

from mixnet_android.runner.build import find_runner
from mixnet_bench.machine.affinity import check_cpus
from mixnet_bench.results.studies import TrialComparison, TrialPair, TrialResult
from mixnet_bench.stats.comparison import CONFIDENCE, SLOWER, UNDETECTED, Comparison, compare_turns
from mixnet_bench.stats.detection import POWER
from mixnet_bench.stats.samples import median
from mixnet_bench.stats.turns import Turns
from mixnet_bench.targets import model_file
from mixnet_bench.timing.latency import Plan, Timing, measure, turns_of
from mixnet_bench.timing.native import measure_native
from mixnet_common import write_whole
from mixnet_common.console import (
    CONTEXT,
    Command,
    example,
    json_option,
    json_text,
    print_json,
    print_table,
)
from mixnet_common.cpu_lists import parse_cpus
from mixnet_common.options import AT_LEAST_3, INFERENCES, SHORT, THREADS, WARMUP, Real, Whole
from mixnet_common.outputs import check_output
from mixnet_common.progress import progress
from mixnet_runtimes.model_files import with_companions

SHARE = 0.9
"""Share of repetitions that must be right: 18 of 20."""

Measure = Callable[[Plan], list[Timing]]


@dataclass(frozen=True)
class Repetition:
    """One comparison of a file with itself and with a slower one, side by side."""

    same: Comparison
    slower: Comparison


@dataclass(frozen=True)
class Trial:
    """All repetitions, and the comparison that all their launches together make."""

    repetitions: tuple[Repetition, ...]
    together: Repetition
    took_s: float

    @property
    def same_right(self) -> int:
        """Comparisons of a file with itself that saw no difference."""
        return sum(each.same.conclusion == UNDETECTED for each in self.repetitions)

    @property
    def slower_right(self) -> int:
        """Comparisons with the slower file that found it slower."""
        return sum(each.slower.conclusion == SLOWER for each in self.repetitions)

    @property
    def passed(self) -> bool:
        """Whether both were right often enough."""
        return min(self.same_right, self.slower_right) >= SHARE * len(self.repetitions)


def try_trust(
    plan: Plan,
    repetitions: int,
    measure_plan: Measure = measure,
    so_far: Callable[[Trial], object] = lambda trial: None,
) -> Trial:
    """Repeat the plan, whose paths are a file, the same file and a slower one.

    ``so_far`` is given the trial as far as it has come, after every repetition.
    """
    start = time.monotonic()
    found: list[Repetition] = []
    together: list[Turns] = [[], [], []]
    for number in range(repetitions):
        timings = measure_plan(replace(plan, seed=plan.seed + 1000 * number))
        turns = [turns_of(timing) for timing in timings]
        found.append(_repetition(turns, plan.threads))
        together = [[*before, *new] for before, new in zip(together, turns, strict=True)]
        trial = Trial(tuple(found), _repetition(together, plan.threads), time.monotonic() - start)
        so_far(trial)
    return trial


def _repetition(turns: Sequence[Turns], threads: int) -> Repetition:
    first, again, slower = turns
    return Repetition(compare_turns(again, first, threads), compare_turns(slower, first, threads))


def describe_trial(trial: Trial, names: Sequence[str], way: str) -> TrialResult:
    """The record: counts, what all launches together say, and every comparison."""
    return TrialResult(
        name=names[0],
        slower=names[1],
        way=way,
        repetitions=len(trial.repetitions),
        launches=trial.repetitions[0].same.launches,
        confidence=CONFIDENCE,
        power=POWER,
        same_undetected=trial.same_right,
        by_cpu_time=sum(each.slower.by_cpu for each in trial.repetitions),
        slower_detected=trial.slower_right,
        passed=trial.passed,
        smallest_difference=_smallest(trial, "same"),
        together=_describe_pair(trial.together),
        comparisons=tuple(map(_describe_pair, trial.repetitions)),
        took_s=trial.took_s,
    )


def _describe_pair(pair: Repetition) -> TrialPair:
    return TrialPair(same=_describe(pair.same), slower=_describe(pair.slower))


def _describe(comparison: Comparison) -> TrialComparison:
    interval = comparison.interval
    return TrialComparison(
        ratio=comparison.ratio,
        interval=None if interval is None else (interval.low, interval.high),
        smallest_difference=comparison.smallest_difference,
        conclusion=comparison.conclusion,
    )


def _smallest(trial: Trial, kind: str) -> float:
    shares = [getattr(each, kind).smallest_difference for each in trial.repetitions]
    return median(np.array(shares))


def _print(trial: Trial, names: Sequence[str], way: str) -> None:
    count = len(trial.repetitions)
    rows = [
        _row(f"{names[0]} against itself", UNDETECTED, trial.same_right, trial, "same"),
        _row(f"{names[1]} against {names[0]}", SLOWER, trial.slower_right, trial, "slower"),
    ]
    columns = ("comparison", "right answer", "given", "ratio", "99 %", "smallest difference")
    by_cpu = sum(each.slower.by_cpu for each in trial.repetitions)
    caption = (
        f"{way}; compared by CPU time because other programs used the cores: {by_cpu} of {count}",
        f"{count} repetitions of {trial.repetitions[0].same.launches} launches in "
        f"{trial.took_s:.0f} s",
        "ratio: of all launches together; smallest difference: detected by one repetition with"
        f" {POWER:.0%} probability, in the median (and at worst)",
    )
    print_table(columns, rows, caption=caption)


def _row(name: str, word: str, right: int, trial: Trial, kind: str) -> tuple[str, ...]:
    whole: Comparison = getattr(trial.together, kind)
    shares = [getattr(each, kind).smallest_difference for each in trial.repetitions]
    assert whole.interval is not None
    return (
        name,
        word,
        f"{right} of {len(trial.repetitions)}",
        f"{whole.ratio:.3f}",
        f"{whole.interval.low:.3f}–{whole.interval.high:.3f}",
        f"{_smallest(trial, kind):.1%} ({max(shares):.1%})",
    )


@click.command(
    cls=Command,
    context_settings=CONTEXT,
    epilog=example(
        "mixnet-export tflite mixnet-s -o out",
        "mixnet-export tflite mixnet-s --resolution 236 -o b",
        "python -m mixnet_bench.studies.comparison_trial out/mixnet-s.tflite b/mixnet-s.tflite",
    ),
)
@click.argument("file", metavar="FILE")
@click.argument("slower", metavar="SLOWER")
@click.option("--repetitions", type=Whole(2, 10_000), default=20, show_default=True)
@click.option("--launches", type=AT_LEAST_3, default=10, show_default=True)
@click.option("--min-count", type=INFERENCES, default=20, show_default=True, help="Per launch.")
@click.option("--min-time", type=SHORT, default=0.5, show_default=True)
@click.option("--warmup", type=WARMUP, default=5, show_default=True)
@click.option("--burst", type=Real(1, 1000), default=50, show_default=True, help="In ms.")
@click.option("--threads", type=THREADS, default=1, show_default=True)
@click.option("--pin", metavar="CPUS", help="Run on these CPUs only, like 0,2-3.")
@click.option("--runner", is_flag=True, help="Use the native runner.")
@json_option
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Save the JSON here, as it grows."
)
def main(
    file: str,
    slower: str,
    repetitions: int,
    launches: int,
    min_count: int,
    min_time: float,
    warmup: int,
    burst: float,
    threads: int,
    pin: str | None,
    runner: bool,
    as_json: bool,
    output: Path | None,
) -> None:
    """Compare FILE with itself and with SLOWER, again and again, and count the right words.

    Exit status 1 where either is right less than nine times in ten. Counts and times are those of
    one launch.
    """
    paths = (model_file(file), model_file(file), model_file(slower))
    if output is not None:
        check_output(output, with_companions(paths), like="trial.json")
    plan = Plan(
        paths,
        threads=threads,
        launches=launches,
        min_count=min_count * launches,
        min_time_s=min_time * launches,
        warmup=warmup,
        burst_ms=burst,
        cpus=None if pin is None else parse_cpus(pin),
    )
    if plan.cpus is not None:
        check_cpus(plan.cpus)
    way = _way(find_runner("linux-x86_64")) if runner else measure
    names = (str(paths[0]), str(paths[2]))
    words = "the native runner" if runner else "processes of Python"
    with progress("repetitions", repetitions) as step:

        def so_far(trial: Trial) -> None:
            if output is not None:
                described = [describe_trial(trial, names, words)]
                write_whole(output, json_text(described) + "\n")
            step()

        trial = try_trust(plan, repetitions, way, so_far)
    if as_json:
        print_json([describe_trial(trial, names, words)])
    else:
        _print(trial, names, words)
    sys.exit(0 if trial.passed else 1)


def _way(runner: Path) -> Measure:
    return lambda plan: measure_native(plan, runner)


if __name__ == "__main__":
    main()
