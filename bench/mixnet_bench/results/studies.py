"""What the programs for developers print, as records."""

from mixnet_common.result import (
    Count,
    Milliseconds,
    Number,
    Positive,
    ResultRecord,
    Share,
    Span,
    known_as,
)


class Bounds(ResultRecord):
    """An interval, by its bounds."""

    low: Number
    """the lower bound"""
    high: Number
    """the upper bound"""


class RunnerComparison(ResultRecord):
    """A file, timed by this bench's worker and by the native runner."""

    name: str
    """the file's name"""
    python_ms: tuple[Milliseconds, ...]
    """the worker's medians, launch by launch"""
    runner_ms: tuple[Milliseconds, ...]
    """the runner's"""
    ratio: Positive
    """the runner's time over the worker's: the geometric mean of the launches' ratios"""
    ratio_interval: Bounds | None = known_as()
    """its 95 % interval"""
    within: bool
    """whether it stays within the bound"""


class ExportCostResult(ResultRecord):
    """What an export costs."""

    name: str
    """the job"""
    title: str
    """the job in words"""
    seconds: tuple[Span, ...]
    """how long each run took"""
    cpu_seconds: tuple[Span, ...]
    """its CPU time"""
    peak_bytes: tuple[Count, ...]
    """the most memory that it had"""
    seconds_bar: Span | None = known_as()
    """what a run may take"""
    bytes_bar: Count | None = known_as()
    """the memory that it may have"""
    median_seconds: Span
    """the median of `seconds`"""
    within: bool
    """whether it stays within both"""


class TrialComparison(ResultRecord):
    """A comparison in a trial."""

    ratio: Positive
    """the ratio that was found"""
    interval: tuple[Positive, Positive] | None = known_as()
    """its interval at `confidence`"""
    smallest_difference: Positive | None = known_as()
    """the difference that it would have detected"""
    conclusion: str
    """what it concluded"""


class TrialPair(ResultRecord):
    """What was found of a file beside itself, and of a slower one beside it."""

    same: TrialComparison
    """the file beside itself"""
    slower: TrialComparison
    """a slower file beside it"""


class TrialResult(ResultRecord):
    """How often comparisons said the right word."""

    name: str
    """the file"""
    slower: str
    """the slower one"""
    way: str
    """how they were timed"""
    repetitions: Count
    """comparisons of each kind"""
    launches: Count
    """launches of each"""
    confidence: Share
    """of the intervals"""
    power: Share
    """of `smallest_difference`"""
    same_undetected: Count
    """how often the file beside itself was no detectable difference"""
    by_cpu_time: Count
    """how often CPU times were compared"""
    slower_detected: Count
    """how often the slower file was slower"""
    passed: bool
    """whether both are as often as promised"""
    smallest_difference: Positive | None = known_as()
    """the median of the repetitions'"""
    together: TrialPair
    """of all launches together"""
    comparisons: tuple[TrialPair, ...]
    """of each repetition"""
    took_s: Span
    """how long it took"""


class CanaryRun(ResultRecord):
    """A launch of the runner in a trial of its canary."""

    loaded: bool
    """whether a program kept its CPU busy"""
    run_delay: Share | None = known_as()
    """the share of its time that it waited for a core, by the kernel; `null` where it doesn't \
tell"""
    canaries: Count
    """how often the canary ran"""
    interrupted: Count
    """how often it had to wait for its core"""
    verdicts: tuple[str, ...] = known_as(())
    """what was concluded from it"""


class CanaryTrial(ResultRecord):
    """How often the runner's canary was right."""

    name: str
    """the file that was timed"""
    loaded: Count
    """runs on a CPU that was kept busy"""
    loaded_found: Count
    """how often contention was found there"""
    quiet: Count
    """runs that waited for a core for less than 1 % of their time"""
    quiet_not_claimed: Count
    """how often no contention was claimed there"""
    not_judged: Count
    """runs without the load that were not quiet"""
    passed: bool
    """whether both are right in 90 % of the runs"""
    runs: tuple[CanaryRun, ...]
    """every run"""
