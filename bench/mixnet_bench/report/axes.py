"""Axes of drawings: from values to positions, and the positions of ticks. Pure.

Charts side by side share one axis, made from the values of all of them, so that equal lengths mean
equal amounts.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

WIDE = 20
"""Ratio of the largest to the smallest value from which an axis is logarithmic."""

TICKS = 5
"""About how many an axis has."""

STEPS = (1, 2, 5, 10)
LOG_STEPS = ((1, 2, 5), (1, 3), (1,))


@dataclass(frozen=True)
class Axis:
    """A range of values, linear or logarithmic."""

    low: float
    high: float
    is_log: bool = False

    def place(self, value: float) -> float:
        """The position of a value, as a share of the axis.

        >>> Axis(0, 20).place(5), Axis(1, 100, True).place(10)
        (0.25, 0.5)
        """
        if self.is_log:
            return math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    @property
    def ticks(self) -> list[float]:
        """Round values within the range.

        >>> Axis(0, 22).ticks, Axis(2, 60, True).ticks
        ([0, 5, 10, 15, 20], [2, 5, 10, 20, 50])
        """
        if self.is_log:
            return _log_ticks(self.low, self.high)
        step = _step(self.high - self.low)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [_rounded(step * index) for index in range(first, last + 1)]


def axis_of(values: Iterable[float], *, least: float | None = None) -> Axis:
    """The axis on which all of these positive values can be distinguished.

    It is linear from ``least`` (0 by default), or logarithmic where values lie far apart and
    ``least`` is not given.

    >>> axis_of([10, 18]), axis_of([2, 60]), axis_of([70, 78.9], least=68)
    (Axis(low=0, high=20, is_log=False), Axis(low=2, high=100, is_log=True), \
Axis(low=68, high=80, is_log=False))
    """
    known = [each for each in values if math.isfinite(each)]
    largest, smallest = max(known, default=1.0), min(known, default=1.0)
    if least is None and smallest > 0 and largest / smallest > WIDE:
        return Axis(*_log_bounds(smallest, largest), True)
    low = 0 if least is None else least
    top = largest if largest > low else low + 1.0
    step = _step(top - low) / (2 if (top - low) / _step(top - low) < 3 else 1)
    return Axis(low, _rounded(step * math.ceil(top / step - 1e-9)))


def _step(span: float) -> float:
    """A round step of which about ``TICKS`` make the span."""
    power = 10.0 ** math.floor(math.log10(span / TICKS))
    return next(power * each for each in STEPS if span / (power * each) <= TICKS + 0.5)


def _rounded(value: float) -> float:
    """The value without the rounding errors of binary fractions."""
    found = float(f"{value:.12g}")
    return int(found) if found.is_integer() else found


def _log_ticks(low: float, high: float) -> list[float]:
    exponents = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    found: list[float] = []
    for steps in LOG_STEPS:
        all_ticks = [_rounded(step * 10.0**exponent) for exponent in exponents for step in steps]
        found = [each for each in all_ticks if low * (1 - 1e-9) <= each <= high * (1 + 1e-9)]
        if len(found) <= TICKS + 2:
            break
    return found


def _log_bounds(smallest: float, largest: float) -> tuple[float, float]:
    """The nearest of 1, 2 and 5 times a power of ten around two values."""
    exponents = range(math.floor(math.log10(smallest)) - 1, math.ceil(math.log10(largest)) + 2)
    marks = [_rounded(step * 10.0**exponent) for exponent in exponents for step in (1, 2, 5)]
    return max(x for x in marks if x <= smallest), min(x for x in marks if x >= largest)
