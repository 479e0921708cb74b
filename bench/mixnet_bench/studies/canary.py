"""``python -m mixnet_bench.studies.canary``: how often the runner's canary is right here.

Times a file with the native runner, pinned to one CPU, with and without a program that keeps that
CPU busy. Quiet runs count only if the runner hardly waited for a core by the kernel's figures: on a
shared machine other programs may load the CPU in a run without our load.
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from mixnet_android.runner.build import find_runner
from mixnet_android.runner.result import Result, Thread
from mixnet_bench.results.studies import CanaryRun, CanaryTrial
from mixnet_bench.targets import model_file
from mixnet_bench.timing.canary import canaries_of, caveats_of_canary, interruptions
from mixnet_bench.timing.latency import Plan
from mixnet_bench.timing.native import installed_library, launch_of, run_once
from mixnet_common.console import CONTEXT, Command, example, json_option, print_json, print_table
from mixnet_common.options import Real, Whole
from mixnet_common.progress import progress

QUIET = 0.01
"""Share of its time that a runner may have waited for a core, by the kernel, in a quiet run."""

SHARE = 0.9
"""Share of the runs of a kind that must be judged right: 18 of 20."""

MOST_TRIES = 10
"""Quiet runs that are tried for each that is wanted."""

LOAD = "import os, sys\nos.sched_setaffinity(0, {int(sys.argv[1])})\nwhile True: pass\n"
COLUMNS = ("runs", "judged", "canary found contention", "run delay")


@dataclass(frozen=True)
class Trial:
    """The runs and their duration."""

    path: Path
    runner: Path
    cpu: int
    seconds: float

    def run(self, seed: int, loaded: bool) -> CanaryRun:
        """One launch of the runner, with the load or without."""
        plan = Plan(
            paths=(self.path,),
            launches=1,
            min_count=1,
            min_time_s=self.seconds,
            warmup=2,
            seed=seed,
            cpus=(self.cpu,),
        )
        with _load(self.cpu) if loaded else _nothing():
            result = run_once(plan, self.runner, [installed_library(self.path)], seed)
        launch = launch_of(result, result.models[0])
        canaries = canaries_of(launch)
        return CanaryRun(
            loaded=loaded,
            run_delay=run_delay(result),
            canaries=sum(len(each.ms) for each in canaries),
            interrupted=sum(map(interruptions, canaries)),
            verdicts=tuple(each.verdict for each in caveats_of_canary([launch])),
        )


@contextmanager
def _nothing() -> Iterator[None]:
    yield


@contextmanager
def _load(cpu: int) -> Iterator[None]:
    """A program that keeps a CPU busy."""
    process = subprocess.Popen([sys.executable, "-c", LOAD, str(cpu)])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def run_delay(result: Result) -> float | None:
    """The share of its time that the runner waited for a core while it timed, by the kernel.

    None if it is not reported.
    """
    before, after = (result.threads.get(when, ()) for when in ("warmup", "end"))
    if not after or any(each.run_delay_ns is None for each in (*before, *after)):
        return None
    waited = (_waited_ns(after) - _waited_ns(before)) / 1e6
    ran = sum(each.cpu_ms for each in after) - sum(each.cpu_ms for each in before)
    return waited / (waited + ran) if waited + ran > 0 else None


def _waited_ns(threads: Sequence[Thread]) -> int:
    return sum(each.run_delay_ns or 0 for each in threads)


def is_quiet(run: CanaryRun) -> bool:
    """Whether a run without our load was without anybody's."""
    return not run.loaded and run.run_delay is not None and run.run_delay < QUIET


def run_trial(trial: Trial, count: int) -> list[CanaryRun]:
    """``count`` runs under load, and quiet ones until there are as many, or ten times as many."""
    loaded: list[CanaryRun] = []
    free: list[CanaryRun] = []
    with progress("runs", 2 * count) as step:
        while len(loaded) < count or sum(map(is_quiet, free)) < count:
            if len(free) >= MOST_TRIES * count:
                break
            free.append(trial.run(len(free), loaded=False))
            if is_quiet(free[-1]):
                step()
            if len(loaded) < count:
                loaded.append(trial.run(len(loaded), loaded=True))
                step()
    return [*loaded, *free]


def summarize(name: str, runs: Sequence[CanaryRun]) -> CanaryTrial:
    """Share of judged runs in which the canary was right."""
    loaded = [run for run in runs if run.loaded]
    quiet = [run for run in runs if is_quiet(run)]
    found = sum("contended" in run.verdicts for run in loaded)
    free = sum("contended" not in run.verdicts for run in quiet)
    return CanaryTrial(
        name=name,
        loaded=len(loaded),
        loaded_found=found,
        quiet=len(quiet),
        quiet_not_claimed=free,
        not_judged=sum(not run.loaded and not is_quiet(run) for run in runs),
        passed=bool(loaded and quiet)
        and found >= SHARE * len(loaded)
        and free >= SHARE * len(quiet),
        runs=tuple(runs),
    )


@click.command(
    cls=Command,
    context_settings=CONTEXT,
    epilog=example("python -m mixnet_bench.studies.canary out/mixnet-s.tflite --cpu 1"),
)
@click.argument("target")
@click.option("--cpu", type=Whole(0, 1023), default=0, show_default=True, metavar="N")
@click.option("--count", type=Whole(1, 1000), default=20, show_default=True, metavar="N")
@click.option("--seconds", type=Real(0.1, 600), default=3.0, show_default=True, metavar="S")
@json_option
def main(target: str, cpu: int, count: int, seconds: float, as_json: bool) -> None:
    """Count how often the canary detects a loaded CPU, and reports nothing on a quiet one."""
    trial = Trial(model_file(target), find_runner("linux-x86_64"), cpu, seconds)
    found = summarize(trial.path.name, run_trial(trial, count))
    if as_json:
        print_json([found])
    else:
        print_table(COLUMNS, rows(found))
    if not found.passed:
        sys.exit(1)


def rows(found: CanaryTrial) -> list[tuple[str, ...]]:
    """A row for each kind of run."""
    loaded = [run for run in found.runs if run.loaded]
    quiet = [run for run in found.runs if is_quiet(run)]
    return [
        ("loaded", str(found.loaded), f"{found.loaded_found}", _delays(loaded)),
        ("quiet", str(found.quiet), f"{found.quiet - found.quiet_not_claimed}", _delays(quiet)),
        ("not judged", str(found.not_judged), "", ""),
    ]


def _delays(runs: Sequence[CanaryRun]) -> str:
    delays = [run.run_delay for run in runs if run.run_delay is not None]
    return f"{min(delays):.1%} to {max(delays):.1%}" if delays else ""


if __name__ == "__main__":
    main()
