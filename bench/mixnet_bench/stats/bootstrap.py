"""Medians, percentiles and their intervals from samples that come in launches.

The same file timed in two processes differs more than in one process, so the launch is the unit:
intervals resample launches first and blocks of samples within each launch second. Pure functions
of their arguments and a seed; no sample is ever dropped here.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mixnet_bench.stats.samples import Floats, Launches, percentile
from mixnet_common.intervals import Interval

REPLICATES = 2000
CONFIDENCE = 0.95
LONGEST = 1000
"""Values drawn from a launch, at most. A longer launch is resampled at this length, which makes its
part of an interval a little too wide, never too narrow, and keeps a million samples affordable."""

CHUNK_ELEMENTS = 4_000_000
"""Resampled values held in memory at once (32 MB)."""


def pick_launches(count: int, seed: int, replicates: int = REPLICATES) -> npt.NDArray[np.int64]:
    """Which launches each replicate is made of: (replicates, count) numbers below ``count``.

    Targets that were alive in the same launches share the picks, which pairs them.
    """
    return np.random.default_rng([seed, 0]).integers(0, count, size=(replicates, count))


def resample_percentiles(
    launches: Launches,
    picks: npt.NDArray[np.int64],
    percents: Sequence[float],
    seed: int,
    block: int | None = None,
) -> Floats:
    """Percentiles of resampled data, (replicates, percents): the hierarchical block bootstrap.

    The obvious form, for each replicate: for each picked launch, draw blocks of neighbouring
    samples (the launch taken as a ring) until there are as many samples as the launch has; pool
    them; take the percentiles. Here all replicates of a chunk are drawn and sorted at once, with
    short launches filled up by infinity, which sorting moves out of the way. ``block`` is a block's
    length; by default the cube root of the launch's length, the usual order of magnitude (Hall,
    Horowitz and Jing 1995), since neighbouring inferences resemble each other. At most ``LONGEST``
    samples are drawn from a launch.
    """
    rng = np.random.default_rng([seed, 1])
    longest = min(LONGEST, max(len(launch) for launch in launches))
    step = max(1, CHUNK_ELEMENTS // (longest * picks.shape[1]))
    chunks = [
        _percentiles_of_rows(*_draw(launches, picks[start : start + step], block, rng), percents)
        for start in range(0, len(picks), step)
    ]
    return np.concatenate(chunks)


def _draw(
    launches: Launches,
    picks: npt.NDArray[np.int64],
    block: int | None,
    rng: np.random.Generator,
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Resampled rows, filled up with infinity, and how many values of each row are real."""
    lengths = np.array([min(LONGEST, len(launch)) for launch in launches])
    rows = np.full((*picks.shape, lengths.max()), np.inf)
    for index, launch in enumerate(launches):
        where = picks == index
        rows[where, : lengths[index]] = launch[
            _block_positions(len(launch), int(where.sum()), block, rng)
        ]
    return rows.reshape(len(picks), -1), lengths[picks].sum(axis=1)


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


def _percentiles_of_rows(
    rows: Floats, counts: npt.NDArray[np.int64], percents: Sequence[float]
) -> Floats:
    """``percentile`` of the first ``count`` sorted values of every row: (rows, percents)."""
    ordered = np.sort(rows, axis=1)
    positions = (counts[:, None] - 1) * (np.asarray(percents)[None, :] / 100)
    below = np.floor(positions).astype(np.int64)
    above = np.minimum(below + 1, counts[:, None] - 1)
    low = np.take_along_axis(ordered, below, axis=1)
    high = np.take_along_axis(ordered, above, axis=1)
    return np.asarray(low + (high - low) * (positions - below))


def interval(replicates: Floats, confidence: float = CONFIDENCE) -> Interval:
    """The middle ``confidence`` of the replicates: the percentile interval of the bootstrap."""
    tail = 100 * (1 - confidence) / 2
    return Interval(percentile(replicates, tail), percentile(replicates, 100 - tail))
