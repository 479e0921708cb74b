"""Latencies on a terminal: a table, and the conclusions of comparisons.

Computes nothing.
"""

from collections.abc import Sequence

from mixnet_bench.phones.profile import table_rows as phone_rows
from mixnet_bench.profiling.report import profile_columns, profile_rows
from mixnet_bench.results.latency import LatencyResult, SustainedResult
from mixnet_bench.timing.against import sentence
from mixnet_bench.timing.report import COLUMNS, names_apart, table_rows
from mixnet_common.console import Lines, print_lines, print_table
from mixnet_common.numbers import three_digits
from mixnet_runtimes import Profile

SUSTAINED_COLUMNS = (
    "milliseconds", "burst", "plateau", "plateau / burst", "throttled after", "time", "verdict",
)  # fmt: skip


DROP = ("first", "MB peak", "p99", "p90")
"""Columns that a narrow terminal does without."""


def print_latencies(targets: Sequence[LatencyResult], title: str = "", caption: Lines = "") -> None:
    """Print a table of targets that were measured together, and a line for each comparison."""
    if targets[0].sustained is not None:
        rows = [_sustained_row(each, each.sustained) for each in targets if each.sustained]
        print_table(SUSTAINED_COLUMNS, rows, title=title, caption=caption)
    else:
        print_table(COLUMNS, table_rows(targets), title=title, caption=caption, drop=DROP)
    names = names_apart(targets)
    known = {each.sha256: name for each, name in zip(targets, names, strict=True)}
    for target, name in zip(targets, names, strict=True):
        if target.against is not None:
            found = target.against
            print_lines(sentence(name, found, known.get(found.sha256, found.name)))


def _sustained_row(target: LatencyResult, found: SustainedResult) -> tuple[str, ...]:
    after = found.throttled_after_s
    return (
        target.shown_name,
        three_digits(found.burst_ms),
        three_digits(found.plateau_ms),
        three_digits(found.plateau_ms / found.burst_ms),
        "–" if after is None else f"{after:.0f} s",
        f"{found.duration_s:.0f} s",
        target.verdict,
    )


def print_profiles(names: Sequence[str], profiles: Sequence[Profile]) -> None:
    """The table of all profiles, side by side."""
    caption = (
        "measured by the runtime's profiler without interference, so the total is not the median"
        " above"
    )
    print_table(profile_columns(names), profile_rows(profiles), caption=caption)


PHONE_CAPTION = (
    "measured by the runtime's profiler on the phone, which slows the file, so the total is not"
    " the median"
)


def print_phone_profiles(targets: Sequence[LatencyResult], title: str = "") -> None:
    """Print the profiles of files that ran on one phone, side by side."""
    profiles = [target.profile for target in targets if target.profile is not None]
    names = [target.name for target in targets if target.profile is not None]
    print_table(profile_columns(names), phone_rows(profiles), title=title, caption=PHONE_CAPTION)
