"""Arrays from TensorFlow checkpoints: a directory, a prefix, or a ``.tar.gz`` as published.

Only ``….index`` and ``….data-…`` are read, by TensorFlow's checkpoint reader; a graph file beside
them is never opened. Needs tensorflow.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mixnet_common import MixnetError, UsageError
from mixnet_common.errors import install_hint
from mixnet_common.readers import check_readable, read_text
from mixnet_common.temporary import temporary_folder
from mixnet_networks.importing.archive import extract
from mixnet_networks.importing.record import Content
from mixnet_networks.importing.unweighted import is_weight
from mixnet_networks.weights import some

AVERAGE = "/ExponentialMovingAverage"
SLOTS = re.compile(r"/((RMSProp|Momentum|Adam\w*|Ada\w+|Ftrl|LA\w+)(_\d+)?|adam_[mv])$")
"""Ends of the names of what an optimizer keeps for a variable."""

OBJECTS = "_CHECKPOINTABLE_OBJECT_GRAPH"
"""What a checkpoint of TensorFlow 2's objects has in it: its names are those of attributes."""

FILES = re.compile(r"checkpoint|.+\.index|.+\.data-\d{5}-of-\d{5}")
"""The files of an archive that are taken out."""

MOST_STATE_BYTES = 1 << 20
"""Limit of the file ``checkpoint``, which names a few others."""

_DAMAGED = (LookupError, RuntimeError, TypeError, ValueError)
"""Exceptions of TensorFlow's reader for damaged files, besides its own errors."""


def read_archive(path: Path) -> Content:
    """The checkpoint in a tar file. Raises MixnetError if a member would leave its folder."""
    _tensorflow(path)
    with temporary_folder() as folder:
        extract(path, folder, FILES)
        return _read(find_prefix(folder, path), path)


def read_directory(path: Path) -> Content:
    """The checkpoint in a directory, the newest where there are several."""
    return _read(find_prefix(path, path), path)


def read_prefix(path: Path) -> Content:
    """A checkpoint by its prefix (``model.ckpt-123``) or its ``.index`` file."""
    prefix = path.with_name(path.name.removesuffix(".index"))
    return _read(prefix, path)


def find_prefix(folder: Path, shown: Path) -> Path:
    """The one checkpoint of a folder, or that which its ``checkpoint`` file names, or the latest.

    That file may name any path on the machine; only the last part of it counts.
    """
    prefixes = {path.name.removesuffix(".index"): path for path in folder.glob("*.index")}
    if not prefixes:
        raise UsageError(
            f"there are no weights in {shown}",
            "there would be model.safetensors, pytorch_model.bin, or a TensorFlow checkpoint with"
            " a file that ends in .index",
        )
    name = _named_latest(folder / "checkpoint")
    if name not in prefixes:
        name = max(prefixes, key=_step)
    return folder / name


def _named_latest(state: Path) -> str:
    try:
        text = read_text(state, limit=MOST_STATE_BYTES)
    except UsageError:
        return ""
    found = re.search(r'^model_checkpoint_path:\s*"([^"]*)"', text, re.M)
    return found.group(1).replace("\\", "/").rpartition("/")[2] if found else ""


def _step(prefix: str) -> tuple[int, str]:
    found = re.search(r"-(\d{1,18})$", prefix)
    return (int(found.group(1)) if found else -1, prefix)


def _tensorflow(path: Path) -> Any:
    try:
        import tensorflow
    except ImportError as error:
        raise MixnetError(
            f"reading {path} needs TensorFlow, which is not installed",
            install_hint("mixnet-mobile[tensorflow]"),
        ) from error
    return tensorflow


def _read(prefix: Path, shown: Path) -> Content:
    tensorflow = _tensorflow(shown)
    for file in (prefix.with_name(f"{prefix.name}.index"), *_data_files(prefix)):
        check_readable(file)
    try:
        reader = tensorflow.train.load_checkpoint(str(prefix))
        shapes = reader.get_variable_to_shape_map()
        _check_names(shapes, shown)
        chosen, notes = choose_variables(shapes)
        # A copy: TensorFlow's arrays may share the file's memory.
        arrays = {name: reader.get_tensor(stored).astype("float32") for name, stored in chosen}
    except (tensorflow.errors.OpError, *_DAMAGED) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise MixnetError(
            f"{shown} is not a complete TensorFlow checkpoint: {lines[0]}",
            "copy or download it again",
        ) from error
    return Content(arrays, notes)


def _data_files(prefix: Path) -> list[Path]:
    start = f"{prefix.name}.data-"
    return [each for each in prefix.parent.iterdir() if each.name.startswith(start)]


def _check_names(names: Iterable[str], shown: Path) -> None:
    """Raise MixnetError for a checkpoint of objects, whose names are of no use here."""
    if OBJECTS in names:
        raise MixnetError(
            f"{shown} is an object-based checkpoint of TensorFlow 2, without names of layers",
            "save the model with Keras 3: model.save_weights('model.weights.h5')",
        )


def choose_variables(
    shapes: Mapping[str, Sequence[int]],
) -> tuple[list[tuple[str, str]], tuple[str, ...]]:
    """Which variables of a checkpoint to read: pairs of name and stored name, and notes.

    A variable's moving average, which the authors evaluate with, takes precedence over it.
    What an optimizer or an average keeps for a variable lies under its name, and what they keep
    for all are single numbers; both are left.
    """
    found = {name for name, shape in shapes.items() if _is_kept(name, shape, shapes)}
    averages: Mapping[str, str] = {
        name.removesuffix(AVERAGE): name for name in found if name.endswith(AVERAGE)
    }
    plain = {name: name for name in found if not name.endswith(AVERAGE)}
    chosen = sorted({**plain, **averages}.items())
    without = sorted(plain.keys() - averages.keys()) if averages else []
    notes = []
    if averages:
        notes.append(f"moving averages of {len(averages)} of {len(chosen)} variables")
    if without:
        notes.append(f"no moving average of {some(without)}")
    return chosen, tuple(notes)


def _is_kept(name: str, shape: Sequence[int], names: Collection[str]) -> bool:
    """Whether a variable is a model's own, or the average of one."""
    owner = name.rpartition("/")[0]
    slot = SLOTS.search(name) or (owner in names and not name.endswith(AVERAGE))
    of_average = owner.endswith(AVERAGE)
    return is_weight(name) and len(shape) > 0 and not slot and not of_average
