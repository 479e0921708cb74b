"""A lower and an upper bound: what every estimate of ours comes with."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """A lower and an upper bound, in the unit of the value they enclose."""

    low: float
    high: float
