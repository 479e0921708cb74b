"""A group's timings as records and as a table: ratios, intervals, bars, and skipped files.

Pure functions of files and timings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mixnet_bench.results.latency import LatencyResult
from mixnet_bench.results.peers import BarResult, ComparedResult, OursOverThis, SkippedResult
from mixnet_bench.results.turns import turns_in
from mixnet_bench.stats.summary import Level
from mixnet_bench.stats.turns import ratio, ratios_of
from mixnet_bench.studies.peers.bars import LATENCY, SIZE, Bar, Judgement, find_bar, judge_ratio
from mixnet_bench.studies.peers.files import Made
from mixnet_bench.studies.peers.groups import Group
from mixnet_bench.studies.peers.registry import EXPORTERS, FileRequest
from mixnet_common.numbers import three_digit_range, three_digits
from mixnet_common.result import values_of

Compared = ComparedResult | SkippedResult

COLUMNS = ("ms", "95 %", "ours / this", "95 %", "bar", "", "MB", "verdict")

CAPTION = (
    "ours / this: the first file's time over this one's, measured side by side; bar: the largest"
    " accepted ratio, and the target",
    "met? or missed?: the bar is within the ratio's 95 % interval",
)


def describe_group(
    group: Group,
    made: Mapping[FileRequest, Made],
    skipped: Mapping[FileRequest, str],
    timed: Sequence[LatencyResult],
    bars: Sequence[Bar],
) -> list[Compared]:
    """One record for each order of the group, from ``describe_run`` of those that were made.

    ``timed`` has the group's made files in their order, the subject first. docs/exporters.md
    explains the keys.
    """
    present = [order for order in group.orders if order in made]
    subject = MeasuredFile(group.subject, made[group.subject], timed[0])
    beside = title(group, timed[0].threads)
    found: dict[FileRequest, Compared] = {
        order: _compare(beside, subject, MeasuredFile(order, made[order], target), bars)
        for order, target in zip(present, timed, strict=True)
    }
    for order, reason in skipped.items():
        found[order] = SkippedResult(
            group=beside, name=order.label, **_describe_order(order), reasons=(reason,)
        )
    return [found[order] for order in group.orders]


@dataclass(frozen=True)
class MeasuredFile:
    """A file of a group with what was measured of it."""

    order: FileRequest
    made: Made
    target: LatencyResult


def _describe_order(order: FileRequest) -> dict[str, Any]:
    """The identity of a file, measured or not, as fields of a record."""
    return {
        "exporter": order.exporter,
        "title": EXPORTERS[order.exporter].title,
        "network": order.network,
        "precision": order.precision,
        "lowering": order.lowering or None,
        "note": EXPORTERS[order.exporter].note,
    }


def _compare(
    group: str, subject: MeasuredFile, other: MeasuredFile, bars: Sequence[Bar]
) -> ComparedResult:
    same = other.order.network == subject.order.network
    facts = {
        **values_of(other.target),
        **_describe_order(other.order),
        "group": group,
        "difference": other.made.differs_from(subject.made) if same else None,
    }
    if other.order == subject.order:
        return ComparedResult(**facts)
    time, by = ratio_in(subject.target, other.target)
    size = subject.target.size_bytes / other.target.size_bytes
    threads = other.target.threads
    found = (
        (find_bar(LATENCY, subject.order, other.order, threads, bars), time.value, time.interval),
        (find_bar(SIZE, subject.order, other.order, threads, bars), size, None),
    )
    judged = [judge_ratio(bar, number, bounds) for bar, number, bounds in found if bar]
    return ComparedResult(
        **facts,
        ours_over_this=OursOverThis(
            value=time.value, interval=(time.interval.low, time.interval.high), by=by
        ),
        size_ours_over_this=size,
        bars=tuple(map(_describe_judgement, judged)),
    )


def ratio_in(ours: LatencyResult, theirs: LatencyResult) -> tuple[Level, str]:
    """Our time over theirs, from the turns that both took, and by which time."""
    rounds = ratios_of(turns_in(ours), turns_in(theirs), theirs.threads)
    return ratio(rounds, seed=theirs.settings.seed), rounds.by


def _describe_judgement(judgement: Judgement) -> BarResult:
    return BarResult(
        quantity=judgement.bar.quantity,
        at_most=judgement.bar.at_most,
        ambition=judgement.bar.ambition,
        met=judgement.met,
        certain=judgement.certain,
        word=judgement.word,
    )


def missed(objects: Sequence[Compared]) -> list[str]:
    """A sentence for each bar that was missed."""
    return [
        f"{each.name}: {bar.quantity} above {bar.at_most:g} times this"
        for each in objects
        if isinstance(each, ComparedResult)
        for bar in each.bars
        if not bar.met
    ]


# The table


def title(group: Group, threads: int) -> str:
    """The title of a group's table."""
    subject = group.subject
    return f"{subject.network} {subject.precision}, {subject.runtime}, threads: {threads}"


def table_rows(group: Group, objects: Sequence[Compared]) -> list[tuple[str, ...]]:
    """Rows below a first column for the files and ``COLUMNS``."""
    return [
        (_label(group, order), *_cells(each))
        for order, each in zip(group.orders, objects, strict=True)
    ]


def _label(group: Group, order: FileRequest) -> str:
    other = "" if order.network == group.subject.network else f" ({order.network})"
    return order.label + other


def _cells(each: Compared) -> tuple[str, ...]:
    if isinstance(each, SkippedResult):
        return (*[""] * (len(COLUMNS) - 1), f"skipped: {each.reasons[0]}")
    return (
        three_digits(each.median_ms),
        three_digit_range(each.median_ms_interval),
        *_ratio_cells(each.ours_over_this),
        *_bar_cells(_bar(each, LATENCY)),
        f"{each.size_bytes / 1e6:.1f}",
        each.verdict,
    )


def _bar(each: Compared, quantity: str) -> BarResult | None:
    bars = each.bars if isinstance(each, ComparedResult) else ()
    return next((bar for bar in bars if bar.quantity == quantity), None)


def _ratio_cells(found: OursOverThis | None) -> tuple[str, str]:
    if found is None:
        return "", ""
    return three_digits(found.value), three_digit_range(found.interval)


def _bar_cells(bar: BarResult | None) -> tuple[str, str]:
    if bar is None:
        return "", ""
    ambition = "" if bar.ambition is None else f" ({bar.ambition:.2f})"
    return f"≤ {bar.at_most:.2f}{ambition}", bar.word


def size_lines(group: Group, objects: Sequence[Compared]) -> list[str]:
    """A line for each size that is compared with a bar."""
    pairs = [
        (_label(group, order), each, _bar(each, SIZE))
        for order, each in zip(group.orders, objects, strict=True)
    ]
    return [
        f"size: {each.size_ours_over_this:.3f} of {label}'s; {_bar_cells(bar)[0]}: {bar.word}"
        for label, each, bar in pairs
        if bar and isinstance(each, ComparedResult)
    ]
