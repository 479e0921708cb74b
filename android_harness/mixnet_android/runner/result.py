"""One launch of the native runner as records: what it opened, loaded, timed and reported.

Pure data; ``protocol`` parses it from the runner's lines.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Header:
    """Place and time of the runner's run; ``clock_ns`` is its monotonic clock's origin here."""

    runner: str
    machine: str
    system: str
    pid: int
    page_bytes: int
    clock_ns: int
    unix_s: float
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Library:
    """A runtime that was opened."""

    path: str
    api: str
    version: str | None
    interface: str
    load_ms: float


@dataclass(frozen=True)
class Tensor:
    """An input or output."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    size_bytes: int


@dataclass(frozen=True)
class Canary:
    """A fixed small computation, run before a burst: how long it took each time, and on which core.

    ``cpu_ns`` is the time that it had on a core; the rest of ``ns`` it waited for one.
    """

    ns: tuple[int, ...]
    cpu_ns: tuple[int, ...]
    cpu: int


@dataclass(frozen=True)
class Burst:
    """One turn; every list begins with its lead, which is not a sample.

    ``khz`` is the core's frequency after each inference, where that was asked for. ``cpu_ns`` is
    the time that all threads together had on a core, ``preempted`` how often one was taken away.
    """

    round: int
    turn: int
    t_ns: tuple[int, ...]
    ns: tuple[int, ...]
    cpu: tuple[int, ...]
    khz: tuple[int, ...] | None
    cpu_ns: int
    preempted: int
    khz_before: Mapping[int, int]
    khz_after: Mapping[int, int]
    canary: "Canary | None" = None

    @property
    def lead_ms(self) -> float:
        """The inference that opened the burst."""
        return self.ns[0] / 1e6

    @property
    def samples_ms(self) -> tuple[float, ...]:
        """All the others, in order."""
        return tuple(each / 1e6 for each in self.ns[1:])


@dataclass(frozen=True)
class ProfiledRound:
    """One profiled inference: ``(name, type, index, µs)`` of each event."""

    round: int
    wall_ns: int
    events: tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True)
class Output:
    """A raw output, in a file beside the result."""

    tensor: Tensor
    index: int
    path: str


@dataclass(frozen=True)
class Model:
    """Everything measured of one file."""

    library: int
    path: str
    size_bytes: int
    load_ms: float
    first_ms: float
    input_source: str
    settings: Mapping[str, Any]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    warmup_ns: tuple[int, ...]
    bursts: tuple[Burst, ...]
    profile: tuple[ProfiledRound, ...]
    profile_file: str | None
    output_files: tuple[Output, ...]
    wholly_delegated: bool | None = None
    """Whether XNNPACK took all of it; None if it is not reported."""

    @property
    def samples_ms(self) -> tuple[float, ...]:
        """The samples of all bursts, in order, without the leads."""
        return tuple(sample for burst in self.bursts for sample in burst.samples_ms)


@dataclass(frozen=True)
class Thread:
    """A thread of the runner's process; ``last_cpu`` is where it last ran."""

    tid: int
    name: str
    allowed: tuple[int, ...]
    last_cpu: int
    cpu_ms: int
    run_delay_ns: int | None = None
    """Time that it was ready and waited for a core; None if it is not reported."""


@dataclass(frozen=True)
class Memory:
    """The process's peak and present size."""

    peak_kb: int
    now_kb: int


@dataclass(frozen=True)
class End:
    """How it ended; ``status`` is the exit status."""

    status: int
    reason: str
    t_ns: int


@dataclass(frozen=True)
class Result:
    """One launch of the runner. ``end`` is None in what a killed runner left behind."""

    header: Header
    asked_cpus: tuple[int, ...] | None
    cpus: tuple[int, ...] | None
    libraries: tuple[Library, ...]
    models: Mapping[int, Model]
    threads: Mapping[str, tuple[Thread, ...]]
    memory: Mapping[str, Memory]
    warnings: tuple[str, ...]
    errors: tuple[str, ...]
    end: End | None


@dataclass(frozen=True)
class Progress:
    """The runner's progress, 0 to 1."""

    done: float
    stage: str
