"""Names of classes: ImageNet's 1,000, included as data, or a text file with one per line.

``imagenet.txt`` has WordNet's words in the order of timm's list; its licence is beside it.
"""

from importlib import resources
from pathlib import Path

from mixnet_common import UsageError
from mixnet_common.errors import nearest
from mixnet_common.readers import is_file, read_text

Labels = tuple[str, ...]
"""One name for each class, in the order of the logits."""

MOST_BYTES = 64 << 20
"""No list of a million classes is longer; a longer file is something else."""


def label_names() -> tuple[str, ...]:
    """Names of the lists that ship with the package."""
    files = resources.files("mixnet_networks.labels").iterdir()
    names = (file.name for file in files if file.name.endswith(".txt"))
    return tuple(sorted(name[:-4] for name in names if "LICENSE" not in name))


def load_labels(name_or_path: str, classes: int) -> Labels:
    """The labels of a list by name, or of a UTF-8 file with one per line.

    Raises UsageError if there is none, or where it has not as many as there are classes.
    """
    labels = parse_labels(_read(name_or_path))
    if len(labels) != classes:
        raise UsageError(
            f"{name_or_path} has {len(labels)} labels for {classes} classes",
            "give one label per line, in the order of the classes",
        )
    if "" in labels:
        raise UsageError(f"{name_or_path}: line {labels.index('') + 1} is empty")
    return labels


def parse_labels(text: str) -> Labels:
    r"""The lines of a text, without white space at their ends and without empty last lines.

    >>> parse_labels("ape\r\n bee \n")
    ('ape', 'bee')
    """
    return tuple(line.strip() for line in text.rstrip().split("\n")) if text.strip() else ()


def _read(name_or_path: str) -> str:
    if name_or_path in label_names():
        file = resources.files("mixnet_networks.labels").joinpath(f"{name_or_path}.txt")
        return file.read_text(encoding="utf-8")
    path = Path(name_or_path)
    if not is_file(path):
        known = nearest(name_or_path, label_names())
        raise UsageError(f"no label file {name_or_path}", f"give a file, or a name: {known}")
    return read_text(path, "give one label per line", limit=MOST_BYTES)
