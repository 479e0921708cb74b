"""Times small models on a phone, side by side in one launch of the runner.

It chooses nothing: the search does. Candidates are sent, run in turns and removed again; changed
settings of the phone are restored at the end of the block.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mixnet_android.adb import Adb, Phone
from mixnet_android.libraries.store import Runtime, find_for
from mixnet_android.parsers import Product
from mixnet_android.phone.conditions import (
    read_conditions,
    wait_until_cool,
)
from mixnet_android.phone.device import (
    choose_phone,
    read_state,
)
from mixnet_android.phone.platform import choose_cpus, platform_of
from mixnet_android.runner.build import find_runner
from mixnet_android.runner.protocol import MOST_MODELS
from mixnet_android.runner.result import Model
from mixnet_android.runs.detached import end_others
from mixnet_android.runs.session import launch
from mixnet_android.runs.work import Work, digest_of, install
from mixnet_bench.phones.one_phone import serial_of
from mixnet_bench.phones.steps import PhoneOptions, in_hand
from mixnet_bench.timing.native import RUNTIMES
from mixnet_common import MixnetError
from mixnet_common.console import say, warn
from mixnet_common.hashing import sha256_of
from mixnet_common.temporary import temporary_folder
from mixnet_export.lowering import EMULATED
from mixnet_runtimes.targets import Target, target_of

RUN = "tune-"
"""Prefix of a run's name; the rest identifies its files, so that none is confused."""

NONE = "-"
"""No run's name begins so."""

LEAST = 12
"""Timed inferences of a candidate; bursts of about ``BURST_MS`` until ``LONGEST_S`` are over."""
LONGEST_S = 0.5
BURST_MS = 20.0

LAUNCHES = 5
"""Number of deciding measurements; each takes seconds on a phone."""


@dataclass(frozen=True)
class PhoneTimer:
    """Times the contents of model files of one format on a phone, with a number of threads."""

    phone: Phone
    suffix: str
    product: Product
    library: Runtime
    work: Work
    """Settings of the runs; the models are those of each call."""
    fixed_performance: bool = False
    fp16: bool = False
    """Whether all of them are computed in float16."""

    def __call__(self, contents: Sequence[bytes]) -> list[list[float]]:
        """Seconds of an inference in each round, for each file: its burst's median.

        Raises MixnetError if the runtime there refuses a file, or the phone goes away.
        """
        return self._run(contents, 1)[0]

    def launches(self, contents: Sequence[bytes]) -> list[list[list[float]]]:
        """The same in several launches of the runner. Raises as a call."""
        return self._run(contents, LAUNCHES)

    def launch(self, contents: Sequence[bytes], seed: int) -> list[list[float]]:
        """The same in one launch, in an order drawn from ``seed``. Raises as a call."""
        return replace(self, work=replace(self.work, seed=seed))._run(contents, 1)[0]

    def _run(self, contents: Sequence[bytes], launches: int) -> list[list[list[float]]]:
        if len(contents) > MOST_MODELS:
            raise MixnetError(f"{len(contents)} files at once: the runner accepts {MOST_MODELS}")
        with temporary_folder() as folder:
            paths = tuple(self._write(folder, index, each) for index, each in enumerate(contents))
            libraries = (self.library.path,) * len(paths)
            half = frozenset(range(len(paths))) if self.fp16 else frozenset()
            work = replace(self.work, models=paths, libraries=libraries, fp16=half)
            wait_until_cool(lambda: read_conditions(self.phone), say=say)
            installed = install(self.phone, work)
            try:
                name = f"{RUN}{digest_of(work, [sha256_of(path) for path in paths])[:16]}"
                found = [
                    launch(self.phone, f"{name}-{number}", work, installed, on_lost=self._wait)
                    for number in range(launches)
                ]
            finally:
                self._remove(installed.models)
        return [
            rounds_of([each.result.models[index] for index in range(len(paths))]) for each in found
        ]

    def conditions(self, content: bytes) -> str:
        """The conditions of the times: runtime and version, phone, threads, CPUs and clocks."""
        del content  # every file of a format has the same runtime
        threads, cpus = self.work.threads, self.work.cpus
        name = " ".join(each for each in (self.product.manufacturer, self.product.model) if each)
        soc = f" ({self.product.soc})" if self.product.soc else ""
        parts = [
            f"{RUNTIMES[self.library.api]} {self.library.version or self.library.sha256[:12]}"
            f" on {name or 'an unknown phone'}{soc}",
            f"{threads} thread{'s' if threads > 1 else ''}",
        ]
        parts += [] if cpus is None else [f"CPUs {','.join(map(str, cpus))}"]
        parts += ["fixed-performance mode"] if self.fixed_performance else []
        parts += ["in float16"] if self.fp16 else []
        return ", ".join(
            [f"{EMULATED}, not times of a phone", *parts] if self.product.emulated else parts
        )

    def target(self, content: bytes) -> Target | None:
        """The stored library that runs there; None if its version is unknown."""
        del content
        return target_of(RUNTIMES[self.library.api], self.library.version or "")

    def _write(self, folder: Path, index: int, content: bytes) -> Path:
        path = folder / f"{index}{self.suffix}"
        path.write_bytes(content)
        return path

    def _wait(self) -> None:
        warn(f"phone {self.phone.serial} is disconnected: waiting for it")

    def _remove(self, places: Sequence[str]) -> None:
        """Hundreds of candidates would fill the phone; one that is gone keeps its last few."""
        try:
            folders = [place.rpartition("/")[0] for place in places]
            self.phone.ask("rm", "-rf", *folders)
        except MixnetError:
            return


