"""A report's tables that compare a file with another, or with itself at a later time. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from statistics import median

from mixnet_bench.report.cells import (
    RANDOM,
    Cell,
    Table,
    between,
    milliseconds,
    number,
    signed,
    sum_up,
    text_cell,
    verdict,
)
from mixnet_bench.report.record import EMULATED, File, Latency, Parity, Results
from mixnet_bench.stats.turns import ratio, ratios_of
from mixnet_common.intervals import Estimate, ratio_of
from mixnet_common.numbers import three_digit_range, three_digits

# Pairs

PAIR_COLUMNS = (
    "file", "ratio", "verdict", "95 %", "top-1 lost, points (95 %)", "top-1, %", "top-1 of it, %",
    "ms (95 %)", "against", "ms of it (95 %)", "MB", "MB of it", "device",
)  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """Two timings of one run that differ in one thing; ``first`` is the yardstick."""

    first: Latency
    second: Latency

    @property
    def ratio(self) -> float:
        """The second's time over the first's."""
        return self.estimate.value

    @property
    def estimate(self) -> Estimate:
        """The same from the turns that both took, as mixnet-bench latency has it.

        Without bursts it is of the launches' medians; without the samples of both it is the ratio
        of the medians, and has no interval.
        """
        if self.first.turns and len(self.first.turns) == len(self.second.turns):
            found = ratio(
                ratios_of(self.second.turns, self.first.turns, self.second.device.threads)
            )
            return Estimate(found.value, found.interval)
        firsts, seconds = self.first.launches, self.second.launches
        if len(firsts) != len(seconds) or not all(firsts) or not all(seconds) or not firsts:
            return Estimate(self.second.median_ms / self.first.median_ms, None)
        launches = zip(firsts, seconds, strict=True)
        return ratio_of([math.log(median(second) / median(first)) for first, second in launches])


def pairs(results: Results, key: str, yardstick: str) -> list[Pair]:
    """Timings and their yardsticks: the same network, in the same size, in one run on a device.

    They differ in ``key`` alone, a field of ``File``, of which ``yardstick`` is the value in the
    first of each pair. Files of different runs took no turns, and are not divided: what else ran
    on the machine in the meantime may be most of their ratio.
    """
    found = []
    for second in results.latencies:
        firsts = [
            each
            for each in results.latencies
            if each.run == second.run and _differ_in(each, second, key, yardstick)
        ]
        if firsts:
            found.append(Pair(firsts[0], second))
    return found


def _differ_in(first: Latency, second: Latency, key: str, yardstick: str) -> bool:
    keys = {each.name for each in fields(File)} - {"name", key}
    return (
        getattr(first.file, key) == yardstick
        and getattr(second.file, key) not in (yardstick, "")
        and first.device == second.device
        and all(getattr(first.file, name) == getattr(second.file, name) for name in keys)
    )


def pair_table(title: str, found: Sequence[Pair], note: str, accuracy: Results) -> Table:
    """A table of pairs, with what the second loses against the first where that was measured."""
    rows = tuple(_pair_row(pair, accuracy.parity_of(pair.second)) for pair in found)
    (first, *others) = dict.fromkeys(pair.second.device for pair in found)
    if others:
        return Table(title, PAIR_COLUMNS, rows, (note, WHY))
    marked = f"{EMULATED}: {title}" if first.emulated else title
    alike = tuple(row[:-1] for row in rows)
    return Table(marked, PAIR_COLUMNS[:-1], alike, (f"All timed on {first.label}. {note}", WHY))


WHY = "Why a verdict is not valid stands below the latencies."


def doubts_of(latencies: Sequence[Latency]) -> tuple[str, ...]:
    """Why timings have the verdicts that they have: by reason or by file, whichever is shorter."""
    by_reason = sum_up((each.file.label, reason) for each in latencies for reason in each.reasons)
    by_file = sum_up((each.file.label, "; ".join(each.reasons)) for each in latencies)
    return min(by_file, by_reason, key=len)


def _pair_row(pair: Pair, parity: Parity | None) -> tuple[Cell, ...]:
    first, second = pair.first, pair.second
    return (
        text_cell(second.file.label),
        number(pair.ratio, "{:.2f}"),
        verdict(second.verdict if second.verdict != "valid" else first.verdict),
        text_cell(_bounds(pair.estimate)),
        *_accuracy(parity),
        _timed(second),
        text_cell(first.file.kind),
        _timed(first),
        number(second.size_bytes / 1e6, "{:.1f}"),
        number(first.size_bytes / 1e6, "{:.1f}"),
        text_cell(second.device.label),
    )


def _timed(latency: Latency) -> Cell:
    """A median with its interval."""
    median = three_digits(latency.median_ms)
    return Cell(f"{median} ({three_digit_range(latency.interval_ms)})", latency.median_ms)


def _accuracy(parity: Parity | None) -> tuple[Cell, ...]:
    """The loss of the second file, and the top-1 of both."""
    if parity is None:
        return (text_cell(""),) * 3
    if parity.is_random:
        return (text_cell(RANDOM), *(text_cell(""),) * 2)
    loss, bounds = signed(parity.loss_points), between(parity.loss_interval)
    return (
        Cell(f"{loss.text} ({bounds.text})" if bounds.text else loss.text, loss.number),
        number(parity.second_percent, "{:.1f}"),
        number(parity.first_percent, "{:.1f}"),
    )


def _bounds(found: Estimate) -> str:
    """An interval in digits; empty for a single launch, which does not show their spread."""
    return "" if found.interval is None else f"{found.interval.low:.2f}–{found.interval.high:.2f}"


# Comparisons and sustained load

AGAINST_COLUMNS = (
    "file", "ratio", "conclusion", "99 %", "baseline", "smallest difference, %", "side by side",
    "device",
)  # fmt: skip


def against_table(results: Results) -> Table | None:
    """Results of ``--against``."""
    rows = tuple(
        (
            text_cell(each.file.label),
            number(each.against.ratio, "{:.3f}"),
            text_cell(each.against.conclusion),
            between(each.against.interval, "{:.3f}–{:.3f}"),
            text_cell(each.against.baseline),
            number(_percent(each.against.smallest_difference), "{:.1f}"),
            text_cell("yes" if each.against.side_by_side else "no"),
            text_cell(each.device.label),
        )
        for each in results.latencies
        if each.against
    )
    notes = (
        "Ratio: the file's time over the baseline's. Smallest difference: detected by such a"
        " measurement nine times in ten.",
        *sum_up(
            (each.file.label, each.against.reason) for each in results.latencies if each.against
        ),
    )
    return Table("Against baselines", AGAINST_COLUMNS, rows, notes) if rows else None


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


SUSTAINED_COLUMNS = (
    "file", "ratio", "slower after, s", "burst, ms", "plateau, ms", "minutes", "device",
)  # fmt: skip


def sustained_table(results: Results) -> Table | None:
    """Results of ``--sustained``."""
    rows = tuple(
        (
            text_cell(each.file.label),
            number(each.sustained.plateau_ms / each.sustained.burst_ms, "{:.2f}"),
            number(each.sustained.throttled_after_s),
            milliseconds(each.sustained.burst_ms),
            milliseconds(each.sustained.plateau_ms),
            number(each.sustained.duration_s / 60, "{:.1f}"),
            text_cell(each.device.label),
        )
        for each in results.latencies
        if each.sustained
    )
    note = "Burst: the first windows' median; plateau: the last third's. An app gets the plateau."
    return Table("Sustained load", SUSTAINED_COLUMNS, rows, (note,)) if rows else None


INT8_NOTE = "Ratio: the int8 file's time over the float32 file's, of one run: they took turns."
LOWERING_NOTE = "Ratio: to the paper's literal form (reference), of one run: they took turns."


def int8_table(results: Results) -> Table | None:
    """int8 files against float32 ones."""
    found = [
        each
        for each in pairs(results, "precision", "float32")
        if "int8" in each.second.file.precision
    ]
    return pair_table("int8 against float32", found, INT8_NOTE, results) if found else None


def lowering_table(results: Results) -> Table | None:
    """Every lowering against the paper's literal form."""
    found = pairs(results, "lowering", "reference")
    if not found:
        return None
    unknown = Results()  # accuracy is measured against float32, not against another lowering
    return pair_table("Lowering against lowering", found, LOWERING_NOTE, unknown)
