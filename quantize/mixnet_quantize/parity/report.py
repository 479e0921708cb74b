"""A comparison as a table, as lines of text and as JSON.

Shares become percents and points here; docs/json.md and docs/parity.md explain every figure.
"""

import math
from collections.abc import Sequence

from mixnet_common.intervals import Estimate, Interval
from mixnet_networks.labels import Labels
from mixnet_quantize.parity import gate
from mixnet_quantize.parity.check import File, Parity
from mixnet_quantize.parity.gate import Verdict
from mixnet_quantize.parity.result import (
    AccuracyLoss,
    BudgetVerdict,
    ClassResult,
    ComparedFile,
    LayerErrorResult,
    LogitError,
    MetricResult,
    ParityResult,
    UnreadableImage,
    WorstImage,
)
from mixnet_quantize.parity.tally import ROUNDING, Accuracy, Worst
from mixnet_quantize.sensitivity import LayerError

Row = tuple[str, ...]

WORST_COLUMNS = ("image", "error", "margin", "first", "second", "truth")

CLASS_COLUMNS = (
    "class", "images", "top-1, first", "top-1, second", "first takes others for",
    "second takes others for",
)  # fmt: skip

LAYER_COLUMNS = ("layer", "operator", "dB", "rms error")


def columns(parity: Parity) -> Row:
    """The heads of ``parity_rows``; without labels there is no loss."""
    if parity.outcome.top1 is None:
        return ("", parity.first.path.name, parity.second.path.name)
    loss = f"loss, points ({100 * parity.confidence:g} % interval)"
    return ("", parity.first.path.name, parity.second.path.name, loss)


def parity_rows(parity: Parity) -> list[Row]:
    """Figures of both files."""
    outcome = parity.outcome
    found = [
        _accuracy_row(name, accuracy)
        for name, accuracy in (("top-1", outcome.top1), ("top-5", outcome.top5))
        if accuracy is not None
    ]
    sizes = (parity.first.size_bytes, parity.second.size_bytes)
    rows = [
        *found,
        ("tied for first place", *map(str, outcome.ties), ""),
        ("bytes", f"{sizes[0]:,}", f"{sizes[1]:,} ({sizes[1] / sizes[0]:.3f})", ""),
    ]
    return [row[: len(columns(parity))] for row in rows]


def _accuracy_row(name: str, accuracy: Accuracy) -> Row:
    loss = accuracy.loss
    return (
        name,
        f"{100 * accuracy.first.value:.2f} %",
        f"{100 * accuracy.second.value:.2f} %",
        f"{100 * loss.value:.2f} ({_between(loss.interval)})",
    )


def _between(interval: Interval) -> str:
    return f"{100 * interval.low:.2f} to {100 * interval.high:.2f}"


def lines(parity: Parity) -> list[str]:
    """The common properties of the files, in sentences."""
    outcome, logits = parity.outcome, parity.outcome.logits
    agreement = outcome.agreement
    db = "" if logits.db is None else f", {logits.db:.1f} dB"
    same = (
        f"same top-1: {100 * agreement.value:.2f} % ({_between(agreement.interval)});"
        f" {agreement.count - agreement.hits} differ, {outcome.beyond_rounding} of them where the"
        f" first file's top two are more than {ROUNDING:g} of the largest logit apart"
    )
    about = f"{outcome.count} images, {parity.classes} classes, {parity.resolution} pixels"
    found = [
        *((about, same) if outcome.top1 is not None else (same, about)),
        f"logit error: {logits.largest:.4g} at most, {logits.rms:.4g} rms{db}",
    ]
    if outcome.metric is not None:
        found.append(f"metric: {_estimated(outcome.metric)}")
    if outcome.top1 is not None:
        loss = outcome.top1.loss
        found.insert(
            1,
            f"only the first is right: {loss.lost}; only the second: {loss.won}"
            f" (McNemar's p = {loss.p_value:.3g})",
        )
    if parity.unreadable:
        found.append(f"unreadable and not counted: {len(parity.unreadable)} images")
    return found


def _estimated(found: Estimate) -> str:
    """A mean with its interval."""
    bounds = found.interval
    return f"{found.value:.4g}" + (
        "" if bounds is None else f" ({bounds.low:.4g} to {bounds.high:.4g})"
    )


def class_rows(parity: Parity, labels: Labels, most: int) -> list[Row]:
    """The classes with the largest loss, for ``CLASS_COLUMNS``: those of which an image is lost."""
    return [
        (
            _called(each.number, labels),
            str(each.count),
            f"{100 * each.first / each.count:.1f} %",
            f"{100 * each.second / each.count:.1f} %",
            _confusion(each.first_confused_with, each.first_confused, labels),
            _confusion(each.confused_with, each.confused, labels),
        )
        for each in parity.outcome.by_class[:most]
        if each.lost > 0
    ]


def _confusion(number: int | None, count: int, labels: Labels) -> str:
    """A class and how many images are taken for it; empty if none is."""
    return "" if number is None else f"{_called(number, labels)} ({count})"


def parity_text(parity: Parity) -> str:
    """All of it as plain text, the verdict included: for a test's message."""
    verdict = [] if parity.verdict is None else [gate.describe_verdict(parity.verdict)]
    return "\n".join([*aligned([columns(parity), *parity_rows(parity)]), *lines(parity), *verdict])


def aligned(table: Sequence[Row]) -> list[str]:
    """Rows as lines whose columns stand below each other.

    >>> aligned([("", "a"), ("top-1", "91 %")])
    ['          a', 'top-1  91 %']
    """
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(_cells(row, widths)).rstrip() for row in table]


def _cells(row: Row, widths: Sequence[int]) -> list[str]:
    first, *others = zip(row, widths, strict=True)
    return [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]