@contextmanager
def phone_timer(
    serial: str | None,
    suffix: str,
    threads: int,
    pin: str | None = None,
    fixed_performance: bool = False,
    allow_emulated: bool = False,
    fp16: bool = False,
) -> Iterator[PhoneTimer]:
    """A timer on this phone, or on the only one. Raises MixnetError and UsageError.

    An emulator is refused unless ``allow_emulated``: what is fast in it may be slow on any phone.
    """
    phone = choose_phone(Adb.find(), serial)
    state = read_state(phone)
    if state.product.emulated and not allow_emulated:
        raise MixnetError(
            f"{phone.serial} is emulated: its times are not valid for any phone",
            "tune on a phone, or accept a labelled plan with --allow-emulated",
        )
    platform = platform_of(phone, state.product.abis)
    library = find_for(suffix.removeprefix("."), platform)
    work = Work(
        runner=find_runner(platform),
        models=(),
        libraries=(),
        threads=threads,
        cpus=choose_cpus(pin, state.clusters, state.online),
        warmup=2,
        min_count=LEAST,
        min_time_s=LONGEST_S,
        burst_ms=BURST_MS,
        seed=0,
        outputs=False,
        limit_s=600,
    )
    with in_hand(phone, PhoneOptions(fixed_performance=fixed_performance)) as applied:
        end_others(phone, NONE)  # of a command that was interrupted
        fixed = applied.fixed_performance
        yield PhoneTimer(phone, suffix, state.product, library, work, fixed, fp16)


def timer_on(
    on: str, suffix: str, threads: int, *, allow_emulated: bool = False
) -> AbstractContextManager[PhoneTimer]:
    """A timer on ``adb`` or ``adb:SERIAL``; ``mixnet-export optimize --measure`` asks for it.

    Raises as ``phone_timer``.
    """
    return phone_timer(serial_of(on), suffix, threads, allow_emulated=allow_emulated)


def rounds_of(models: Sequence[Model]) -> list[list[float]]:
    """Seconds by model and round, of the rounds that every model took part in."""
    medians = [
        {
            burst.round: float(np.median(burst.ns[1:])) / 1e9
            for burst in model.bursts
            if burst.ns[1:]
        }
        for model in models
    ]
    shared = sorted(set.intersection(*(set(each) for each in medians)))
    if not shared:
        raise MixnetError("the phone returned no round in which all candidates ran", "run it again")
    return [[each[number] for number in shared] for each in medians]
