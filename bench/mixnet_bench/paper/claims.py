"""Compares the claims in the paper's text, and the sizes of its data sets, with our figures.

Pure: counts are arguments. A claim about accuracies is checked for agreement with the paper's own
tables, and is ``not comparable`` unless both accuracies were measured.
"""

from collections.abc import Callable

from msgspec.structs import replace

from mixnet_bench.paper.compare import (
    DIFFERS,
    NO_NETWORK,
    NOT_COMPARABLE,
    REPRODUCED,
    compare_figure,
)
from mixnet_bench.paper.measured import UNTRAINED, Accuracies, MeasuredAccuracy, find_measured
from mixnet_bench.paper.ours import QUANTITIES, CountNetwork, candidates
from mixnet_bench.results.paper import ClaimFigure, ClaimResult, FigureResult
from mixnet_common.result import values_of
from mixnet_networks.paper import Claim, PaperTable, Subject, find_row, parse_printed, print_alike

ACCURACIES = ("top1", "top5", "map")
UNITS = {
    "top1": "%",
    "top5": "%",
    "map": "points of mAP",
    "macs": "multiply-adds",
    "depthwise_macs": "multiply-adds",
}
"""Units of quantities; others are plain numbers."""

KINDS: dict[str, Callable[[float, float], float]] = {
    "value": lambda of, to: of,
    "below": lambda of, to: of,
    "ratio": lambda of, to: of / to,
    "difference": lambda of, to: of - to,
}
"""How a claim's number comes from the quantity of its subjects."""


def compare_claims(
    table: PaperTable, count: CountNetwork, measured: Accuracies
) -> list[ClaimResult]:
    """One record a claim; docs/json.md explains every key."""
    return [_entry(table, claim, _figure(claim, count, measured)) for claim in table.claims]


def _entry(table: PaperTable, claim: Claim, figure: FigureResult) -> ClaimResult:
    return ClaimResult(
        name=claim.claim,
        table=table.table,
        section=claim.section,
        claim=ClaimFigure(
            quantity=claim.quantity,
            kind=claim.kind,
            unit="times" if claim.kind == "ratio" else UNITS.get(claim.quantity, "number"),
            of=_subject_name(claim.of) or None,
            to=_subject_name(claim.to) or None,
            source=claim.source or None,
            **values_of(figure),
        ),
        verdict=figure.verdict,
    )


def _figure(claim: Claim, count: CountNetwork, measured: Accuracies) -> FigureResult:
    if claim.quantity in ACCURACIES:
        return _accuracy(claim, measured)
    ours = _ours(claim, count)
    missing = next((m for m in (_missing(claim.of, count), _missing(claim.to, count)) if m), "")
    figure = compare_figure(claim.printed, ours, claim.reason, missing)
    if claim.kind == "below" and ours is not None:
        holds = ours < float(parse_printed(claim.printed) or 0)
        return replace(
            figure,
            verdict=REPRODUCED if holds else DIFFERS,
            reason="" if holds else claim.reason,
        )
    return figure


def _ours(claim: Claim, count: CountNetwork) -> float | None:
    """Our number for a claim; None if a network is missing."""
    if claim.kind == "known":
        return float(parse_printed(claim.known) or 0)
    if claim.quantity == "candidates":
        return candidates()
    values = [_quantity(claim.quantity, subject, count) for subject in (claim.of, claim.to)]
    of, to = values
    if of is None or (to is None and claim.kind in ("ratio", "difference")):
        return None
    number = KINDS[claim.kind](of, to or 0)
    return round(number, 4) if claim.kind == "ratio" else number


def _quantity(quantity: str, subject: Subject, count: CountNetwork) -> float | None:
    if not _network(subject):
        return None
    ours = count(Subject(network=_network(subject), classes=subject.classes))
    return None if ours is None else QUANTITIES[quantity](ours)


def _missing(subject: Subject, count: CountNetwork) -> str:
    name = _network(subject)
    known = not name or count(Subject(network=name, classes=subject.classes)) is not None
    return "" if known else NO_NETWORK.format(name)


def _network(subject: Subject) -> str:
    row = find_row(subject)
    return row.network if row else subject.network


def _subject_name(subject: Subject) -> str:
    name = subject.model or subject.network
    return f"{name}, {subject.classes} classes" if subject.classes else name


# Accuracies


def _accuracy(claim: Claim, measured: Accuracies) -> FigureResult:
    """Ours where all of it was measured; else whether the paper's tables say the same."""
    found = [_measured(subject, measured) for subject in _subjects(claim)]
    values = [getattr(each, claim.quantity, None) for each, _ in found]
    known = [value for value in values if value is not None]
    if known and len(known) == len(values):
        return compare_figure(claim.printed, _combine(claim, known), claim.reason)
    why = next((reason for _, reason in found if reason not in ("", UNTRAINED)), UNTRAINED)
    figure = compare_figure(claim.printed, None, "")
    return replace(figure, verdict=NOT_COMPARABLE, reason=f"{why}{_by_tables(claim)}")


def _by_tables(claim: Claim) -> str:
    """The claim's value in the paper's own tables."""
    rows = [find_row(subject) for subject in _subjects(claim)]
    printed = [parse_printed(getattr(row, claim.quantity)) for row in rows if row]
    numbers = [float(each) for each in printed if each is not None]
    if not numbers:
        return ""
    gives = print_alike(round(_combine(claim, numbers), 3), claim.printed)
    tables = " and ".join(sorted({subject.table for subject in _subjects(claim)}))
    if gives == claim.printed:
        return f"; {_title(tables)} of the paper agrees"
    return f"; its own {_title(tables)} gives {gives}: {claim.reason}"


def _title(name: str) -> str:
    return name.replace("table", "Table ")


def _combine(claim: Claim, numbers: list[float]) -> float:
    return KINDS[claim.kind](numbers[0], numbers[-1])


def _subjects(claim: Claim) -> list[Subject]:
    return [each for each in (claim.of, claim.to) if each != Subject()]


def _measured(subject: Subject, measured: Accuracies) -> tuple[MeasuredAccuracy | None, str]:
    row = find_row(subject)
    classes = row.classes if row else subject.classes
    return find_measured(_network(subject), classes, measured)
