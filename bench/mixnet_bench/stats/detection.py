"""How large a difference must be for a comparison to detect it."""

from functools import lru_cache

POWER = 0.9
"""How often the smallest detectable difference is detected."""

STEPS = 400
"""Number of equally likely parts into which the error of a measurement is divided."""


@lru_cache(maxsize=64)
def detectable(freedom: float, confidence: float, power: float = POWER) -> float:
    """The difference, in *estimated* standard errors, that such a measurement detects so often.

    A measurement knows its standard error from a handful of launches only; where that came out
    small by chance, so does what is promised with it. The factor makes up for that: of two
    measurements of the same kind, one promises and the other detects what the first one promised
    with the probability ``power``. With the error known exactly, it were 3.86 at 99 %:

    >>> round(detectable(100_000, 0.99), 2), round(detectable(2, 0.99), 1)
    (3.86, 29.9)
    """
    from scipy.optimize import brentq

    def missing(errors: float) -> float:
        return detection_rate(errors, freedom, confidence) - power

    high = 4.0
    while missing(high) < 0:
        high *= 2
    return float(brentq(missing, 0, high, rtol=1e-6))


def detection_rate(errors: float, freedom: float, confidence: float) -> float:
    """How often a difference of this many estimated standard errors is detected, on its own side.

    In true errors the difference is ``errors`` times a chi variable; given that, the statistic of
    the other measurement follows the noncentral t distribution.
    """
    import numpy as np
    from scipy.stats import chi2, nct

    from mixnet_common.intervals import student_bound

    parts = (np.arange(STEPS) + 0.5) / STEPS
    estimated = np.sqrt(chi2.ppf(parts, freedom) / freedom)
    bound = student_bound(freedom, confidence)
    return float(nct.sf(bound, freedom, errors * estimated).mean())
