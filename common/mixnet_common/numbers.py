"""Numbers formatted for display."""

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


UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB", "EB")


def bytes_in_words(count: int) -> str:
    """So many bytes in the decimal unit that suits them, with two digits at least.

    >>> bytes_in_words(12), bytes_in_words(6_144_000_000_000), bytes_in_words(10**40)
    ('12 bytes', '6.1 TB', 'more than 1,000 EB')
    """
    power = 0
    while power < len(UNITS) - 1 and count >= 1000 ** (power + 1):
        power += 1
    value = count / 1000**power if count < 10**30 else math.inf
    if value >= 1000:
        return f"more than 1,000 {UNITS[-1]}"
    return f"{_two_digits(value)} {UNITS[power]}"


def _two_digits(value: float) -> str:
    return f"{value:.1f}" if value < 10 and value != int(value) else f"{value:.0f}"


def seconds_in_words(seconds: float) -> str:
    """Seconds as people say them.

    >>> seconds_in_words(8), seconds_in_words(95), seconds_in_words(7500), seconds_in_words(1e6)
    ('8 s', '1.6 min', '2.1 h', '12 days')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.1f} min"
    hours = seconds / 3600
    return f"{hours:.1f} h" if hours < 72 else f"{hours / 24:,.0f} days"
