"""Ratios of signal to noise, in decibels."""

import math


def decibels(signal: float, noise: float) -> float:
    """10·log10(signal / noise), infinite without noise, minus infinite without signal.

    Both are powers. Noise that is not finite leaves nothing of the signal.

    >>> decibels(100.0, 1.0), decibels(0.0, 1.0), decibels(1.0, math.inf)
    (20.0, -inf, -inf)
    >>> round(decibels(1e-200, 1e200))  # their ratio is too small for a float
    -4000
    """
    if noise <= 0:
        return math.inf
    if not (signal > 0 and math.isfinite(noise)):
        return -math.inf
    ratio = signal / noise
    if 0 < ratio < math.inf:
        return 10 * math.log10(ratio)
    return 10 * (math.log10(signal) - math.log10(noise))
