"""Files with the class of every image of a flat folder, in their usual forms.

``name,label`` (CSV, also Kaggle's), ``name label`` (Caffe's), or one label per line in the order of
the images, as in ILSVRC's ground truth. See docs/parity.md.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from mixnet_common import UsageError
from mixnet_common.console import warn
from mixnet_common.printable import shown
from mixnet_common.readers import read_text, show
from mixnet_quantize.images import SUFFIXES
from mixnet_quantize.parity.naming import Naming, by_name, position_of

HEADERS = frozenset(("name", "image", "imageid", "image_id", "file", "filename", "path", "id"))
"""Words that open a CSV file whose first line is not an image."""

SYNSET = re.compile(r"n\d{8}")

NUMBERED = re.compile(r"_(\d{8})$")
"""ILSVRC's images end in their number, counted from 1."""

NUMBER = re.compile(r"[0-9]{1,9}")

LONGEST = 10_000
"""Characters of a line; whatever has longer ones is something else."""

HINT = "docs/parity.md shows the supported forms"


def read_truth(
    path: Path, names: Sequence[str], naming: Naming, synsets: Path | None
) -> tuple[tuple[int, ...], str]:
    """The class of each image, counted from 0, and the source of the labels' meaning.

    Raises UsageError if the file cannot be read, misses an image or has unknown labels.
    """
    lines = _lines(path)
    named = [pair for pair in _parsed(lines) if pair is not None]
    if named and len(named) != len(lines):
        raise UsageError(f"{path}: only {len(named)} of {len(lines)} lines name an image", HINT)
    labels = _of_names(named, names, path) if named else _of_lines(lines, names, path)
    return _classes(labels, naming, synsets, path, bool(named))


def _lines(path: Path) -> list[str]:
    """The lines of a text file that are not empty. Raises UsageError if there is none."""
    text = read_text(path, "give a text file")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise UsageError(f"{path} is empty", HINT)
    if max(map(len, lines)) > LONGEST:
        raise UsageError(f"{path} is not a list of labels: a line is too long", HINT)
    return lines


def _parsed(lines: Sequence[str]) -> Iterator[tuple[str, str] | None]:
    """(image, label) of each line; None for a line with a label only. A header becomes nothing.

    >>> list(_parsed(["ImageId,PredictionString", "a_00000001,n03995372 85 1 499 272", "b.png 7"]))
    [('', ''), ('a_00000001', 'n03995372'), ('b.png', '7')]
    """
    for index, line in enumerate(lines):
        cells = next(csv.reader([line]))
        if len(cells) == 1:
            name, _, label = line.rpartition(" ")
            yield (name.strip(), label) if PurePosixPath(name).suffix.lower() in SUFFIXES else None
        elif index == 0 and cells[0].strip().lower() in HEADERS:
            yield "", ""
        else:
            label = cells[1].strip()
            synset = SYNSET.match(label)  # Kaggle's file appends boxes to it
            yield cells[0].strip(), synset.group() if synset else label


def _of_names(pairs: Sequence[tuple[str, str]], names: Sequence[str], path: Path) -> list[str]:
    """The label of each image, by its path, its file's name, or that without its suffix."""
    known: dict[str, str] = {}
    for name, label in pairs:
        if name and known.setdefault(name, label) != label:
            raise UsageError(f"{path} has two labels for {name}: {known[name]} and {label}")
    found, missing, used = [], [], set()
    for name in names:
        key = next((key for key in _keys(name) if key in known), None)
        if key is None:
            missing.append(name)
        else:
            used.add(key)
            found.append(known[key])
    if missing:
        raise UsageError(
            f"{path} has no label for {len(missing)} of {len(names)} images: {missing[0]}", HINT
        )
    if len(used) < len(known):
        warn(f"{path} has labels for {len(known) - len(used)} images that do not exist")
    return found


def _keys(name: str) -> tuple[str, str, str]:
    whole = PurePosixPath(name)
    return name, whole.name, whole.stem


