"""Measurements of another program, LiteRT's benchmark_model: means without samples, as records."""

from mixnet_android.phone.records import PhoneConditions, PhoneDevice
from mixnet_android.runs.benchmark_model import Report, Spread
from mixnet_bench.results.file_run import FileRun
from mixnet_bench.results.latency import Interval
from mixnet_bench.results.verdict import Verdict
from mixnet_common.result import (
    Count,
    Cpus,
    Milliseconds,
    Number,
    Positive,
    ResultRecord,
    Span,
    Threads,
    known_as,
)


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
    """their 95th percentile, likewise"""


class ProgramLaunch(ResultRecord):
    """One run of the program."""

    init_ms: Span | None = known_as()
    """as reported by the program"""
    first_ms: Span | None = known_as()
    """the first inference"""
    warmup: SpreadResult | None = known_as()
    """the warm-up, with the keys of `timed`; `null` if there was none"""
    timed: SpreadResult
    delegate: str | None = known_as()
    """the delegate, such as `XNNPACK`"""
    delegated: str | None = known_as()
    """the share of the network that it took: `all`, `part` or `none`"""
    memory_mb: Positive | None = known_as()
    """the process's growth since its start, in MB"""


class ProgramSettings(ResultRecord):
    """How the program was configured."""

    launches: Count | None = known_as()
    """processes per file"""
    min_count: Count | None = known_as()
    """inferences per file, at least, over all launches"""
    min_time_s: Span | None = known_as()
    """seconds of inference per file, at least"""
    warmup: Count | None = known_as()
    """inferences of the warm-up"""
    seed: int = known_as(0)
    """random seed of the order of the files"""
    pin: Cpus | None = known_as()
    """requested CPUs; `null` for all"""


class ProgramRatio(ResultRecord):
    """A ratio of means."""

    value: Positive
    """to the first file: the geometric mean of the launches' ratios"""
    interval: Interval | None = known_as()
    """its 95 % interval; `null` below three launches"""


class ProgramResult(FileRun):
    """A file, timed on a phone by LiteRT's own ``benchmark_model``."""

    target: str
    """`adb:` and the phone's serial"""
    label: str | None = known_as()
    """`shell process`: an app may be slower or faster"""
    emulated: bool = known_as(False)
    """whether the phone is an emulator"""
    fixed_performance: bool | None = known_as()
    """whether the phone's fixed-performance mode was on"""
    runner: str | None = known_as()
    """`benchmark_model`"""
    runner_sha256: str
    """the program's hash"""
    mean_ms: Milliseconds
    """the mean of the launches' means"""
    mean_ms_interval: tuple[Number, Number] | None = known_as()
    """its 95 % interval (Student); `null` below three launches"""
    first_ms: Span | None = known_as()
    """the first inference, the median of the launches; `null` if it is not reported"""
    init_ms: Span | None = known_as()
    """time from opening the file to the first inference, the median of the launches"""
    ratio_to_first: ProgramRatio | None = known_as()
    verdict: Verdict
    """as for this software's own runner; `undelegated` if XNNPACK took no operator, `unsampled` \
if no other caveat applies; never `valid`"""
    reasons: tuple[str, ...] = known_as(())
    """a sentence for every caveat, the most severe first"""
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
