"""The calibration images: each image's extremes in every tensor, and warnings about them.

A range that is set by a single image makes the steps of all others coarse; images that are all
similar, or without content, set ranges that do not suit others. Pure functions: nothing is run or
printed.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Extremes = NDArray[np.float64]
"""(samples, 2): the least and the greatest value of a tensor on each calibration sample."""

ALONE = 2.0
"""A sample sets a range alone where it reaches this many times farther than any other."""

POINTS_SHARE = 0.1
"""More than this part of the tensors with one value only is odd."""

MOST_NAMED = 3
"""Images named of those that set ranges alone."""

FEW = 4
"""Fewer samples cannot show which of them is odd."""


@dataclass(frozen=True)
class Outlier:
    """A sample that alone sets ranges."""

    sample: int
    """Its index."""
    tensors: tuple[str, ...]
    """Whose ranges it sets, that where it reaches farthest beyond the others first."""
    reach: float
    """Its largest absolute value in the first of them."""
    others: float
    """The largest absolute value of all others there."""


def doubts(
    extremes: Mapping[str, Extremes],
    ranges: Mapping[str, tuple[float, float]],
    names: Sequence[str],
) -> list[str]:
    """Warnings about a calibration, in sentences; ``names`` are the samples'.

    ``ranges`` are the computed ones: values that they already clip are not reported.
    """
    if len(names) == 1:
        return [f"one image ({names[0]}) is too few to calibrate on; give a few hundred"]
    if all_alike(extremes):
        return [f"the {len(names)} calibration images are all alike; give different ones"]
    found = [_alone(each, names) for each in outliers(extremes, ranges)]
    if len(found) > MOST_NAMED:
        found[MOST_NAMED:] = [f"{len(found) - MOST_NAMED} further images determine ranges alone"]
    flat = points(extremes)
    if len(flat) > POINTS_SHARE * len(extremes):
        found.append(
            f"{len(flat)} of {len(extremes)} tensors ({flat[0]}, …) were constant on these"
            " images; they may be blank, or the weights damaged"
        )
    return found


def _alone(outlier: Outlier, names: Sequence[str]) -> str:
    count = len(outlier.tensors)
    return (
        f"{names[outlier.sample]} alone determines the range of {count}"
        f" tensor{'s' if count > 1 else ''}"
        f" ({outlier.tensors[0]}: it reaches {outlier.reach:.3g}, all others stay within"
        f" {outlier.others:.3g}); remove it, or use --ranges per-image"
    )


def outliers(
    extremes: Mapping[str, Extremes], ranges: Mapping[str, tuple[float, float]]
) -> list[Outlier]:
    """Samples that reach ``ALONE`` times farther than all others, those of most tensors first.

    Only tensors whose range reaches that far too are counted.

    >>> extremes = {"a": np.array([[0.0, each] for each in (14.0, 301.0, 15.0, 12.0)])}
    >>> outliers(extremes, {"a": (0.0, 301.0)})
    [Outlier(sample=1, tensors=('a',), reach=301.0, others=15.0)]
    >>> outliers(extremes, {"a": (0.0, 15.0)})
    []
    """
    found: dict[int, list[tuple[float, str, float, float]]] = defaultdict(list)
    for name, each in extremes.items():
        reach = np.abs(each).max(axis=1)
        if len(reach) < FEW:
            continue
        others, largest = np.sort(reach)[-2:]
        if others > 0 and min(largest, max(map(abs, ranges[name]))) > ALONE * others:
            sample = int(np.argmax(reach))
            found[sample].append((largest / others, name, float(largest), float(others)))
    ordered = sorted(found.items(), key=lambda item: -len(item[1]))
    return [_outlier(sample, sorted(tensors, reverse=True)) for sample, tensors in ordered]


def _outlier(sample: int, tensors: Sequence[tuple[float, str, float, float]]) -> Outlier:
    _, _, reach, others = tensors[0]
    return Outlier(sample, tuple(name for _, name, _, _ in tensors), reach, others)


def all_alike(extremes: Mapping[str, Extremes]) -> bool:
    """Whether several samples gave the same extremes in every tensor."""
    return all(len(each) > 1 and bool((each == each[0]).all()) for each in extremes.values())


def points(extremes: Mapping[str, Extremes]) -> list[str]:
    """Tensors in which all samples together showed one value only."""
    return [name for name, each in extremes.items() if each[:, 0].min() == each[:, 1].max()]
