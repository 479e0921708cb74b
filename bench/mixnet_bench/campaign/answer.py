"""Summarizes a campaign: a row for every file, and a sentence for every quantized one.

Pure: it turns results into text cells, which are printed elsewhere. A sentence compares a file with
the float32 file of its format and lowering, with which it was timed side by side.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from mixnet_bench.results.file_run import Origin
from mixnet_bench.results.latency import LatencyResult, Ratio
from mixnet_bench.results.parity import CampaignParityResult
from mixnet_bench.results.turns import turns_in
from mixnet_bench.stats.turns import ratio, ratios_of
from mixnet_common.intervals import Estimate, speed_in_words
from mixnet_common.numbers import three_digit_range, three_digits

COLUMNS = ("file", "MB", "ms", "ratio", "95 %", "accuracy", "loss, points", "verdict")

CAPTION = (
    "ms: median of one inference. ratio: latency relative to the first file, measured side by"
    " side.",
    "loss: of top-1 against the float32 file of the same format, with its 95 % interval.",
)

RANDOM = "random weights"
UNKNOWN = "–"


@dataclass(frozen=True)
class CampaignAnswer:
    """A campaign in one table."""

    rows: tuple[tuple[str, ...], ...]
    """Below ``COLUMNS``."""
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """The results of a campaign that the answer uses."""

    runs: Sequence[Sequence[LatencyResult]] = ()
    """Files that were timed side by side, run by run."""
    parities: Sequence[CampaignParityResult] = ()
    random: Collection[Origin] = field(default=())
    """Files with random weights, whose accuracy is meaningless."""


def answer_of(found: Found) -> CampaignAnswer:
    """The table and the sentences."""
    rows: dict[tuple[Any, ...], tuple[str, ...]] = {}
    sentences: dict[str, None] = {}
    devices = {each.target for run in found.runs for each in run}
    for run in found.runs:
        for each in run:
            name = _name(each, len(devices) > 1)
            rows.setdefault((name, each.sha256), _row(name, each, found))
            base = _float_of(each, run)
            if base is not None:
                sentences[_sentence(name, each, base, found)] = None
    return CampaignAnswer(tuple(rows.values()), tuple(sentences))


def _name(timed: LatencyResult, with_device: bool) -> str:
    """A file's name, with what distinguishes it where several files have that name."""
    lowering = timed.origin.lowering if timed.origin else None
    words = [timed.name, *([f"({lowering})"] if lowering not in (None, "default") else [])]
    return " ".join([*words, *([f"on {timed.target}"] if with_device else [])])


def _row(name: str, timed: LatencyResult, found: Found) -> tuple[str, ...]:
    return (
        name,
        f"{timed.size_bytes / 1e6:.2f}",
        three_digits(timed.median_ms),
        *_ratio_cells(timed.ratio_to_first),
        *_accuracy_cells(timed, found),
        timed.verdict.value,
    )


def _ratio_cells(found: Ratio | None) -> tuple[str, str]:
    if found is None:
        return UNKNOWN, UNKNOWN
    return three_digits(found.value), three_digit_range(found.interval)


def _accuracy_cells(timed: LatencyResult, found: Found) -> tuple[str, str]:
    """Top-1 in percent and its loss, or agreement, as far as they are known."""
    if timed.origin in found.random:
        return RANDOM, UNKNOWN
    second = _parity_of(timed, found)
    if second is not None:
        if second.top1 is None or second.top1.loss_points is None:
            return f"{second.agreement_percent:.1f} % agree", UNKNOWN
        return f"{second.top1.second_percent:.1f} % top-1", _loss(second)
    first = _parity_with_first(timed, found)
    if first is not None and first.top1 is not None:
        return f"{first.top1.first_percent:.1f} % top-1", UNKNOWN
    return UNKNOWN, UNKNOWN


def _parity_of(timed: LatencyResult, found: Found) -> CampaignParityResult | None:
    """The comparison in which this file is the second."""
    return next((each for each in found.parities if _is(each.files[1].sha256, timed)), None)


def _parity_with_first(timed: LatencyResult, found: Found) -> CampaignParityResult | None:
    """A comparison in which this file is the first."""
    return next((each for each in found.parities if _is(each.files[0].sha256, timed)), None)


def _is(sha256: str | None, timed: LatencyResult) -> bool:
    return sha256 is not None and sha256 == timed.sha256


def _loss(parity: CampaignParityResult) -> str:
    """A loss with its interval: ``0.1 (−0.1 to 0.3)``."""
    assert parity.top1 is not None
    text = _signed(parity.top1.loss_points or 0.0)
    interval = parity.top1.loss_points_interval
    return text if interval is None else f"{text} ({' to '.join(map(_signed, interval))})"


def _signed(points: float) -> str:
    """Points with one decimal and a minus sign: ``−0.1``; never a negative zero."""
    text = f"{points:.1f}"
    return "0.0" if text == "-0.0" else text.replace("-", "−")


def _float_of(timed: LatencyResult, run: Sequence[LatencyResult]) -> LatencyResult | None:
    """The float32 file of the same network, format and lowering in the same run, if another."""
    origin = timed.origin
    if origin is None or origin.network is None or origin.precision == "float32":
        return None
    wanted = replace(origin, precision="float32")
    return next((each for each in run if each.origin == wanted), None)


def _sentence(name: str, timed: LatencyResult, base: LatencyResult, found: Found) -> str:
    """Speed, size and accuracy of a file relative to its float32 file."""
    times = ratio(ratios_of(turns_in(timed), turns_in(base), timed.threads))
    size = timed.size_bytes / max(1, base.size_bytes)
    parts = [
        speed_in_words(Estimate(times.value, times.interval), base.name),
        f"{size:.0%} of its size",
        *_losses(timed, found),
    ]
    return f"{name}: {', '.join(parts)}"


def _losses(timed: LatencyResult, found: Found) -> Iterator[str]:
    if timed.origin in found.random:
        yield "accuracy unknown (random weights)"
        return
    parity = _parity_of(timed, found)
    if parity is None:
        yield "accuracy not measured (add --data)"
    elif parity.top1 is None:
        yield f"agreement {parity.agreement_percent:.1f} % on {parity.images} images"
    else:
        yield f"loss {_loss_in_words(parity)} on {parity.images} images"


def _loss_in_words(parity: CampaignParityResult) -> str:
    amount, _, interval = _loss(parity).partition(" ")
    return f"{amount} points {interval}".strip()
