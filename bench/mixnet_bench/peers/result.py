"""A group's timings as JSON objects and as a table: ratios, intervals, bars, and who was skipped.

Pure functions of what was made and timed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mixnet_bench.against import turns_in
from mixnet_bench.peers.bars import LATENCY, SIZE, Bar, Judgement, find_bar, judge_ratio
from mixnet_bench.peers.files import Made
from mixnet_bench.peers.groups import Group
from mixnet_bench.peers.registry import EXPORTERS, Order
from mixnet_bench.stats.summary import Level
from mixnet_bench.stats.turns import ratio, ratios_of
from mixnet_common.numbers import three_digit_range, three_digits

COLUMNS = ("ms", "95 %", "ours / this", "95 %", "bar", "", "MB", "verdict")

CAPTION = (
    "ours / this: the first file's time over this one's, measured side by side; bar: what that"
    " may be at most, and the ambition",
    "met? or missed?: the ratio's 95 % interval has the bar inside",
)


def describe_group(
    group: Group,
    made: Mapping[Order, Made],
    skipped: Mapping[Order, str],
    timed: Sequence[dict[str, Any]],
    bars: Sequence[Bar],
) -> list[dict[str, Any]]:
    """One object for each order of the group, from ``describe_run`` of those that were made.

    ``timed`` has the group's made files in their order, the subject first. docs/exporters.md
    explains the keys.
    """
    present = [order for order in group.orders if order in made]
    subject = Measured(group.subject, made[group.subject], timed[0])
    objects = {
        order: _compare(subject, Measured(order, made[order], target), bars)
        for order, target in zip(present, timed, strict=True)
    }
    absent = {order: describe_skipped(order, skipped[order]) for order in skipped}
    beside = title(group, int(timed[0]["threads"]))
    return [{"group": beside, **{**objects, **absent}[order]} for order in group.orders]


class Measured:
    """A file of a group with what was measured of it."""

    def __init__(self, order: Order, made: Made, target: dict[str, Any]) -> None:
        self.order = order
        self.made = made
        self.target = target


def describe_order(order: Order) -> dict[str, Any]:
    """What a file is, measured or not."""
    return {
        "exporter": order.exporter,
        "title": EXPORTERS[order.exporter].title,
        "network": order.network,
        "precision": order.precision,
        "lowering": order.lowering or None,
        "note": EXPORTERS[order.exporter].note,
    }


def describe_skipped(order: Order, reason: str) -> dict[str, Any]:
    """The object of a file that could not be made or compared."""
    return {
        "name": order.label,
        **describe_order(order),
        "verdict": "skipped",
        "reasons": [reason],
    }


def _compare(subject: Measured, other: Measured, bars: Sequence[Bar]) -> dict[str, Any]:
    facts = {**other.target, **describe_order(other.order)}
    same = other.order.network == subject.order.network
    facts["difference"] = other.made.differs_from(subject.made) if same else None
    if other.order == subject.order:
        return facts | {"ours_over_this": None, "size_ours_over_this": None, "bars": []}
    threads = int(other.target["threads"])
    time, by = ratio_in(subject.target, other.target)
    size = subject.target["size_bytes"] / other.target["size_bytes"]
    found = (
        (find_bar(LATENCY, subject.order, other.order, threads, bars), time.value, time.interval),
        (find_bar(SIZE, subject.order, other.order, threads, bars), size, None),
    )
    judged = [judge_ratio(bar, number, bounds) for bar, number, bounds in found if bar]
    return facts | {
        "ours_over_this": {
            "value": time.value,
            "interval": [time.interval.low, time.interval.high],
            "by": by,
        },
        "size_ours_over_this": size,
        "bars": [_describe_judgement(each) for each in judged],
    }


def ratio_in(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> tuple[Level, str]:
    """Our time over theirs, from the turns that both took, and by which time."""
    rounds = ratios_of(turns_in(ours), turns_in(theirs), int(theirs["threads"]))
    return ratio(rounds, seed=theirs["settings"]["seed"]), rounds.by


def _describe_judgement(judgement: Judgement) -> dict[str, Any]:
    return {
        "quantity": judgement.bar.quantity,
        "at_most": judgement.bar.at_most,
        "ambition": judgement.bar.ambition,
        "met": judgement.met,
        "certain": judgement.certain,
        "word": judgement.word,
    }


def missed(objects: Sequence[dict[str, Any]]) -> list[str]:
    """A sentence for each bar that was missed."""
    return [
        f"{each['name']}: {bar['quantity']} above {bar['at_most']:g} times this"
        for each in objects
        for bar in each.get("bars", [])
        if not bar["met"]
    ]


# The table


def title(group: Group, threads: int) -> str:
    """What a group's table is called."""
    subject = group.subject
    return f"{subject.network} {subject.precision}, {subject.runtime}, threads: {threads}"


def table_rows(group: Group, objects: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Rows below a first column for the files and ``COLUMNS``."""
    return [
        (_label(group, order), *_cells(each))
        for order, each in zip(group.orders, objects, strict=True)
    ]


def _label(group: Group, order: Order) -> str:
    other = "" if order.network == group.subject.network else f" ({order.network})"
    return order.label + other


def _cells(each: dict[str, Any]) -> tuple[str, ...]:
    if each["verdict"] == "skipped":
        return (*[""] * (len(COLUMNS) - 1), f"skipped: {each['reasons'][0]}")
    return (
        three_digits(each["median_ms"]),
        three_digit_range(each["median_ms_interval"]),
        *_ratio_cells(each["ours_over_this"]),
        *_bar_cells(_bar(each, LATENCY)),
        f"{each['size_bytes'] / 1e6:.1f}",
        each["verdict"],
    )


def _bar(each: dict[str, Any], quantity: str) -> dict[str, Any] | None:
    return next((bar for bar in each.get("bars", []) if bar["quantity"] == quantity), None)


def _ratio_cells(found: dict[str, Any] | None) -> tuple[str, str]:
    if found is None:
        return "", ""
    return three_digits(found["value"]), three_digit_range(found["interval"])


def _bar_cells(bar: dict[str, Any] | None) -> tuple[str, str]:
    if bar is None:
        return "", ""
    ambition = "" if bar["ambition"] is None else f" ({bar['ambition']:.2f})"
    return f"≤ {bar['at_most']:.2f}{ambition}", bar["word"]


def size_lines(group: Group, objects: Sequence[dict[str, Any]]) -> list[str]:
    """A line for each size that is held against a bar."""
    pairs = [
        (_label(group, order), each, _bar(each, SIZE))
        for order, each in zip(group.orders, objects, strict=True)
    ]
    return [
        f"size: {each['size_ours_over_this']:.3f} of {label}'s; {_bar_cells(bar)[0]}: {bar['word']}"
        for label, each, bar in pairs
        if bar
    ]
