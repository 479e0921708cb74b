"""What was timed, as records: every sample, how it was taken, and what it says.

`LatencyResult` is a file timed by this software, on this machine or a phone; `ProgramResult` one
timed by LiteRT's own program, which keeps no samples. The docstrings of fields are docs/json.md.
"""

from typing import Annotated

from msgspec import Meta

from mixnet_android.phone.records import PhoneConditions, PhoneDevice
from mixnet_android.runs.benchmark_model import Report, Spread
from mixnet_bench.results.verdict import Verdict
from mixnet_common.result import (
    Count,
    Cpus,
    Microseconds,
    Milliseconds,
    Number,
    Place,
    Plain,
    Positive,
    ResultRecord,
    Shape,
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


# Which file it was, and how it ran


class DataFile(ResultRecord):
    """A file with weights beside a model."""

    name: str
    """*weights beside an `.onnx`*: the path by which it names them"""
    sha256: str
    """their hash"""
    size_bytes: Count
    """their size"""


class GivenInput(ResultRecord):
    """What an option gave to an input."""

    sha256: str | None = None
    """of the values that `--input` gave to an input"""
    range: tuple[Number, Number] | None = None
    """the lowest and highest value that `--input-range` gave"""


class Given(ResultRecord):
    """What options gave beyond the file's own; empty where they gave nothing."""

    shapes: dict[str, Shape] | None = None
    """inputs to which `--shape` or `--dim` gave other sizes than the file's own; `given` is empty \
where options gave nothing"""
    signature: str | None = None
    """the signature, where `--signature` asked for another than the file's own"""
    inputs: dict[str, GivenInput] | None = None


class FileRun(ResultRecord):
    """A file, by name, place and content, and how it was run."""

    name: str
    """the file's name"""
    path: Place | None = known_as()
    """the path as given"""
    sha256: str | None = known_as()
    """of the file's content; where weights lie beside an `.onnx`, of the line of its own hash and \
a line `name`, NUL, hash for each file of them, by name"""
    size_bytes: Count
    """of the file, and of those with its weights"""
    data_files: tuple[DataFile, ...] | None = None
    shapes: dict[str, Shape] | None = known_as()
    """sizes of every input, as it ran"""
    signature: str | None = known_as()
    """the signature that ran; `null` where the file names none"""
    given: Given = known_as(Given())
    rewritten: bool | None = known_as()
    """`true`: a copy of the file ran, with other sizes or another signature first"""


class Origin(ResultRecord):
    """What a campaign knows of a file that it wrote."""

    network: str | None = None
    """*in a campaign's results*, and so are the following: the network that the file was made of"""
    file_format: str | None = None
    """`tflite` or `onnx`"""
    precision: str | None = None
    """its precision"""
    lowering: str | None = None
    """its lowering"""
    classes: Count | None = None
    """its classes"""
    resolution: Count | None = None
    """pixels of its input's side"""


# Samples


class CanaryResult(ResultRecord):
    """A fixed small computation, run just before a burst: it tells of heat and other programs."""

    ms: tuple[Span, ...]
    """how long it took, each time that it was run"""
    cpu_ms: tuple[Span, ...]
    """how much of that it had a core"""
    cpu: int
    """on which core; -1 where the system doesn't tell"""


class BurstResult(ResultRecord):
    """Consecutive inferences of one file."""

    round: Count = known_as(0)
    """in each round every file has one burst"""
    turn: Count = known_as(0)
    """this file's place in the order of the round, from 0"""
    lead_ms: Span | None = known_as()
    """the inference that opened the burst; apart from the samples, since it finds the caches full \
of another file"""
    count: Count
    """how many of `samples_ms` are this burst's"""
    t_ms: tuple[Number, ...] = known_as(())
    """when each sample began, on a clock of its launch"""
    cpu: Cpus = known_as(())
    """on which cores it was seen, without the lead: on this machine the core at the burst's end, \
on phones that of each sample; empty where the system doesn't tell"""
    cpu_ms: Span | None = known_as()
    """time that all threads together had on a core, the lead included; `null` where it isn't \
told"""
    preempted: Count | None = known_as()
    """how often a core was taken away from it"""
    khz_before: Clocks = known_as({})
    """the frequency of a core before the burst, by its number; empty where the system hides it"""
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
    """how many of `samples_ms` are this launch's"""
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
    """`time`, or `cpu time` where other programs held the cores ([trust.md](trust.md))"""


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
    """where the ratio lies at `confidence`; `null` with fewer than three launches"""
    confidence: Share | None = known_as()
    """0.99"""
    smallest_difference: Positive | None = known_as()
    """the difference, as a share, that such a measurement detects with probability `power`; \
`null` without an interval"""
    power: Share | None = known_as()
    """0.9"""
    by: str | None = known_as()
    """`time`, or `cpu time` where other programs held the cores ([trust.md](trust.md))"""
    launches: Count | None = known_as()
    """what the interval rests on"""
    conclusion: str
    """`faster`, `slower`, `no detectable difference` or `no conclusion`"""
    reason: str | None = known_as()
    """why there is no conclusion, else `null`"""


class Window(ResultRecord):
    """A part of a sustained load's time."""

    start_s: Span
    """the windows, since the first sample"""
    median_ms: Milliseconds
    """their samples' medians"""


class SustainedResult(ResultRecord):
    """What a device kept up."""

    duration_s: Span
    """from the first sample's begin to the last one's end"""
    burst_ms: Milliseconds
    """the median of the first windows' medians"""
    plateau_ms: Milliseconds
    """the same of the last third's"""
    plateau_over_burst: Positive | None = known_as()
    """the one over the other"""
    throttled_after_s: Span | None = known_as()
    """from when on it was slower than the burst for good; `null` if never"""
    windows: tuple[Window, ...] = known_as(())


class CategoryTime(ResultRecord):
    """A category of operators in a profile."""

    category: str
    """what the operators are for, as in the table (docs/profiling.md)"""
    count: Count | None = known_as()
    """operators of the category"""
    time_us: Annotated[float, Meta(ge=0, le=1e12)]
    """their microseconds together"""
    share: Number | None = known_as()
    """their share of `total_us`, 0 to 1"""


class OperatorTime(ResultRecord):
    """An operator in a profile."""

    name: str
    """the operator, in execution order: by the file's name for it, or by onnxruntime's after its \
optimizations"""
    kind: str
    """the file's word for it"""
    event: str
    """the runtime's word for what it ran"""
    category: str
    """its category"""
    time_us: Annotated[float, Meta(ge=0, le=1e12)]
    """microseconds of one inference: the mean over the middle half of the rounds"""


class ProfileResult(ResultRecord):
    """Where the time of an inference goes."""

    rounds: Count | None = known_as()
    """*`--profile`*, and so are the following: inferences under the runtime's profiler"""
    total_us: Microseconds | None = known_as()
    """microseconds of one inference: the operators and what lies between them"""
    unaccounted_us: Microseconds | None = known_as()
    """what lies between the operators: dispatch, copies in and out, the profiler itself"""
    inference_us: Microseconds | None = known_as()
    """one inference as its caller sees it; more than `total_us` on a busy machine, whose \
disturbances are no operator's own"""
    categories: tuple[CategoryTime, ...] = known_as(())
    operators: tuple[OperatorTime, ...] = known_as(())


# How it was measured, and on what


class Settings(ResultRecord):
    """How files were timed."""

    threads: Count | None = known_as()
    """as asked, and so are the following"""
    launches: Count | None = known_as()
    """launches"""
    min_count: Count | None = known_as()
    """inferences per file, at least"""
    min_time_s: Span | None = known_as()
    """seconds of inference per file, at least"""
    warmup: Count | None = known_as()
    """inferences of the warm-up, per launch"""
    seed: int = known_as(0)
    """of the inputs, the order and the bootstrap"""
    pin: Cpus | None = known_as()
    """CPUs asked for, or `null`"""
    burst_ms: Span | None = known_as()
    """length that a burst aims at"""
    timeout_s: Span | None = known_as()
    """how long an answer may take beyond what it should"""
    sustained: bool = known_as(False)
    """the file ran on and on: `--sustained`"""
    runtime: dict[str, Plain] = known_as({})
    """what the runtime was told and what it chose: for instance `delegate`, `allow_spinning`"""


class Machine(ResultRecord):
    """What it was timed on."""

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
    """where it ran: `host`, this machine"""
    samples_ms: Annotated[tuple[Milliseconds, ...], Meta(min_length=1)]
    """every sample of all launches, in order: launch by launch, burst by burst"""
    launches: tuple[LaunchResult, ...]
    first_ms: Milliseconds
    """the median of the launches' first inferences"""
    median_ms: Milliseconds
    """the geometric mean of the launches' medians"""
    median_ms_interval: IntervalMs
    """its 95 % interval: Student's, on the logarithms of the launches' medians; of a single \
launch a bootstrap of blocks of its samples, which knows nothing of other launches"""
    p90_ms: Milliseconds
    """the geometric mean of the launches' 90th percentiles, each interpolated linearly (Hyndman \
and Fan's definition 7)"""
    p90_ms_interval: IntervalMs | None = known_as()
    """its 95 % interval, like the median's"""
    ratio_to_first: Ratio | None = known_as()
    outliers: Count | None = known_as()
    """samples with a modified Z-score beyond 3.5 within their launch; counted, never dropped"""
    verdict: Verdict
    """`valid`, or the gravest of `undelegated`, `throttled`, `wrong-cores`, `contended`, \
`drifting` and `too-short` ([trust.md](trust.md))"""
    reasons: tuple[str, ...] = known_as(())
    """a sentence for every caveat, the gravest first, with what to do about it"""
    sustained: SustainedResult | None = None
    threads: Threads
    """threads of the runtime"""
    settings: Settings = known_as(Settings())
    machine: Machine = known_as(Machine())
    profile: ProfileResult | None = None
    against: ComparisonResult | None = None
    origin: Origin | None = None

    def __post_init__(self) -> None:
        """Raise ValueError where an interval ends before it begins."""
        check_ordered(self.median_ms_interval, "median_ms_interval")
        check_ordered(self.p90_ms_interval, "p90_ms_interval")

    @property
    def ratio(self) -> float | None:
        """The time of this file over that of the file it was compared with."""
        found = self.against or self.ratio_to_first
        if isinstance(found, ComparisonResult):
            return found.ratio
        return None if found is None else found.value

    @property
    def counts(self) -> list[int]:
        """How many of the samples are each launch's."""
        return [each.count for each in self.launches]


# Phones


class LibraryResult(ResultRecord):
    """The runtime library that ran on a phone."""

    api: str | None = known_as()
    """the interface: `litert`, `tflite` or `onnxruntime`"""
    version: str | None = known_as()
    """the runtime library's version, where it is known"""
    source: str | None = known_as()
    """the file that it came in"""
    sha256: str | None = known_as()
    """its own hash"""
    interface: str | None = known_as()
    """which form of the interface the runner found in it"""


class OutputDifference(ResultRecord):
    """How far a phone's output is from this machine's."""

    name: str
    """the output"""
    error: Positive | None = known_as()
    """the largest difference; `null` where it is not finite"""
    unit: str
    """`of the largest` (value), or `steps` of what was quantized"""
    limit: Positive
    """up to where it is no cause for concern: 1e-4, or one step"""
    within: bool
    """whether it is"""


class OutputsResult(ResultRecord):
    """A phone's outputs against this machine's."""

    within: bool
    """whether the outputs are this machine's, for the same input"""
    outputs: tuple[OutputDifference, ...] = known_as(())


class PhoneLatencyResult(LatencyResult):
    """A file, timed on a phone by this software's own runner."""

    target: str = known_as("adb")
    """`adb:` and the phone's serial"""
    verdict: Verdict
    """also `emulated`, `void` (restarted, or its thermal status overridden), `throttled`, \
`wrong-cores`, `differs` (its outputs are not this machine's)"""
    label: str | None = known_as()
    """`shell process`: an app may be slower or faster"""
    emulated: bool = known_as(False)
    """whether the phone is none, but an emulator; then `verdict` is `emulated`, and no time means \
anything"""
    fixed_performance: bool | None = known_as()
    """whether the phone's fixed-performance mode was on: clocks that it can sustain, not its \
fastest; compare only with results of the same mode"""
    device: PhoneDevice
    library: LibraryResult | None = known_as()
    runner: str | None = known_as()
    """the runner's version"""
    memory_peak_kb: Count | None = known_as()
    """the most memory that the process had, all its files together"""
    conditions: PhoneConditions = known_as(PhoneConditions())
    parity: OutputsResult | None = known_as()


# LiteRT's own program


class SpreadResult(ResultRecord):
    """Inferences in short; what the program's version leaves out is None."""

    count: Count
    """timed inferences"""
    mean_ms: Milliseconds
    """their mean"""
    min_ms: Span | None = known_as()
    """the fastest"""
    max_ms: Span | None = known_as()
    """the slowest"""
    deviation_ms: Span | None = known_as()
    """their standard deviation"""
    median_ms: Span | None = known_as()
    """their median, from newer versions of the program"""
    p95_ms: Span | None = known_as()
    """what 95 % of them stay below, likewise"""


class ProgramLaunch(ResultRecord):
    """One run of the program."""

    init_ms: Span | None = known_as()
    """as the program tells"""
    first_ms: Span | None = known_as()
    """the first inference"""
    warmup: SpreadResult | None = known_as()
    """the warm-up, with the keys of `timed`; `null` where there was none"""
    timed: SpreadResult
    delegate: str | None = known_as()
    """the delegate that was applied, like `XNNPACK`"""
    delegated: str | None = known_as()
    """how much of the network it took: `all`, `part` or `none`"""
    memory_mb: Positive | None = known_as()
    """the process's growth since its start, in MB"""


class ProgramSettings(ResultRecord):
    """How the program was told to time."""

    launches: Count | None = known_as()
    """processes a file"""
    min_count: Count | None = known_as()
    """inferences a file, at least, over all launches"""
    min_time_s: Span | None = known_as()
    """seconds of inference a file, at least"""
    warmup: Count | None = known_as()
    """inferences before those"""
    seed: int = known_as(0)
    """of the order of the files"""
    pin: Cpus | None = known_as()
    """the CPUs asked for; `null` for all"""


class ProgramRatio(ResultRecord):
    """A ratio of means."""

    value: Positive
    """to the first file: the geometric mean of the launches' ratios"""
    interval: Interval | None = known_as()
    """in which it lies; `null` below three launches"""


class ProgramResult(FileRun):
    """A file, timed on a phone by LiteRT's own ``benchmark_model``."""

    target: str
    """`adb:` and the phone's serial"""
    label: str | None = known_as()
    """`shell process`: an app may be slower or faster"""
    emulated: bool = known_as(False)
    """whether the phone is none"""
    fixed_performance: bool | None = known_as()
    """whether the phone's fixed-performance mode was on"""
    runner: str | None = known_as()
    """`benchmark_model`"""
    runner_sha256: str
    """the program's hash"""
    mean_ms: Milliseconds
    """the mean of the launches' means"""
    mean_ms_interval: tuple[Number, Number] | None = known_as()
    """in which it lies, Student's 95 %; `null` below three launches"""
    first_ms: Span | None = known_as()
    """the first inference, the median of the launches; `null` where the program doesn't tell"""
    init_ms: Span | None = known_as()
    """from the file to the first inference, the median of the launches"""
    ratio_to_first: ProgramRatio | None = known_as()
    verdict: Verdict
    """as of this software's own runner; `undelegated` where XNNPACK took nothing of the network, \
`unsampled` where nothing graver is known; never `valid`"""
    reasons: tuple[str, ...] = known_as(())
    """a sentence for every caveat, the gravest first"""
    launches: tuple[ProgramLaunch, ...]
    device: PhoneDevice
    """as without `--runner`"""
    conditions: PhoneConditions = known_as(PhoneConditions())
    """as without `--runner`"""
    threads: Threads
    """threads of the runtime"""
    settings: ProgramSettings = known_as(ProgramSettings())


def spread_record(spread: Spread) -> SpreadResult:
    """Inferences in short."""
    return SpreadResult(
        count=spread.count,
        mean_ms=spread.mean_ms,
        min_ms=spread.min_ms,
        max_ms=spread.max_ms,
        deviation_ms=spread.deviation_ms,
        median_ms=spread.median_ms,
        p95_ms=spread.p95_ms,
    )


def launch_record(report: Report) -> ProgramLaunch:
    """One run of the program."""
    return ProgramLaunch(
        init_ms=report.init_ms,
        first_ms=report.first_ms,
        warmup=None if report.warmup is None else spread_record(report.warmup),
        timed=spread_record(report.timed),
        delegate=report.delegate,
        delegated=report.delegated,
        memory_mb=report.memory_mb,
    )


# What is known before


class Foreseen(ResultRecord):
    """What is known of a result before anything is measured; None is what is not."""

    name: str
    given: Given = known_as(Given())
    target: str
    threads: Threads
    settings: Settings
    machine: Machine
    emulated: bool | None = None
    fixed_performance: bool | None = None
    device: PhoneDevice | None = None
