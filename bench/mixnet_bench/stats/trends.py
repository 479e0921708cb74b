"""Whether values increase or decrease in their order."""

import math

import numpy as np

from mixnet_bench.stats.samples import Floats


def theil_sen_slope(values: Floats) -> float:
    """The median of the slopes between all pairs (Theil 1950, Sen 1968); 0 for a single value.

    One odd value does not make a trend:

    >>> theil_sen_slope(np.array([10.0, 10.0, 12.0, 10.0, 10.0]))
    0.0
    """
    from scipy.stats import theilslopes

    return float(theilslopes(values).slope) if len(values) > 1 else 0.0


def kendall_tau(values: Floats) -> float:
    """Kendall's tau with the order: 1 when each value is larger, -1 smaller; 0 if none differs.

    >>> kendall_tau(np.array([1.0, 2.0, 5.0])), kendall_tau(np.array([1.0, 1.0]))
    (1.0, 0.0)
    """
    from scipy.stats import kendalltau

    found = float(kendalltau(np.arange(len(values)), values).statistic)
    return 0.0 if math.isnan(found) else found
