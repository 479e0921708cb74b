"""``mixnet-bench latency --on all``: every phone at once, side by side, none disturbing another.

Each phone has a thread, a progress line and its own errors; what one has measured is saved when it
is done, whatever becomes of the others.
"""

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mixnet_android.adb import Adb, Phone
from mixnet_android.device import list_devices
from mixnet_bench.latency import Plan
from mixnet_bench.latency_adb import Report, Wishes, measure_on, show
from mixnet_bench.latency_command import NO_MORE, Finish, check_output
from mixnet_common import MixnetError, write_whole
from mixnet_common.console import STEPS, json_text, say, warn

Measure = Callable[[Phone, Plan, Wishes, Report], list[dict[str, Any]]]


def run(
    plan: Plan,
    wishes: Wishes,
    as_json: bool,
    output: Path | None,
    finish: Finish = NO_MORE,
) -> list[dict[str, Any]]:
    """Time the plan's files on all phones and report; the JSON objects.

    ``finish`` may add to each phone's before they are saved. Raises MixnetError where one failed.
    """
    if output is not None:
        check_output(output, plan.paths)
    phones = usable_phones(Adb.find())
    targets, failed = measure_all(phones, plan, wishes, output, _finished(finish))
    if targets:
        show(targets, as_json)
    if failed:
        raise MixnetError(
            f"{len(failed)} of {len(phones)} phones failed: {', '.join(failed)}",
            "the others' results are whole; run the same again for the rest",
        )
    return targets


def _finished(finish: Finish) -> Measure:
    """``measure_on``, whose results are finished at once."""

    def measure(phone: Phone, plan: Plan, wishes: Wishes, report: Report) -> list[dict[str, Any]]:
        return measure_on(phone, plan, wishes, report, finish, finish.add)

    return measure


def usable_phones(adb: Adb) -> list[Phone]:
    """All phones that can be used; a word on each that can't. Raises MixnetError without any."""
    phones = []
    for device in list_devices(adb):
        if device.usable:
            phones.append(Phone(adb, device.listed.serial))
        else:
            warn(f"{device.listed.serial} is left out: {'; '.join(device.advice)}")
    if not phones:
        raise MixnetError("there is no phone that can be used", "mixnet-bench devices says why")
    return phones


def measure_all(
    phones: Sequence[Phone],
    plan: Plan,
    wishes: Wishes,
    output: Path | None,
    measure: Measure = measure_on,
) -> tuple[list[dict[str, Any]], list[str]]:
    """The JSON objects of all phones, in their order, and the serials of those that failed."""
    found: dict[str, list[dict[str, Any]]] = {}
    failed = []
    stop = threading.Event()
    with _lines([phone.serial for phone in phones]) as reports, _pool(phones, stop) as pool:
        jobs: dict[Future[list[dict[str, Any]]], str] = {
            pool.submit(measure, phone, plan, wishes, _unless(stop, reports[phone.serial])): (
                phone.serial
            )
            for phone in phones
        }
        for job in as_completed(jobs):
            serial = jobs[job]
            try:
                found[serial] = job.result()
            except MixnetError as error:
                failed.append(serial)
                warn(f"{serial}: {error.message}{f' ({error.hint})' if error.hint else ''}")
                continue
            say(f"{serial} is done")
            if output is not None:
                write_whole(output, json_text(_in_order(phones, found)) + "\n")
    return _in_order(phones, found), failed


def _in_order(
    phones: Sequence[Phone], found: dict[str, list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    return [target for phone in phones for target in found.get(phone.serial, [])]


@contextmanager
def _pool(phones: Sequence[Phone], stop: threading.Event) -> Iterator[ThreadPoolExecutor]:
    """A thread for each phone, all at their end with the block.

    On Ctrl-C and every other failure the threads are told to stop, at their next word of progress:
    each ends what runs on its phone and restores its settings, as it does after any error.
    """
    pool = ThreadPoolExecutor(max_workers=len(phones))
    try:
        yield pool
    except BaseException:
        stop.set()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _unless(stop: threading.Event, report: Report) -> Report:
    """The report, which ends the work of whoever calls it once ``stop`` is set."""

    def stopping(share: float) -> None:
        if stop.is_set():
            raise MixnetError("it was interrupted")
        report(share)

    return stopping


@contextmanager
def _lines(names: Sequence[str]) -> Iterator[dict[str, Report]]:
    """A progress line for each name on stderr; functions that take the share that is done."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    )
    lock = threading.Lock()

    def line(name: str) -> Report:
        task = bar.add_task(f"timing on {name}", total=STEPS)
        furthest = 0.0

        def report(share: float) -> None:
            nonlocal furthest
            with lock:
                furthest = max(furthest, share)
                bar.update(task, completed=round(STEPS * furthest))

        return report

    with bar:
        yield {name: line(name) for name in names}
