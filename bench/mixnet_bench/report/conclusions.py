"""Summarizes results in at most three lines, and the changes between two runs. Pure."""

from collections.abc import Iterator
from dataclasses import replace

from mixnet_bench.report.cells import RANDOM, Cell, Table, milliseconds, signed, text_cell, verdict
from mixnet_bench.report.comparisons import Pair, pairs
from mixnet_bench.report.record import File, Latency, Parity, Results
from mixnet_common.intervals import speed_in_words

MOST = 3
"""Lines before the first table."""


def conclusions(results: Results) -> list[str]:
    """The largest gains of smaller files against their float32 files; else the fastest file."""
    found = [each for each in pairs(results, "precision", "float32") if each.estimate.interval]
    found.sort(key=lambda each: each.ratio)
    lines = [_gain(pair, results) for pair in found[: MOST - 1]]
    if not lines and results.latencies:
        fastest = min(results.latencies, key=lambda each: each.median_ms)
        lines = [f"{fastest.file.label}: {fastest.median_ms:.3g} ms on {fastest.device.label}"]
    return [*lines, *_trust(results)]


def _gain(pair: Pair, results: Results) -> str:
    size = pair.second.size_bytes / max(1, pair.first.size_bytes)
    words = [speed_in_words(pair.estimate, pair.first.file.kind), f"{size:.0%} of its size"]
    parity = results.parity_of(pair.second)
    if parity is not None:
        words.append(_loss(parity))
    return f"{pair.second.file.label}: {', '.join(words)}"


def _loss(parity: Parity) -> str:
    if parity.is_random:
        return f"accuracy unknown ({RANDOM})"
    if parity.loss_points is None or parity.loss_interval is None:
        return f"agreement {parity.agreement_percent:.1f} %"
    low, high = parity.loss_interval
    text = f"loss {parity.loss_points:.1f} points ({low:.1f} to {high:.1f})"
    return text.replace("-", "−")


def _trust(results: Results) -> Iterator[str]:
    if results.latencies:
        count = len(results.latencies)
        valid = sum(each.verdict == "valid" for each in results.latencies)
        yield f"{valid} of {count} timings are valid; the reasons for other verdicts are below them"


CHANGE_COLUMNS = (
    "file",
    "change, %",
    "verdict now",
    "verdict then",
    "then, ms",
    "now, ms",
    "device",
)


def change_table(results: Results) -> Table | None:
    """Files that were timed in two runs, the first and the last of them."""
    first: dict[tuple[File, str], Latency] = {}
    rows = []
    for each in results.latencies:
        key = (replace(each.file, inputs=""), each.device.label)
        then = first.setdefault(key, each)
        if then.run != each.run:
            rows.append(_change(then, each))
    note = (
        "The runs were not timed in turns: other programs may cause most of a change."
        " mixnet-bench latency --against FILE.json compares runs, with intervals."
    )
    return (
        Table("What changed between runs", CHANGE_COLUMNS, tuple(rows), (note,)) if rows else None
    )


def _change(then: Latency, now: Latency) -> tuple[Cell, ...]:
    percent = 100 * (now.median_ms / then.median_ms - 1)
    return (
        text_cell(now.file.label),
        signed(percent, "{:+.1f}"),
        verdict(now.verdict),
        verdict(then.verdict),
        milliseconds(then.median_ms),
        milliseconds(now.median_ms),
        text_cell(now.device.label),
    )
