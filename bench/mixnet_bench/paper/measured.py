"""Accuracies: the paper's, or those in a results file measured on real images.

Reads the output of ``mixnet-bench parity --json``; measures nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from mixnet_bench.results.paper import AccuracyResult
from mixnet_common import UsageError
from mixnet_common.documents import read_document
from mixnet_common.json_object import clean
from mixnet_common.readers import read_json, show
from mixnet_common.result import read_results
from mixnet_networks.paper import NOT_PRINTED, Row
from mixnet_quantize.parity.result import ParityResult

HINT = "give the JSON output of mixnet-bench parity"

UNTRAINED = "the accuracy is the paper's: measuring it needs trained weights and the data set"
DIFFERENT = "measured on {images:,} images with {file}"
OTHER_CLASSES = "the results are for {found} classes, the paper's for {printed:,}"
IMAGENET_CLASSES = 1000
"""Classes of every accuracy in the paper without another data set."""
POINTS = 1.0
"""An accuracy is reproduced if it is within one point of the printed one."""
_PRECISION = re.compile(r"-(int8|int8-dynamic|float16|mixed)$")
"""Suffixes of an exported file's name after the network's."""


@dataclass(frozen=True)
class MeasuredAccuracy:
    """A network's accuracy on labelled images, in percent, and the file that was run."""

    top1: float
    top5: float | None
    images: int
    file: str
    classes: int


Accuracies = Mapping[tuple[str, int], MeasuredAccuracy]
"""Accuracies by network and number of classes, since they differ between data sets."""


def find_measured(
    network: str, classes: int | None, accuracies: Accuracies
) -> tuple[MeasuredAccuracy | None, str]:
    """A network's accuracy on a number of classes (ImageNet's by default), or why there is none."""
    wanted = classes or IMAGENET_CLASSES
    if found := accuracies.get((network, wanted)):
        return found, ""
    others = [str(count) for name, count in accuracies if name == network]
    if not others:
        return None, UNTRAINED
    return None, OTHER_CLASSES.format(found=" and ".join(others), printed=wanted)


def compare_accuracy(row: Row, accuracies: Accuracies) -> AccuracyResult:
    """The row's accuracies as printed, ours where there are any, and which of both they are."""
    printed = AccuracyResult(top1=row.top1, top5=row.top5, map=row.map)
    measured, reason = find_measured(row.network, row.classes, accuracies)
    if measured is None or row.top1 == NOT_PRINTED:
        return replace(
            printed, source="paper", verdict="not comparable", reason=reason or UNTRAINED
        )
    close = abs(measured.top1 - float(row.top1)) <= POINTS
    return replace(
        printed,
        source="results",
        ours_top1=measured.top1,
        ours_top5=measured.top5,
        images=measured.images,
        verdict="reproduced" if close else "differs",
        reason="" if close else DIFFERENT.format(images=measured.images, file=measured.file),
    )


def read_measured(path: Path | None) -> Accuracies:
    """Accuracies from a document of ``mixnet-bench parity --json``.

    Of a network that was measured twice, as float32 and as int8, the first file counts. Raises
    UsageError if the document is none or has no accuracy.
    """
    if path is None:
        return {}
    found = read_results(read_document(path, HINT), path, HINT, ParityResult)
    entries = [entry for each in found for entry in _entries(path.parent, each)]
    if not entries:
        raise UsageError(
            f"{show(path)} contains no accuracy", "the images of a parity check need labels"
        )
    return dict(reversed(entries))


def _entries(folder: Path, found: ParityResult) -> list[tuple[tuple[str, int], MeasuredAccuracy]]:
    """Both files' accuracies; none where the images had no labels."""
    top1, top5, classes = found.top1, found.top5, found.classes
    if top1 is None or classes is None:
        return []
    sides = (
        (found.files[0], top1.first_percent, None if top5 is None else top5.first_percent),
        (found.files[1], top1.second_percent, None if top5 is None else top5.second_percent),
    )
    return [
        (
            (network_of(file.path or file.name, folder), classes),
            MeasuredAccuracy(first, fifth, found.images, clean(file.name), classes),
        )
        for file, first, fifth in sides
        if first is not None
    ]


def network_of(path: str, folder: Path) -> str:
    """The network in a file, from the provenance beside it, else from the file's name.

    ``folder`` is that of the results that name the file: nothing outside is opened for them.

    >>> network_of("nowhere/mixnet-s-int8.tflite", Path("results"))
    'mixnet-s'
    """
    side = Path(f"{path}.json")
    try:
        if side.resolve().is_relative_to(folder.resolve()):
            return str(read_json(side)["network"])
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, UsageError):
        pass  # no path at all, links in a circle, no file, or no provenance
    return _PRECISION.sub("", Path(path.replace("\\", "/")).stem)
