"""The time of a network beyond the sum of its blocks: a fit to whole networks. Pure functions.

A block that is timed alone finds its weights in the nearest cache, and has its own call of the
runtime. In a network its weights come from a farther cache, and its input was just written. Both
effects are nearly proportional to the block's time or constant per block, so a network is predicted
as scale x sum + constant x blocks. If only a few networks were timed, or all have similar sums, the
two cannot be distinguished: a weak prior of scale 1 and constant 0 then decides.
"""

import math
from collections.abc import Sequence

import numpy as np

from mixnet_bench.results.latency_tables import Seams
from mixnet_common.intervals import CONFIDENCE, student_bound

FEWEST = 4
"""Networks that a fit needs: two coefficients, and two to see how well it holds."""

PRIOR_SCALE, PRIOR_BLOCK = 0.3, 0.3
"""Standard deviations of the prior: of the scale around 1, and of what all blocks of a network add,
in its own time; far wider than anything that was seen."""

FLOOR = 1e-3
"""The least residual: below it, clocks and not networks are compared."""

FAR = 1.2
"""A sum that is larger or smaller than all fitted networks' by this factor is far from them."""


def fit_seams(
    sums: Sequence[float], blocks: Sequence[int], ratios: Sequence[float]
) -> Seams | None:
    """Fit measured ratios of networks to the sums of their blocks; None of fewer than ``FEWEST``.

    Errors are relative: what is fitted is ratio / sum = scale + per_block x blocks / sum.
    """
    if len(sums) < FEWEST:
        return None
    x, n, y = (np.asarray(values, dtype=float) for values in (sums, blocks, ratios))
    design, target = np.stack([np.ones_like(x), n / x], axis=1), y / x
    residual = max(float(np.std(target, ddof=1)), FLOOR)
    for _ in range(2):  # the prior is weighed against a residual that it bears on
        weights = residual * np.array([1, np.mean(n / x)]) / (PRIOR_SCALE, PRIOR_BLOCK)
        prior = np.diag(weights**2)
        inverse = np.linalg.inv(design.T @ design + prior)
        fitted = inverse @ (design.T @ target + prior @ [1.0, 0.0])
        errors = target / (design @ fitted) - 1
        residual = max(math.sqrt(float(errors @ errors) / (len(x) - 2)), FLOOR)
    return Seams(
        scale=max(float(fitted[0]), 0.0),
        per_block=float(fitted[1]),
        residual=residual,
        freedom=float(len(x) - 2),
        covariance=(float(inverse[0, 0]), float(inverse[0, 1]), float(inverse[1, 1])),
    )


def ratio_at(seams: Seams, total: float, blocks: int) -> float:
    """The predicted ratio of a network with this sum of blocks."""
    return seams.scale * total + seams.per_block * blocks


def spread_at(seams: Seams, total: float, blocks: int, confidence: float = CONFIDENCE) -> float:
    """Half-width of the prediction interval, as a logarithm.

    Student's prediction interval: of the scatter around the fit, and of the fit itself.
    """
    first, both, second = seams.covariance
    at = blocks / total
    leverage = max(first + 2 * both * at + second * at * at, 0.0)
    return student_bound(seams.freedom, confidence) * seams.residual * math.sqrt(1 + leverage)
