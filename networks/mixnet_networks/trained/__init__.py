"""The trained weights of the package, by name; a model card is beside each file."""

from importlib import resources
from pathlib import Path

SUFFIX = ".safetensors"


def trained_names() -> tuple[str, ...]:
    """Names that ``--weights`` accepts instead of a file."""
    files = resources.files(__name__).iterdir()
    return tuple(sorted(each.name[: -len(SUFFIX)] for each in files if each.name.endswith(SUFFIX)))


def trained_file(name_or_path: Path) -> Path:
    """The file of a built-in name; any other path is returned unchanged."""
    if str(name_or_path) in trained_names():
        return Path(str(resources.files(__name__).joinpath(f"{name_or_path}{SUFFIX}")))
    return name_or_path
