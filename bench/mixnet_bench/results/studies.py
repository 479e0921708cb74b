"""The output of the programs for developers, as records."""

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
    """whether the ratio is within the bound"""


class ExportCostResult(ResultRecord):
    """The cost of an export."""

    name: str
    """the job"""
    title: str
    """the job in words"""
    seconds: tuple[Span, ...]
    """duration of each run"""
    cpu_seconds: tuple[Span, ...]
    """its CPU time"""
    peak_bytes: tuple[Count, ...]
    """its peak memory"""
    seconds_bar: Span | None = known_as()
    """maximum duration of a run"""
    bytes_bar: Count | None = known_as()
    """maximum memory of a run"""
    median_seconds: Span
    """the median of `seconds`"""
    within: bool
    """whether it is within both limits"""


class TrialComparison(ResultRecord):
    """A comparison in a trial."""

    ratio: Positive
    """the measured ratio"""
    interval: tuple[Positive, Positive] | None = known_as()
    """its interval at `confidence`"""
    smallest_difference: Positive | None = known_as()
    """the smallest detectable difference"""
    conclusion: str
    """the conclusion"""


class TrialPair(ResultRecord):
    """The results of a file against itself, and of a slower one against it."""

    same: TrialComparison
    """the file against itself"""
    slower: TrialComparison
    """the slower file against it"""


class TrialResult(ResultRecord):
    """How often the conclusions of comparisons were right."""

    name: str
    """the file"""
    slower: str
    """the slower one"""
    way: str
    """how the files were timed"""
    repetitions: Count
    """comparisons of each kind"""
    launches: Count
    """launches of each"""
    confidence: Share
    """of the intervals"""
    power: Share
    """of `smallest_difference`"""
    same_undetected: Count
    """how often the file against itself had no detectable difference"""
    by_cpu_time: Count
    """how often CPU times were compared"""
    slower_detected: Count
    """how often the slower file was slower"""
    passed: bool
    """whether both occurred as often as expected"""
    smallest_difference: Positive | None = known_as()
    """median of the repetitions"""
    together: TrialPair
    """of all launches together"""
    comparisons: tuple[TrialPair, ...]
    """of each repetition"""
    took_s: Span
    """duration"""


class CanaryRun(ResultRecord):
    """A launch of the runner in a trial of its canary."""

    loaded: bool
    """whether another program kept its CPU busy"""
    run_delay: Share | None = known_as()
    """share of its time that it waited for a core, according to the kernel; `null` if not \
reported"""
    canaries: Count
    """number of canary runs"""
    interrupted: Count
    """number of canary runs that waited for a core"""
    verdicts: tuple[str, ...] = known_as(())
    """conclusions from the canary"""


class CanaryTrial(ResultRecord):
    """How often the runner's canary was right."""

    name: str
    """the file that was timed"""
    loaded: Count
    """runs on a CPU that was kept busy"""
    loaded_found: Count
    """number of them in which contention was detected"""
    quiet: Count
    """runs that waited for a core for less than 1 % of their time"""
    quiet_not_claimed: Count
    """number of them in which contention was not reported"""
    not_judged: Count
    """runs without the load that were not quiet"""
    passed: bool
    """whether both are right in 90 % of the runs"""
    runs: tuple[CanaryRun, ...]
    """every run"""
