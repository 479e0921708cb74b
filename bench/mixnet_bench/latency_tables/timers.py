"""The devices that time a table's launches: this machine, or a phone."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

from mixnet_bench.phones.one_phone import serial_of
from mixnet_bench.tuning.host import HostTimer
from mixnet_bench.tuning.phone import phone_timer
from mixnet_common.options import HOST
from mixnet_runtimes.targets import Target
from mixnet_runtimes.turns import Pace

PACE = Pace(launches=1, least=8, warmup=1, burst_s=0.015)
"""Pace of a launch on this machine."""

Times = Sequence[Sequence[float]]


class TableTimer(Protocol):
    """Times model files in one launch, and can say where."""

    def launch(self, contents: Sequence[bytes], seed: int) -> Times:
        """Seconds of each file in each round; the first file is the anchor."""
        ...

    def conditions(self, content: bytes) -> str:
        """Say what bears on the times: runtime, processor, threads."""
        ...

    def target(self, content: bytes) -> Target | None:
        """The runtime for such a file, as far as its version is a known one."""
        ...


@dataclass(frozen=True)
class PhoneChoice:
    """The settings of a phone's runs."""

    pin: str | None = None
    fixed_performance: bool = False
    allow_emulated: bool = False


def timer_on(
    on: str, suffix: str, threads: int, phone: PhoneChoice
) -> AbstractContextManager[TableTimer]:
    """The timer for files of a suffix on what ``--on`` names. Raises MixnetError, UsageError."""
    if on == HOST:
        return nullcontext(HostTimer(suffix, threads, pace=PACE))
    return phone_timer(
        serial_of(on),
        suffix,
        threads,
        phone.pin,
        phone.fixed_performance,
        phone.allow_emulated,
    )
