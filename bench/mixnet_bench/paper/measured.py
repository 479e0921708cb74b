"""Accuracies: the paper's, unless a results file of ours says what was measured on real images.

Reads what ``mixnet-bench parity --json`` printed; measures nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mixnet_common import UsageError
from mixnet_common.documents import read_document, read_targets
from mixnet_common.json_object import JsonObject, WrongValueError
from mixnet_common.readers import read_json, show
from mixnet_networks.paper import NOT_PRINTED, Row

HINT = "give what mixnet-bench parity … --json printed"

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
    document = read_document(path, HINT)
    found = read_targets(document, path, HINT, partial(_entries, path.parent))
    entries = [entry for each in found for entry in each]
    if not entries:
        raise UsageError(
            f"{show(path)} holds no accuracy", "the images of a parity check need labels"
        )
    return dict(reversed(entries))


def _entries(folder: Path, target: JsonObject) -> list[tuple[tuple[str, int], Measured]]:
    """Both files' accuracies; none where the images had no labels."""
    images, classes = target.whole("images", 1), target.whole("classes", 1)
    files = target.objects("files")
    if len(files) != 2:
        raise WrongValueError("files are not two")
    if target.value.get("top1") is None:
        return []
    return [
        (
            (network_of(file.path("path"), folder), classes),
            Measured(
                target.at("top1").number(f"{side}_percent", 0, 100),
                target.at("top5").maybe(f"{side}_percent", 0, 100),
                images,
                file.text("name"),
                classes,
            ),
        )
        for side, file in zip(("first", "second"), files, strict=True)
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
