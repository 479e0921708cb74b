"""The latency limit of a search, and whether a prediction is within it.

A prediction has an interval. By default a network is within the limit if the whole interval is;
with ``certain`` false, if the predicted value is.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mixnet_bench.architecture_search.ports import Genotype, LatencyModel
from mixnet_common import MixnetError, UsageError
from mixnet_common.intervals import Estimate

UNITS_MS = {"s": 1000.0, "ms": 1.0, "us": 0.001, "µs": 0.001}

_NUMBER = r"(?P<number>\d{1,9}(?:\.\d{1,9})?)"
_TIME = re.compile(rf"{_NUMBER} ?(?P<unit>s|ms|us|µs)")
_RATIO = re.compile(rf"{_NUMBER} ?[x×] ?(?P<network>\S+)")

PASSES = 4
"""How often every position is gone through for the fastest network; one does where a time is a sum
over positions."""


@dataclass(frozen=True)
class AskedLatency:
    """A limit as the user gave it: milliseconds, or a fraction of a network's time."""

    text: str
    milliseconds: float | None = None
    part: float | None = None
    network: str = ""


def parse_latency(text: str) -> AskedLatency:
    """The value of ``--latency``. Raises UsageError.

    >>> parse_latency("0.9xmixnet-s").part, parse_latency("8ms").milliseconds
    (0.9, 8.0)
    """
    time, ratio = _TIME.fullmatch(text.strip()), _RATIO.fullmatch(text.strip())
    if time and float(time["number"]) > 0:
        return AskedLatency(text, milliseconds=float(time["number"]) * UNITS_MS[time["unit"]])
    if ratio and float(ratio["number"]) > 0:
        return AskedLatency(text, part=float(ratio["number"]), network=ratio["network"])
    raise UsageError(
        f"--latency {text}: give a time or a fraction of a network's time",
        "like --latency 8ms or --latency 0.9xmixnet-s",
    )


@dataclass(frozen=True)
class Limit:
    """The longest time, over the anchor's; infinite where there is no limit."""

    ratio: float = math.inf
    certain: bool = True
    """Whether all of a prediction's interval must be within it, or only its value."""

    def bound(self, predicted: Estimate) -> float:
        """The part of a prediction that is compared with the limit."""
        if self.certain and predicted.interval is not None:
            return predicted.interval.high
        return predicted.value

    def holds(self, predicted: Estimate) -> bool:
        """Whether a network with this prediction is within the limit."""
        return self.bound(predicted) <= self.ratio


@dataclass(frozen=True)
class Within:
    """The part of a space within a limit: changes any network until it is within the limit."""

    limit: Limit
    latencies: LatencyModel
    fastest: Genotype

    def brought(self, genotype: Genotype, rng: np.random.Generator) -> Genotype:
        """The network, or one between it and the fastest: the first one found within the limit.

        One position after another, in random order, takes the fastest network's option.
        """
        found = list(genotype)
        order = rng.permutation(len(found))
        for position in order:
            if self.holds(tuple(found)):
                break
            found[position] = self.fastest[position]
        return tuple(found)

    def holds(self, genotype: Genotype) -> bool:
        """Whether a network is predicted to be within the limit."""
        return self.limit.holds(self.latencies.ratio(genotype))


def within_limit(
    asked: str, limit: Limit, latencies: LatencyModel, choices: Sequence[int]
) -> Within:
    """The part of a space within a limit. Raises MixnetError if no network is.

    ``asked`` is the limit in the words of a message.
    """
    fastest = find_fastest(limit, latencies, choices)
    predicted = latencies.ratio(fastest)
    if not limit.holds(predicted):
        bound, value = limit.bound(predicted), predicted.value
        likely = value <= limit.ratio
        either = ", or --likely, which judges by the predicted value alone" if likely else ""
        raise MixnetError(
            f"no network of the space is within {asked}, which is {limit.ratio:.4g} of the anchor's"
            f" time: the fastest is predicted to take {value:.4g}, at most {bound:.4g}",
            f"give a longer --latency{either}",
        )
    return Within(limit, latencies, fastest)


def find_fastest(limit: Limit, latencies: LatencyModel, choices: Sequence[int]) -> Genotype:
    """The network with the lowest bound, position by position until no option lowers it."""
    lowest = replace(limit, ratio=math.inf)
    found = [0] * len(choices)

    def fastest_option(position: int) -> int:
        others = [
            (*found[:position], option, *found[position + 1 :])
            for option in range(choices[position])
        ]
        return int(np.argmin([lowest.bound(latencies.ratio(each)) for each in others]))

    for _ in range(PASSES):
        before = list(found)
        for position in range(len(choices)):
            found[position] = fastest_option(position)
        if found == before:
            break
    return tuple(found)
