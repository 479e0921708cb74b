"""The images of a comparison, and the class of each, as far as the folder determines it.

A folder of class folders, a flat folder with a file of classes, or images without labels. Only that
file is opened; labels that do not fit the classes are refused here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mixnet_common import UsageError
from mixnet_networks.labels import Labels, load_labels
from mixnet_quantize.images import image_files
from mixnet_quantize.parity.naming import Naming, by_name, position_of
from mixnet_quantize.parity.truth import read_truth


@dataclass(frozen=True)
class Source:
    """The folder of images, and the source of their classes."""

    folder: Path
    classes: str | None = None
    """A file of class names, one per line in the order of the outputs, or ``imagenet``."""
    truth: Path | None = None
    """A file with every image's class, for a flat folder."""
    synsets: Path | None = None
    """For a truth that counts classes as ILSVRC does: the synset of each of its numbers."""
    unlabelled: bool = False
    """Ignore folders' names and compare predictions only."""


@dataclass(frozen=True)
class Images:
    """Images to compare on, in the order of their names."""

    folder: Path
    names: tuple[str, ...]
    """Paths within the folder, with ``/``."""
    truth: tuple[int, ...] | None
    """The class of each, counted from 0; None without labels."""
    truth_from: str | None
    """Source of the class numbers: a file, ``labels`` or ``names``."""

    def path(self, index: int) -> Path:
        """The path of an image."""
        return self.folder / self.names[index]


def find_images(source: Source, classes: int, labels: Labels = ()) -> Images:
    """The images of a source, for a number of classes that the model file names ``labels``.

    Raises UsageError if there are none, or their classes do not fit the network's.
    """
    _check(source)
    files = image_files(source.folder)
    names = tuple(sorted(path.relative_to(source.folder).as_posix() for path in files))
    naming = Naming(
        classes,
        load_labels(source.classes, classes) if source.classes is not None else (),
        source.classes or "",
        labels,
    )
    if source.unlabelled:
        return Images(source.folder, names, None, None)
    if source.truth is not None:
        truth, truth_from = read_truth(source.truth, names, naming, source.synsets)
        return Images(source.folder, names, truth, truth_from)
    return _by_folders(source, names, naming)


def _check(source: Source) -> None:
    """Refuse options that contradict each other."""
    others = {"--labels": source.classes, "--truth": source.truth, "--synsets": source.synsets}
    given = [name for name, value in others.items() if value is not None]
    if source.unlabelled and given:
        raise UsageError(f"--unlabelled and {given[0]} contradict each other", "omit one of them")
    if source.synsets is not None and source.truth is None:
        raise UsageError("--synsets translates the numbers of --truth, which is not given")


def _refuse_level(folder: Path, folders: Sequence[str], names: Sequence[str]) -> None:
    """Refuse a folder whose only folder has the class folders in it: one level too high."""
    if len(folders) == 1 and all(name.count("/") > 1 for name in names):
        inner = folder / folders[0]
        raise UsageError(
            f"{folder} has no class folders itself; its folder {inner} has",
            f"give {inner}",
        )


def _refuse_one_class(folder: Path, naming: Naming) -> None:
    """Refuse the folder of a single class: one level too deep."""
    name = folder.resolve().name
    if name in (naming.listed or naming.labels):
        raise UsageError(
            f"{folder} has the images of one class, {name}, and no class folders",
            f"give the folder above it, {folder.resolve().parent}, or compare without labels:"
            " --unlabelled",
        )


def _by_folders(source: Source, names: Sequence[str], naming: Naming) -> Images:
    """The classes of class folders; none if all images are in the folder itself."""
    loose = [name for name in names if "/" not in name]
    if len(loose) == len(names):
        if source.classes is not None:
            raise UsageError(
                f"--labels names the classes, but nothing assigns the images of {source.folder} to"
                " them",
                "give --truth FILE, or put the images into folders by class",
            )
        _refuse_one_class(source.folder, naming)
        return Images(source.folder, tuple(names), None, None)
    if loose:
        raise UsageError(
            f"{source.folder} has both class folders and images beside them: {loose[0]}",
            "move the images away, or compare without labels: --unlabelled",
        )
    folders = sorted({name.partition("/")[0] for name in names})
    _refuse_level(source.folder, folders, names)
    order, said = by_name(
        folders,
        naming,
        what=f"class folders in {source.folder}",
        hint="name the classes with --labels FILE, or compare without labels: --unlabelled",
    )
    truth = position_of([name.partition("/")[0] for name in names], order)
    return Images(source.folder, tuple(names), truth, said)
