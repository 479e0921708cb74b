"""The bars that our files must meet, read from ``bars.toml``, and the judgement of a ratio.

Judges ratios; measures nothing.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from mixnet_bench.studies.peers.registry import OURS, REFERENCE, FileRequest
from mixnet_common.intervals import Interval

LATENCY, SIZE = "latency", "size"


@dataclass(frozen=True)
class Bar:
    """At most ``at_most`` times the other's latency or size; what is None matches everything."""

    quantity: str
    against: str
    at_most: float
    ambition: float | None = None
    network: str | None = None
    runtime: str | None = None
    precision: str | None = None
    threads: int | None = None
    against_network: str | None = None

    def concerns(self, subject: FileRequest, threads: int) -> bool:
        """Whether the bar applies to our file, timed with this number of threads."""
        pairs = (
            (self.network, subject.network),
            (self.runtime, subject.runtime),
            (self.precision, subject.precision),
            (self.threads, threads),
        )
        return all(wanted is None or wanted == found for wanted, found in pairs)

    def is_against(self, subject: FileRequest, other: FileRequest) -> bool:
        """Whether ``other`` is the file that ``subject`` is compared with."""
        if other.network != (self.against_network or subject.network):
            return False
        if self.against == REFERENCE:
            return other.exporter == OURS and other.lowering == REFERENCE
        return other.exporter == self.against and other.lowering in ("", subject.lowering)


@dataclass(frozen=True)
class Judgement:
    """A ratio compared with a bar.

    ``certain`` is False if the ratio's 95 % interval has the bar inside.
    """

    bar: Bar
    met: bool
    certain: bool

    @property
    def word(self) -> str:
        """``met`` or ``missed``, with a question mark where that is not certain."""
        return ("met" if self.met else "missed") + ("" if self.certain else "?")


@cache
def load_bars() -> tuple[Bar, ...]:
    """All bars, in the order of the file."""
    text = files("mixnet_bench.studies.peers").joinpath("bars.toml").read_text(encoding="utf-8")
    return tuple(Bar(**row) for row in tomllib.loads(text)["bars"])


def judge_ratio(bar: Bar, value: float, interval: Interval | None = None) -> Judgement:
    """The judgement of a ratio by a bar; without an interval the ratio is exact.

    >>> judge_ratio(Bar("latency", "tensorflow", 0.60), 0.58, Interval(0.55, 0.61)).word
    'met?'
    """
    certain = interval is None or not interval.low <= bar.at_most < interval.high
    return Judgement(bar, value <= bar.at_most, certain)


def find_bar(
    quantity: str, subject: FileRequest, other: FileRequest, threads: int, bars: Iterable[Bar]
) -> Bar | None:
    """The first bar on ``subject`` against ``other``; None if there is none."""
    return next(
        (
            bar
            for bar in bars
            if bar.quantity == quantity
            and bar.concerns(subject, threads)
            and bar.is_against(subject, other)
        ),
        None,
    )
