"""Ratios of signal to noise, in decibels."""

import math


def decibels(signal: float, noise: float) -> float:
    """10·log10(signal / noise), infinite without noise, minus infinite without signal.

    Both are powers. Noise that is not finite leaves nothing of the signal.

    >>> decibels(100.0, 1.0), decibels(0.0, 1.0), decibels(1.0, math.inf)
    (20.0, -inf, -inf)
    """
    if noise <= 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal > 0 and math.isfinite(noise) else -math.inf