def worst_table(parity: Parity, worst: Sequence[Worst], labels: Labels) -> tuple[Row, list[Row]]:
    """Heads and rows of the worst images; without labels there is no truth."""
    shown = len(WORST_COLUMNS) - (parity.images.truth is None)
    return WORST_COLUMNS[:shown], [row[:shown] for row in worst_rows(parity, worst, labels)]


def headline(parity: Parity) -> list[str]:
    """The line above the table: without labels the agreement, the only figure."""
    return lines(parity)[:1] if parity.outcome.top1 is None else []


def worst_rows(parity: Parity, worst: Sequence[Worst], labels: Labels) -> list[Row]:
    """The worst images, for ``WORST_COLUMNS``."""
    truth = parity.images.truth
    return [
        (
            parity.images.names[each.index],
            f"{each.error:.4g}",
            f"{each.first_margin:.4f}",
            _called(each.first, labels),
            _called(each.second, labels),
            "" if truth is None else _called(truth[each.index], labels),
        )
        for each in worst
    ]


def layer_rows(parity: Parity) -> list[Row]:
    """Every layer, for ``LAYER_COLUMNS``."""
    return [
        (each.name, each.operator, f"{each.db:.1f}", f"{each.noise**0.5:.3g}")
        for each in parity.layers
    ]


def _called(number: int, labels: Labels) -> str:
    return f"{number} {labels[number]}" if labels else str(number)


def describe_parity(parity: Parity, preprocessing_from: Sequence[str] = ("", "")) -> ParityResult:
    """The record; ``preprocessing_from`` is the source of each file's preprocessing."""
    outcome, images = parity.outcome, parity.images
    first, second = map(_file, (parity.first, parity.second), preprocessing_from)
    return ParityResult(
        name=parity.second.path.name,
        files=(first, second),
        data=str(images.folder),
        images=outcome.count,
        unreadable=tuple(
            UnreadableImage(image=name, reason=why) for name, why in parity.unreadable
        ),
        truth_from=images.truth_from,
        classes=parity.classes,
        resolution=parity.resolution,
        confidence=parity.confidence,
        top1=_accuracy(outcome.top1),
        top5=_accuracy(outcome.top5),
        agreement_percent=100 * outcome.agreement.value,
        agreement_percent_interval=_percents(outcome.agreement.interval),
        disagreements=outcome.agreement.count - outcome.agreement.hits,
        disagreements_beyond_rounding=outcome.beyond_rounding,
        ties=tuple(outcome.ties),
        logit_error=LogitError(
            largest=outcome.logits.largest, rms=outcome.logits.rms, db=outcome.logits.db
        ),
        worst_errors=tuple(_worst(parity, each) for each in outcome.worst_errors),
        worst_flips=tuple(_worst(parity, each) for each in outcome.worst_flips),
        by_class=tuple(
            ClassResult(
                number=each.number,
                images=each.count,
                first_right=each.first,
                second_right=each.second,
                confused_with=each.confused_with,
                confused=each.confused,
                first_confused_with=each.first_confused_with,
                first_confused=each.first_confused,
            )
            for each in outcome.by_class
        ),
        metric=None if outcome.metric is None else _metric(outcome.metric),
        layers=tuple(map(_layer, parity.layers)),
        verdict=None if parity.verdict is None else _verdict(parity.verdict),
    )


def _file(file: File, preprocessing_from: str) -> ComparedFile:
    return ComparedFile(
        name=file.path.name,
        path=str(file.path),
        sha256=file.sha256,
        size_bytes=file.size_bytes,
        runtime=file.runtime,
        runtime_version=file.runtime_version,
        shapes={name: tuple(shape) for name, shape in file.shapes.items()},
        signature=file.signature,
        fp16=file.fp16,
        preprocessing_from=preprocessing_from or None,
    )


def _metric(found: Estimate) -> MetricResult:
    bounds = found.interval
    interval = None if bounds is None else (bounds.low, bounds.high)
    return MetricResult(mean=found.value, interval=interval)


def _accuracy(accuracy: Accuracy | None) -> AccuracyLoss | None:
    if accuracy is None:
        return None
    loss = accuracy.loss
    return AccuracyLoss(
        first_percent=100 * accuracy.first.value,
        first_percent_interval=_percents(accuracy.first.interval),
        second_percent=100 * accuracy.second.value,
        second_percent_interval=_percents(accuracy.second.interval),
        loss_points=100 * loss.value,
        loss_points_interval=_percents(loss.interval),
        lost=loss.lost,
        won=loss.won,
        p_value=loss.p_value,
    )


def _percents(interval: Interval) -> tuple[float, float]:
    return 100 * interval.low, 100 * interval.high


def _worst(parity: Parity, worst: Worst) -> WorstImage:
    truth = parity.images.truth
    return WorstImage(
        image=parity.images.names[worst.index],
        error=worst.error,
        first_margin=worst.first_margin,
        first_class=worst.first,
        second_class=worst.second,
        true_class=None if truth is None else truth[worst.index],
    )


def _layer(layer: LayerError) -> LayerErrorResult:
    return LayerErrorResult(
        name=layer.name,
        operator=layer.operator,
        signal=layer.signal,
        noise=layer.noise,
        shift=layer.shift,
        db=layer.db if math.isfinite(layer.db) else None,
    )


def _verdict(verdict: Verdict) -> BudgetVerdict:
    return BudgetVerdict(
        verdict=verdict.kind,
        measure=verdict.measure,
        budget_points=100 * verdict.budget,
        loss_points=100 * verdict.loss,
        loss_points_interval=_percents(verdict.interval),
        images_needed=verdict.needed,
    )
