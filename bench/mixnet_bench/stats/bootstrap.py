"""The block bootstrap: the uncertainty of a single launch's percentiles.

It is used only for a single launch, and does not include differences between launches: from two
launches on, intervals are Student's, over launches (docs/trust.md has the coverage of both).
"""

import numpy as np
import numpy.typing as npt

from mixnet_bench.stats.samples import Floats, percentile
from mixnet_common.intervals import CONFIDENCE, Interval

REPLICATES = 2000
LONGEST = 1000
"""Values drawn from a launch, at most. A longer launch is resampled at this length, which makes the
interval a little too wide, never too narrow, and keeps a million samples affordable."""

CHUNK_ELEMENTS = 4_000_000
"""Resampled values held in memory at once (32 MB)."""


def bootstrap_interval(
    samples: Floats, percent: float, confidence: float = CONFIDENCE, seed: int = 0
) -> Interval:
    """The middle ``confidence`` of a percentile of resampled samples."""
    return middle(resample_percentile(samples, percent, seed), confidence)


def middle(replicates: Floats, confidence: float = CONFIDENCE) -> Interval:
    """The interval that holds the middle ``confidence`` of the replicates."""
    tail = 100 * (1 - confidence) / 2
    return Interval(percentile(replicates, tail), percentile(replicates, 100 - tail))


def resample_percentile(
    samples: Floats,
    percent: float,
    seed: int = 0,
    block: int | None = None,
    replicates: int = REPLICATES,
) -> Floats:
    """A percentile of resampled samples, ``replicates`` times.

    For each replicate, blocks of neighbouring samples (the launch taken as a ring) are drawn until
    there are as many as there were, at most ``LONGEST``. ``block`` is a block's length; by default
    the cube root of the launch's length, the usual order of magnitude (Hall, Horowitz and Jing
    1995), since neighbouring inferences resemble each other.
    """
    rng = np.random.default_rng([seed, 1])
    step = max(1, CHUNK_ELEMENTS // min(LONGEST, len(samples)))
    sizes = [min(step, replicates - start) for start in range(0, replicates, step)]
    drawn = [samples[_block_positions(len(samples), size, block, rng)] for size in sizes]
    return np.concatenate([np.quantile(rows, percent / 100, axis=1) for rows in drawn])


def _block_positions(
    length: int, rows: int, block: int | None, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """(rows, wanted) positions in a launch: blocks that start anywhere and wrap around the end."""
    wanted = min(LONGEST, length)
    size = min(wanted, block or round(length ** (1 / 3)))
    blocks = -(-wanted // size)
    starts = rng.integers(0, length, size=(rows, blocks, 1))
    positions = (starts + np.arange(size)) % length
    return positions.reshape(rows, blocks * size)[:, :wanted]
