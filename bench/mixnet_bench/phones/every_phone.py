"""``mixnet-bench latency --on all``: measures all phones in parallel, independent of each other.

Each phone has a thread, a progress line and its own errors; its results are saved when it is done,
whatever happens to the others, and a rerun measures only what is missing in the file.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from functools import partial

from mixnet_android.adb import Adb, Phone
from mixnet_android.phone.device import list_devices
from mixnet_bench.phones.one_phone import Keep, Report, measure_on
from mixnet_bench.phones.saved import SavedPhones
from mixnet_bench.phones.steps import PhoneOptions
from mixnet_bench.results.phones import PhoneLatencyResult
from mixnet_bench.timing.host import NO_COMPARISON, Comparer, conclude
from mixnet_bench.timing.latency import Plan
from mixnet_common import MixnetError
from mixnet_common.console import say, warn
from mixnet_common.progress import progress_lines

Measure = Callable[[Phone, Plan, PhoneOptions, Report, Comparer, Keep], list[PhoneLatencyResult]]


def usable_phones(adb: Adb) -> list[Phone]:
    """All phones that can be used; a word on each that can't. Raises MixnetError without any."""
    phones = []
    for device in list_devices(adb):
        serial = device.listed.serial
        if device.same_as is not None:
            say(f"{serial} is the same phone as {device.same_as}: only one is measured")
        elif device.usable:
            phones.append(Phone(adb, serial))
        else:
            warn(f"{serial} is not measured: {'; '.join(device.advice)}")
    if not phones:
        raise MixnetError("no phone can be used", "mixnet-bench devices shows the reasons")
    return phones


def measure_all(
    phones: Sequence[Phone],
    plan: Plan,
    phone_options: PhoneOptions,
    results: SavedPhones,
    comparer: Comparer = NO_COMPARISON,
    measure: Measure = measure_on,
) -> list[str]:
    """Put all phones' results into ``results``; the serials of those that failed."""
    failed = []
    stop = threading.Event()
    phones = [phone for phone in phones if not _recalled(phone.serial, results, comparer)]
    serials = [phone.serial for phone in phones]
    with progress_lines("timing on", serials) as reports, _pool(phones, stop) as pool:
        jobs: dict[Future[list[PhoneLatencyResult]], str] = {}
        for phone in phones:
            report = _unless(stop, reports[phone.serial])
            keep = partial(conclude, comparer=comparer, save=partial(results.add, phone.serial))
            job = pool.submit(measure, phone, plan, phone_options, report, comparer, keep)
            jobs[job] = phone.serial
        for job in as_completed(jobs):
            serial = jobs[job]
            try:
                job.result()
            except MixnetError as error:
                failed.append(serial)
                warn(f"{serial}: {error.message}{f' ({error.hint})' if error.hint else ''}")
                continue
            say(f"{serial} is done")
    return failed


def _recalled(serial: str, results: SavedPhones, comparer: Comparer) -> bool:
    """Whether the file has this phone's results already, compared anew."""
    targets = results.recall(serial)
    if targets is None:
        return False
    say(f"{serial} was measured before: remove {results.path} to measure it again")
    conclude(targets, comparer, partial(results.add, serial))
    return True


@contextmanager
def _pool(phones: Sequence[Phone], stop: threading.Event) -> Iterator[ThreadPoolExecutor]:
    """A thread for each phone, all at their end with the block.

    On Ctrl-C and every other failure the threads are stopped at their next report of progress:
    each ends what runs on its phone and restores its settings, as it does after any error.
    """
    pool = ThreadPoolExecutor(max_workers=max(1, len(phones)))
    try:
        yield pool
    except BaseException:
        stop.set()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _unless(stop: threading.Event, report: Report) -> Report:
    """The report, which ends the work of its caller once ``stop`` is set."""

    def stopping(share: float) -> None:
        if stop.is_set():
            raise MixnetError("it was interrupted")
        report(share)

    return stopping