def _of_lines(lines: Sequence[str], names: Sequence[str], path: Path) -> list[str]:
    """The label of each image: by the number that its name ends in, or one line each, in order."""
    numbers = [NUMBERED.search(PurePosixPath(name).stem) for name in names]
    places = [int(found.group(1)) for found in numbers if found]
    if len(places) == len(names) and max(places) <= len(lines) and min(places) > 0:
        return [lines[place - 1] for place in places]
    if len(lines) != len(names):
        raise UsageError(f"{path} has {len(lines)} labels for {len(names)} images", HINT)
    return list(lines)


def _classes(
    labels: Sequence[str], naming: Naming, synsets: Path | None, path: Path, named: bool
) -> tuple[tuple[int, ...], str]:
    """Labels as classes counted from 0."""
    if synsets is not None:
        translation = read_synsets(synsets, naming.classes)
        unknown = sorted(set(labels) - set(translation))
        if unknown:
            raise UsageError(f"{path}: {synsets} has no synset for label {unknown[0]!r}", HINT)
        labels = [translation[label] for label in labels]
        if not naming.listed:
            # ILSVRC's networks have their classes in the order of the synsets' names.
            order = {name: index for index, name in enumerate(sorted(translation.values()))}
            return position_of(labels, order), str(synsets)
    elif all(NUMBER.fullmatch(label) for label in labels) and not set(labels) <= set(naming.listed):
        return _numbers(labels, naming.classes, path, named), "numbers"
    _refuse_half_numbers(labels, naming, path)
    order_of, said = by_name(
        sorted(set(labels)),
        naming,
        what=f"labels in {path}",
        hint="name the classes with --labels FILE, one per line in the order of the outputs",
    )
    return position_of(labels, order_of), said


def _refuse_half_numbers(labels: Sequence[str], naming: Naming, path: Path) -> None:
    """Raise UsageError if most labels are numbers, and the others neither numbers nor names."""
    others = [label for label in labels if not NUMBER.fullmatch(label)]
    named = {*naming.listed, *naming.labels} & set(labels)
    if 2 * len(others) < len(labels) and not named and len(set(labels)) != naming.classes:
        raise UsageError(
            f"{show(path)}: the label {shown(others[0])} is not a class number, and others are",
            HINT,
        )


def _numbers(labels: Sequence[str], classes: int, path: Path, named: bool) -> tuple[int, ...]:
    """Numbers of classes from 0. Bare ones that never are 0 may be ILSVRC's, of another order."""
    numbers = tuple(int(label) for label in labels)
    if not named and min(numbers) > 0:
        raise UsageError(
            f"{path} numbers classes from {min(numbers)}, in an unknown order",
            "if they are ILSVRC's numbers, give --synsets FILE; else write lines of name,label"
            " with classes counted from 0",
        )
    if max(numbers) >= classes:
        raise UsageError(
            f"{path} has class {max(numbers)}; the file's {classes} classes are counted from 0",
            "ILSVRC's own numbers need --synsets FILE",
        )
    return numbers


def read_synsets(path: Path, classes: int) -> Mapping[str, str]:
    """ILSVRC's number → synset: lines with both in either order, or synsets alone, in order.

    Numbers beyond the classes are inner nodes of the hierarchy, which no image shows. Raises
    UsageError if a line has no synset or they are not as many as the classes.
    """
    found: dict[str, str] = {}
    for index, line in enumerate(_lines(path)):
        words = line.replace(",", " ").split()
        synset = next((word for word in words if SYNSET.fullmatch(word)), None)
        if synset is None:
            raise UsageError(f"{path}: line {index + 1} has no synset like n01440764: {line[:40]}")
        number = next((word for word in words if NUMBER.fullmatch(word)), str(index + 1))
        if int(number) <= classes:
            found[str(int(number))] = synset
    if len(found) != classes or len(set(found.values())) != classes:
        raise UsageError(f"{path} has {len(set(found.values()))} synsets for {classes} classes")
    return found
