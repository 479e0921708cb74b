"""The file formats of weights: one line each.

The format is determined by the name; if two programs use the same name, by the first bytes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mixnet_common import UsageError
from mixnet_common.readers import is_file, is_folder, missing_file, opened
from mixnet_networks.importing import checkpoint, keras_files, pytorch, safetensors
from mixnet_networks.importing.beside import config_of
from mixnet_networks.importing.record import Content
from mixnet_networks.trained import trained_file
from mixnet_networks.weights import some


@dataclass(frozen=True)
class Format:
    """A kind of file, the ends of its names, and the function that reads one."""

    title: str
    endings: tuple[str, ...]
    read: Callable[[Path], Content]


PYTORCH = Format(
    "a PyTorch checkpoint", (".pth", ".pt", ".bin", ".ckpt.pt", ".pth.tar"), pytorch.read
)

FORMATS = (
    Format("safetensors", (".safetensors",), safetensors.read),
    Format("a Keras file", (".weights.h5", ".keras"), keras_files.read),
    # Before the archives: ".pth.tar" is what many training scripts call a PyTorch file.
    PYTORCH,
    Format("a packed TensorFlow checkpoint", (".tar.gz", ".tgz", ".tar"), checkpoint.read_archive),
    Format("a TensorFlow checkpoint", (".index", ".ckpt"), checkpoint.read_prefix),
)
"""A directory is a TensorFlow checkpoint's too, or one of Hugging Face's hub."""

SHARED = (".ckpt", ".tar")
"""Endings of TensorFlow's checkpoints that PyTorch's programs use too: Lightning writes .ckpt."""

HUB_FILES = ("model.safetensors", "pytorch_model.bin", "pytorch_model.pth", "model.pth")
"""File names of weights in timm and on Hugging Face's hub, the safe ones first."""

SINGLE = (".safetensors", ".weights.h5", ".keras", *PYTORCH.endings, ".ckpt")
"""Ends of names of weights that are one file."""

PICKLED = (b"PK\x03\x04", *(b"\x80" + bytes([protocol]) for protocol in range(1, 6)))
"""How a PyTorch file begins: as a zip archive, or as the pickle that it was up to version 1.5."""


def read_content(path: Path) -> Content:
    """The arrays of a file, or of the TensorFlow checkpoint in a directory.

    Raises UsageError if there is none or its kind is unknown, MixnetError if it is damaged,
    dangerous, or needs a package that is not installed.
    """
    if is_folder(path):
        return checkpoint.read_directory(path)
    form = _format_of(path)
    if form is None:
        raise UsageError(f"cannot read weights from {path}", f"give {known_formats()}")
    if is_file(path):
        return (PYTORCH if path.name.endswith(SHARED) and _is_pickled(path) else form).read(path)
    if form.read is not checkpoint.read_prefix or not is_file(_index(path)):
        raise missing_file(path)
    return form.read(path)


def locate(path: Path) -> Path:
    """The file of weights in a folder as from Hugging Face's hub; anything else is itself.

    A folder with a TensorFlow checkpoint is itself, too. Raises UsageError if it holds several
    files of weights and none that is called as on the hub.
    """
    if not is_folder(path):
        return path
    for name in HUB_FILES:
        if is_file(path / name):
            return path / name
    if any(path.glob("*.index")):
        return path
    found = [each for each in sorted(path.iterdir()) if each.name.lower().endswith(SINGLE)]
    if len(found) > 1:
        raise UsageError(
            f"{path} contains several weight files: {some(each.name for each in found)}",
            "use one of them",
        )
    return found[0] if found else path


def weight_files(path: Path) -> list[Path]:
    """The files that reading these weights opens; empty if there are none.

    Of a directory the checkpoints in it, of a prefix the checkpoint's files, and a ``config.json``.
    """
    path = locate(trained_file(path))
    return [*_parts(path), *(each for each in [config_of(path)] if is_file(each))]


def _parts(path: Path) -> list[Path]:
    if is_folder(path):
        return [each for each in path.iterdir() if checkpoint.FILES.fullmatch(each.name)]
    prefix = path.name.removesuffix(".index")
    beside = path.parent.iterdir() if is_folder(path.parent) else ()
    return [each for each in beside if each.name == path.name or _is_part(each.name, prefix)]


def known_formats() -> str:
    """The endings of all files that can be read, in words."""
    endings = [ending for form in FORMATS for ending in form.endings]
    return (
        f"a file that ends in {', '.join(endings)}, or the folder of a TensorFlow checkpoint or of"
        " a model from Hugging Face's hub"
    )


def _format_of(path: Path) -> Format | None:
    name = path.name.lower()
    return next((form for form in FORMATS if name.endswith(form.endings)), None)


def _is_pickled(path: Path) -> bool:
    with opened(path) as file:
        return file.read(4).startswith(PICKLED)


def _is_part(name: str, prefix: str) -> bool:
    """Whether a file is of the checkpoint of a prefix."""
    return name.startswith(f"{prefix}.") and bool(checkpoint.FILES.fullmatch(name))


def _index(path: Path) -> Path:
    return path.with_name(f"{path.name}.index")
