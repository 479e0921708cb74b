"""Accuracies: the paper's, unless a results file of ours says what was measured on real images.

Reads what ``mixnet-bench parity --json`` printed; measures nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixnet_common import UsageError
from mixnet_common.readers import read_json, show
from mixnet_networks.paper import NOT_PRINTED, Row

UNTRAINED = "an accuracy needs trained weights and the data set; the figure is the paper's"
DIFFERENT = "measured on {images:,} images with {file}"
OTHER_CLASSES = "the results are of {found} classes, the paper's figure is of {printed:,}"
IMAGENET_CLASSES = 1000
"""Of every accuracy in the paper that names no other data set."""
POINTS = 1.0
"""An accuracy is reproduced if the printed one lies within one point."""
_PRECISION = re.compile(r"-(int8|int8-dynamic|float16|mixed)$")
"""What an exported file's name has behind its network's."""


@dataclass(frozen=True)
class Measured:
    """A network's accuracy on labelled images, in percent, and the file that was run."""

    top1: float
    top5: float | None
    images: int
    file: str
    classes: int


Accuracies = Mapping[tuple[str, int], Measured]
"""By the network's name and its number of classes: of another data set is another accuracy."""


def find_measured(
    network: str, classes: int | None, accuracies: Accuracies
) -> tuple[Measured | None, str]:
    """A network's accuracy on so many classes, ImageNet's unless told, or why there is none."""
    wanted = classes or IMAGENET_CLASSES
    if found := accuracies.get((network, wanted)):
        return found, ""
    others = [str(count) for name, count in accuracies if name == network]
    if not others:
        return None, UNTRAINED
    return None, OTHER_CLASSES.format(found=" and ".join(others), printed=wanted)


def compare_accuracy(row: Row, accuracies: Accuracies) -> dict[str, Any]:
    """The row's accuracies as printed, ours where there are any, and which of both they are."""
    printed = {"top1": row.top1, "top5": row.top5, "map": row.map}
    measured, reason = find_measured(row.network, row.classes, accuracies)
    if measured is None or row.top1 == NOT_PRINTED:
        return {
            "source": "paper",
            **printed,
            "ours_top1": None,
            "ours_top5": None,
            "images": None,
            "verdict": "not comparable",
            "reason": reason or UNTRAINED,
        }
    close = abs(measured.top1 - float(row.top1)) <= POINTS
    return {
        "source": "results",
        **printed,
        "ours_top1": measured.top1,
        "ours_top5": measured.top5,
        "images": measured.images,
        "verdict": "reproduced" if close else "differs",
        "reason": "" if close else DIFFERENT.format(images=measured.images, file=measured.file),
    }


def read_measured(path: Path | None) -> Accuracies:
    """Accuracies from a document of ``mixnet-bench parity --json``.

    Of a network that was measured twice, as float32 and as int8, the first file counts. Raises
    UsageError where the document is none or has no accuracy.
    """
    if path is None:
        return {}
    where = show(path)
    document = read_json(path, "give what mixnet-bench parity --json printed")
    try:
        entries = [
            entry for target in document["targets"] for entry in _entries(target, path.parent)
        ]
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise UsageError(
            f"{where} holds no results of a parity check",
            "mixnet-bench parity … --json > FILE",
        ) from error
    if not entries:
        raise UsageError(f"{where} holds no accuracy", "the images of a parity check need labels")
    return dict(reversed(entries))


def _entries(target: dict[str, Any], folder: Path) -> list[tuple[tuple[str, int], Measured]]:
    top1, top5, classes = target["top1"], target["top5"], int(target["classes"])
    if top1 is None:
        return []
    return [
        (
            (network_of(str(file["path"]), folder), classes),
            Measured(
                float(top1[f"{side}_percent"]),
                None if top5 is None else float(top5[f"{side}_percent"]),
                int(target["images"]),
                str(file["name"]),
                classes,
            ),
        )
        for side, file in zip(("first", "second"), target["files"], strict=True)
    ]


def network_of(path: str, folder: Path) -> str:
    """The network in a file, as the provenance beside it says; else by the file's name.

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
