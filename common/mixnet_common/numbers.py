"""Numbers as they are shown to people."""

import math
from collections.abc import Iterable

MOST_DECIMALS = 12


def three_digits(value: float | None) -> str:
    """Three significant digits and never an exponent; empty for None.

    >>> [three_digits(value) for value in (28.534, 1234.5, 0.98512, 9.996, 0)]
    ['28.5', '1234', '0.985', '10.0', '0.00']
    """
    if value is None:
        return ""
    if not math.isfinite(value):
        return str(value)
    exponent = int(f"{value:.2e}".partition("e")[2])
    return f"{value:.{min(max(0, 2 - exponent), MOST_DECIMALS)}f}"


def three_digit_range(bounds: Iterable[float] | None) -> str:
    """Bounds with three significant digits each, and a dash between them; empty for None.

    >>> three_digit_range((0.98, 1.021))
    '0.980–1.02'
    """
    return "" if bounds is None else "–".join(map(three_digits, bounds))
