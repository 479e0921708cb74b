"""Timings as records: every sample, how it was taken, and the conclusions.

`LatencyResult` is a file timed by this software, on this machine or a phone. The docstrings of
fields become docs/json.md.
"""

from typing import Annotated

from msgspec import Meta

from mixnet_android.phone.records import PhoneDevice
from mixnet_bench.results.file_run import FileRun, Given, Origin
from mixnet_bench.results.profile import ProfileResult
from mixnet_bench.results.verdict import Verdict
from mixnet_common.result import (
    Count,
    Cpus,
    Milliseconds,
    Number,
    Plain,
    Positive,
    ResultRecord,
    Share,
    Span,
    Threads,
    check_ordered,
    known_as,
)

Interval = tuple[Positive, Positive]
IntervalMs = tuple[Milliseconds, Milliseconds]
Clocks = dict[str, Annotated[float, Meta(ge=0, le=1e8)]]
"""Kilohertz by a core's number."""


class CanaryResult(ResultRecord):
    """A fixed small computation, run just before a burst: it shows heat and other programs."""

    ms: tuple[Span, ...]
    """duration of each run"""
    cpu_ms: tuple[Span, ...]
    """CPU time of each run"""
    cpu: int
    """its core; -1 if not reported"""


class BurstResult(ResultRecord):
    """Consecutive inferences of one file."""

    round: Count = known_as(0)
    """in each round every file has one burst"""
    turn: Count = known_as(0)
    """this file's place in the order of the round, from 0"""
    lead_ms: Span | None = known_as()
    """the first inference of the burst; not a sample, since the caches contain data of another \
file"""
    count: Count
    """number of `samples_ms` in this burst"""
    t_ms: tuple[Number, ...] = known_as(())
    """when each sample began, on a clock of its launch"""
    cpu: Cpus = known_as(())
    """cores that it ran on, without the lead: on this machine the core at the burst's end, on \
phones that of each sample; empty if not reported"""
    cpu_ms: Span | None = known_as()
    """CPU time of all threads together, including the lead; `null` if not reported"""
    preempted: Count | None = known_as()
    """how often it lost its core to another program"""
    khz_before: Clocks = known_as({})
    """frequency of each core before the burst, by its number; empty if not reported"""
    khz_after: Clocks = known_as({})
    """the same after it"""
    canary: CanaryResult | None = None
    """*phones*: a fixed small computation just before the burst"""


class LaunchResult(ResultRecord):
    """One fresh process of a file."""

    load_ms: Span
    """opening the file in the fresh process: the runtime's libraries loaded, the file read and \
checked, its kernels prepared; Python's own start is not in it"""
    first_ms: Span | None = known_as()
    """the first inference"""
    warmup_ms: tuple[Span, ...] = known_as(())
    """the inferences of the warm-up, in order"""
    count: Count
    """number of `samples_ms` in this launch"""
    median_ms: Milliseconds | None = known_as()
    """their median"""
    affinity: Cpus | None = known_as()
    """the CPUs on which the process could run, read back from the system"""
    bursts: tuple[BurstResult, ...] = known_as(())
    threads_last_cpu: Cpus | None = None
    """*phones*: CPUs on which the process's threads ran last"""


# What it says


class Ratio(ResultRecord):
    """A ratio with its 95 % interval."""

    value: Positive
    """this file's time over the first file's: the geometric mean of the launches' ratios, each \
the median of its rounds'"""
    interval: Interval | None = known_as()
    """its 95 % interval: Student's, over launches; of a single launch a bootstrap of its rounds"""
    by: str | None = known_as()
    """`time`, or `cpu time` if other programs occupied the cores ([trust.md](trust.md))"""


class ComparisonResult(ResultRecord):
    """A file's time over a baseline's."""

    name: str
    """the baseline's name"""
    sha256: str | None = known_as()
    """of the baseline's content"""
    side_by_side: bool = known_as(False)
    """`true`: it ran in turns with this file; `false`: it is a saved result"""
    ratio: Positive
    """this file's time over the baseline's: the geometric mean of the launches' ratios, each the \
median of its rounds' (of a saved result: of its medians)"""
    interval: Interval | None = known_as()
    """interval at the level `confidence`; `null` with fewer than three launches"""
    confidence: Share | None = known_as()
    """0.99"""
    smallest_difference: Positive | None = known_as()
    """the difference, as a share, that such a measurement detects with probability `power`; \
`null` without an interval"""
    power: Share | None = known_as()
    """0.9"""
    by: str | None = known_as()
    """`time`, or `cpu time` if other programs occupied the cores ([trust.md](trust.md))"""
    launches: Count | None = known_as()
    """number of launches in the interval"""
    conclusion: str
    """`faster`, `slower`, `no detectable difference` or `no conclusion`"""
    reason: str | None = known_as()
    """why there is no conclusion, else `null`"""


class Window(ResultRecord):
    """A part of a sustained load's time."""

    start_s: Span
    """start of the window, since the first sample"""
    median_ms: Milliseconds
    """their samples' medians"""


class SustainedResult(ResultRecord):
    """The sustained speed of a device."""

    duration_s: Span
    """time from the start of the first sample to the end of the last one"""
    burst_ms: Milliseconds
    """the median of the first windows' medians"""
    plateau_ms: Milliseconds
    """the same of the last third's"""
    plateau_over_burst: Positive | None = known_as()
    """plateau over burst"""
    throttled_after_s: Span | None = known_as()
    """time from which on it stayed slower than the burst; `null` if never"""
    windows: tuple[Window, ...] = known_as(())


