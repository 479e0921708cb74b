"""Trained weights that ship with the package, by name; a model card stands beside each file."""

from importlib import resources
from pathlib import Path

SUFFIX = ".safetensors"


def trained_names() -> tuple[str, ...]:
    """Names that ``--weights`` takes in place of a file."""
    files = resources.files(__name__).iterdir()
    return tuple(sorted(each.name[: -len(SUFFIX)] for each in files if each.name.endswith(SUFFIX)))


def trained_file(name_or_path: Path) -> Path:
    """The file of a name that ships; any other path is returned as it is."""
    if str(name_or_path) in trained_names():
        return Path(str(resources.files(__name__).joinpath(f"{name_or_path}{SUFFIX}")))
    return name_or_path
