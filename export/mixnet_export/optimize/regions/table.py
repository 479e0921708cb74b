"""The patterns, in the order of their application."""

from collections.abc import Callable, Mapping

from mixnet_export.optimize.document import Document
from mixnet_export.optimize.regions import (
    affine,
    delegated,
    mixed,
    mixed_int8,
    multiplier,
)
from mixnet_export.optimize.regions.region import Site, Stay
from mixnet_runtimes.targets import Target

Finder = Callable[[Document, Target], list[Site | Stay]]
"""Finds what a pattern can rewrite in a file for a target, and what it leaves and why."""

PATTERNS: Mapping[str, Finder] = {
    "mixed convolution": mixed.find,
    "mixed convolution in int8": mixed_int8.find,
    "scale and offset": affine.find,
    "depth multiplier": multiplier.find,
    "one partition": delegated.find,
}