# How it was measured, and on what


class Settings(ResultRecord):
    """How files were timed."""

    threads: Count | None = known_as()
    """as requested, and so are the following"""
    launches: Count | None = known_as()
    """launches"""
    min_count: Count | None = known_as()
    """inferences per file, at least"""
    min_time_s: Span | None = known_as()
    """seconds of inference per file, at least"""
    warmup: Count | None = known_as()
    """inferences of the warm-up, per launch"""
    seed: int = known_as(0)
    """random seed of the inputs, the order and the bootstrap"""
    pin: Cpus | None = known_as()
    """requested CPUs, or `null`"""
    burst_ms: Span | None = known_as()
    """intended length of a burst"""
    timeout_s: Span | None = known_as()
    """time limit of an answer beyond its expected time"""
    sustained: bool = known_as(False)
    """the file ran continuously: `--sustained`"""
    runtime: dict[str, Plain] = known_as({})
    """configuration and choices of the runtime, such as `delegate`, `allow_spinning`"""


class Machine(ResultRecord):
    """The machine of a timing."""

    cpu: str | None = known_as()
    """the CPU's name"""
    architecture: str | None = known_as()
    """`x86_64`, `arm64`"""
    cores: Count | None = known_as()
    """logical CPUs"""
    os: str | None = known_as()
    """the system and its release"""
    python: str | None = known_as()
    """Python's version"""
    affinity: Cpus | None = known_as()
    """the CPUs that the command itself could use"""
    governor: str | None = known_as()
    """the first CPU's frequency governor"""
    load_average_before: tuple[Number, ...] | None = known_as()
    """load over 1, 5 and 15 minutes before measuring"""
    load_average_after: tuple[Number, ...] | None = known_as()
    """the same afterwards; the measurement is part of it"""


class LatencyResult(FileRun):
    """A file, timed: every sample, what they say, and how they were taken."""

    runtime: str | None = known_as()
    """`LiteRT`, `tflite-runtime`, `TensorFlow Lite` or `onnxruntime`"""
    runtime_version: str | None = known_as()
    """its version"""
    target: str = known_as("unknown")
    """device: `host`, this machine"""
    samples_ms: Annotated[tuple[Milliseconds, ...], Meta(min_length=1)]
    """every sample of all launches, in order: launch by launch, burst by burst"""
    launches: tuple[LaunchResult, ...]
    first_ms: Milliseconds
    """the median of the launches' first inferences"""
    median_ms: Milliseconds
    """the geometric mean of the launches' medians"""
    median_ms_interval: IntervalMs
    """its 95 % interval: Student's, on the logarithms of the launches' medians; for a single \
launch a block bootstrap of its samples, which does not include differences between launches"""
    p90_ms: Milliseconds
    """the geometric mean of the launches' 90th percentiles, each interpolated linearly (Hyndman \
and Fan's definition 7)"""
    p90_ms_interval: IntervalMs | None = known_as()
    """its 95 % interval, like the median's"""
    p99_ms: Milliseconds | None = known_as()
    """likewise the 99th percentiles; `null` if a launch has fewer than 100 samples"""
    p99_ms_interval: IntervalMs | None = known_as()
    """its 95 % interval"""
    memory_peak_bytes: Count | None = known_as()
    """*this machine*: peak memory of a file's process, less its memory before the file was \
opened: weights, activations, the runtime's own code and data; the median of the launches"""
    ratio_to_first: Ratio | None = known_as()
    outliers: Count | None = known_as()
    """samples with a modified Z-score beyond 3.5 within their launch; counted, never dropped"""
    verdict: Verdict
    """`valid`, or the most severe of `undelegated`, `throttled`, `wrong-cores`, `contended`, \
`drifting` and `too-short` ([trust.md](trust.md))"""
    reasons: tuple[str, ...] = known_as(())
    """a sentence for every caveat, the most severe first, with a remedy"""
    sustained: SustainedResult | None = None
    threads: Threads
    """threads of the runtime"""
    settings: Settings = known_as(Settings())
    machine: Machine = known_as(Machine())
    profile: ProfileResult | None = None
    against: ComparisonResult | None = None
    origin: Origin | None = None

    def __post_init__(self) -> None:
        """Raise ValueError if an interval has its end before its start."""
        check_ordered(self.median_ms_interval, "median_ms_interval")
        check_ordered(self.p90_ms_interval, "p90_ms_interval")
        check_ordered(self.p99_ms_interval, "p99_ms_interval")

    @property
    def ratio(self) -> float | None:
        """The time of this file over that of the file it was compared with."""
        found = self.against or self.ratio_to_first
        if isinstance(found, ComparisonResult):
            return found.ratio
        return None if found is None else found.value

    @property
    def counts(self) -> list[int]:
        """The number of samples of each launch."""
        return [each.count for each in self.launches]


# What is known before


class Foreseen(ResultRecord):
    """The known properties of a result before measuring; None if unknown."""

    name: str
    given: Given = known_as(Given())
    half_precision: str | None = None
    target: str
    threads: Threads
    settings: Settings
    machine: Machine
    emulated: bool | None = None
    fixed_performance: bool | None = None
    task_profile: str | None = None
    device: PhoneDevice | None = None
