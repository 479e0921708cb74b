"""Networks as data: TOML files of rows, read into frozen records and checked key by key.

Whatever is wrong is reported with its file and row. Nothing is built here; a file may come from
anyone, so every number has a bound and nothing in it names a path.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from mixnet_common import UsageError
from mixnet_common.errors import nearest
from mixnet_common.readers import parse_toml, read_toml
from mixnet_networks.cells import Cell, read_cells
from mixnet_networks.partition import PARTITIONS

Check = Callable[[Any], Any]
"""Returns the value as it is stored, or raises ValueError with what it should have been."""

Record = TypeVar("Record")

ACTIVATIONS = ("relu", "relu6", "swish")
ANY_BLOCK = ("block", "out", "blocks", "stride", "activation")
_MIXED = ("kernels", "project_groups", "partition", "dilated", "multiplier")
_EXPANSION = ("expand", "expand_groups", "expand_always")
BLOCK_KEYS: Mapping[str, tuple[str, ...]] = {
    "inverted-residual": (
        *_MIXED,
        "expand",
        "expand_groups",
        "expand_always",
        "shuffle",
        "se",
        "skip",
    ),
    "separable": _MIXED,
    "convolution": ("kernels",),
    "bottleneck": ("kernels", "middle"),
    "shuffle": ("kernels",),
    "cell": ("cell",),
}
"""The kinds of block, and the keys of a row that each takes beside those of any block."""

NEEDED = ("kernels", "middle", "cell")
"""Keys that a row must have if its kind of block takes them."""

HEAD_SCALING = ("never", "up", "always")
PADDINGS = ("same", "symmetric")
STEM_PADDINGS = ("", "valid")
INTERPOLATIONS = ("bicubic", "bilinear", "nearest")
ORDERS = ("resize-crop", "crop-resize")
SAMPLERS = ("pillow", "tensorflow")

HINT = "give a network's name or the path of a TOML file"


def _integer(low: int, high: int) -> Check:
    def check(value: Any) -> int:
        if type(value) is not int or not low <= value <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return value

    return check


def _number(low: float, high: float) -> Check:
    def check(value: Any) -> float:
        if type(value) not in (int, float) or not low <= value <= high:
            raise ValueError(f"a number from {low:g} to {high:g}")
        return float(value)

    return check


def _one_of(words: tuple[str, ...]) -> Check:
    def check(value: Any) -> str:
        if value not in words:
            raise ValueError(f"one of {', '.join(words)}")
        return str(value)

    return check


def _list_of(element: Check, low: int, high: int) -> Check:
    def check(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or not low <= len(value) <= high:
            raise ValueError(f"a list of {low} to {high} elements")
        return tuple(element(each) for each in value)

    return check


def _channels(element: Check) -> Check:
    """Numbers for red, green and blue, or one for grey."""

    def check(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) not in (1, 3):
            raise ValueError("a list of 3 elements, or of 1 for grey images")
        return tuple(element(each) for each in value)

    return check


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("a text")
    return value


def _file_name(value: Any) -> str:
    """What a file may be called in any folder: it leads nowhere else and stays on one line."""
    text = _text(value)
    if not text or text.startswith(".") or any(c in "/\\" or not c.isprintable() for c in text):
        raise ValueError("a file's name: no slash, no control character, no dot at the start")
    return text


def _aliases(value: Any) -> tuple[tuple[str, float], ...]:
    """Other programs' names, each with the channel multiplier that it stands for."""
    multiplier = _number(0.01, 100)
    if not isinstance(value, Mapping) or not all(_ALIAS.fullmatch(name) for name in value):
        raise ValueError("a table of names, in letters, digits, _ and ., with multipliers")
    return tuple((name, multiplier(factor)) for name, factor in value.items())


_ALIAS = re.compile(r"[A-Za-z0-9_.]{1,100}")


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _key(check: Check, default: Any = MISSING) -> Any:
    return dataclasses.field(default=default, metadata={"check": check})


_CHANNELS = _integer(1, 65_536)
_KERNEL = _integer(1, 255)


@dataclass(frozen=True)
class Stem:
    """The first convolution, with batch norm and activation.

    ``pool`` is the kernel of a max pool of stride 2 behind it, 0 for none; ``padding`` is the
    network's, or ``valid`` for none.
    """

    channels: int = _key(_CHANNELS)
    kernel: int = _key(_KERNEL, 3)
    stride: int = _key(_integer(1, 8), 2)
    activation: str = _key(_one_of(ACTIVATIONS), "relu")
    pool: int = _key(_integer(0, 255), 0)
    padding: str = _key(_one_of(STEM_PADDINGS), "")


@dataclass(frozen=True)
class Stage:
    """One row: ``blocks`` equal blocks, of which the first has the stride.

    ``kernels`` gives the depthwise kernel size of each channel group, ``expand`` the expansion
    ratio, ``expand_groups`` and ``project_groups`` the groups of the 1x1 convolutions, ``se`` the
    squeeze-and-excite ratio of the block's input channels (0 for none), ``multiplier`` the
    depthwise channel multiplier m of Section 3.1. ``dilated`` replaces a k x k kernel by 3x3 with
    dilation (k - 1) / 2 where the stride is 1 (Section 3.4). ``expand_always`` keeps the expansion
    layer at a ratio of 1; ``shuffle`` shuffles the channels between the groups of the expansion;
    ``middle`` gives the channels inside a bottleneck;
    ``cell`` names a cell, whose ``out`` is that of each of its nodes. Which kind of block takes
    which key says ``BLOCK_KEYS``.
    """

    out: int = _key(_CHANNELS)
    kernels: tuple[int, ...] = _key(_list_of(_KERNEL, 1, 16), ())
    block: str = _key(_one_of(tuple(BLOCK_KEYS)), "inverted-residual")
    blocks: int = _key(_integer(1, 1000), 1)
    stride: int = _key(_integer(1, 8), 1)
    expand: float = _key(_number(0.01, 100), 1.0)
    expand_groups: int = _key(_integer(1, 64), 1)
    project_groups: int = _key(_integer(1, 64), 1)
    se: float = _key(_number(0, 1), 0.0)
    activation: str = _key(_one_of(ACTIVATIONS), "relu")
    partition: str = _key(_one_of(tuple(PARTITIONS)), "equal")
    dilated: bool = _key(_flag, False)
    multiplier: int = _key(_integer(1, 64), 1)
    skip: bool = _key(_flag, True)
    shuffle: bool = _key(_flag, False)
    expand_always: bool = _key(_flag, False)
    middle: int = _key(_CHANNELS, 0)
    cell: str = _key(_text, "")


@dataclass(frozen=True)
class Head:
    """What follows the blocks: a 1x1 convolution (0 channels for none), pooling, the classes.

    ``scaling`` says when a channel multiplier applies to it: never (MixNet), only upwards
    (MobileNetV2) or always. ``before_pool`` is an activation of its own in front of the pooling,
    for networks whose features come without one (NASNet).
    """

    channels: int = _key(_integer(0, 65_536), 0)
    activation: str = _key(_one_of(ACTIVATIONS), "relu")
    dropout: float = _key(_number(0, 1), 0.0)
    scaling: str = _key(_one_of(HEAD_SCALING), "never")
    before_pool: str = _key(_one_of(("", *ACTIVATIONS)), "")


@dataclass(frozen=True)
class Preprocessing:
    """From pixels to the network's input: (pixel - mean) / std per channel, pixels 0 to 255.

    A centre crop keeps the fraction ``crop`` of the image's shorter side. ``order`` says whether
    the image is resized first and then cropped to the network's resolution, or the other way
    round; ``sampler`` whose resizing it is: Pillow's, whose filters average over all pixels that
    an output covers, or TensorFlow 1's, which looks at the two nearest along each axis.
    """

    mean: tuple[float, ...] = _key(_channels(_number(0, 255)), (127.5, 127.5, 127.5))
    std: tuple[float, ...] = _key(_channels(_number(0.001, 255)), (127.5, 127.5, 127.5))
    crop: float = _key(_number(0.1, 1), 0.875)
    interpolation: str = _key(_one_of(INTERPOLATIONS), "bicubic")
    order: str = _key(_one_of(ORDERS), "resize-crop")
    sampler: str = _key(_one_of(SAMPLERS), "pillow")


@dataclass(frozen=True)
class Architecture:
    """A network as its rows describe it, before sizes and channel counts are worked out."""

    name: str = _key(_file_name)
    title: str = _key(_text)
    source: str = _key(_text)
    stem: Stem = _key(lambda value: value)
    stages: tuple[Stage, ...] = _key(lambda value: value)
    head: Head = _key(lambda value: value)
    preprocessing: Preprocessing = _key(lambda value: value)
    family: str = _key(_text, "")
    resolution: int = _key(_integer(1, 8192), 224)
    classes: int = _key(_integer(1, 1_000_000), 1000)
    epsilon: float = _key(_number(1e-9, 0.1), 1e-3)
    padding: str = _key(_one_of(PADDINGS), "same")
    channel_divisor: int = _key(_integer(1, 256), 8)
    channel_multiplier: float = _key(_number(0.01, 100), 1.0)
    cells: tuple[Cell, ...] = _key(lambda value: value, ())
    base: str = _key(_text, "")
    """The shipped network that the file starts from."""
    aliases: tuple[tuple[str, float], ...] = _key(_aliases, ())
    """timm's names, each with the channel multiplier that it stands for."""

    def cell(self, name: str) -> Cell:
        """A cell by its name."""
        return next(cell for cell in self.cells if cell.name == name)


def architecture_names() -> tuple[str, ...]:
    """Names of the networks that ship with the package."""
    files = resources.files("mixnet_networks").joinpath("architectures").iterdir()
    return tuple(sorted(file.name[:-5] for file in files if file.name.endswith(".toml")))


def load_architecture(name_or_path: str) -> Architecture:
    """Read a network by name, or a TOML file of one's own by its path.

    Raises UsageError, naming the file and the row, where anything in it is wrong.
    """
    if name_or_path.endswith(".toml"):
        path = Path(name_or_path)
        return _read_architecture(path.stem, read_toml(path, HINT), str(path))
    if name_or_path not in architecture_names():
        raise UsageError(
            f"no network is called {name_or_path!r}", nearest(name_or_path, architecture_names())
        )
    where = f"{name_or_path}.toml"
    return _read_architecture(name_or_path, _shipped(name_or_path), where)


def _shipped(name: str) -> dict[str, Any]:
    file = resources.files("mixnet_networks").joinpath("architectures", f"{name}.toml")
    return parse_toml(file.read_text(encoding="utf-8"), file.name)


def _read_architecture(name: str, table: dict[str, Any], where: str) -> Architecture:
    table = _with_base(table, where)
    if not isinstance(table.get("stages"), list) or not 1 <= len(table["stages"]) <= 100:
        raise UsageError(f"{where}: 'stages' must be a list of 1 to 100 rows")
    parts = {
        "stem": _read_record(Stem, table.get("stem", {}), f"{where}, stem"),
        "stages": tuple(
            read_stage(row, f"{where}, stage {index}") for index, row in enumerate(table["stages"])
        ),
        "head": _read_record(Head, table.get("head", {}), f"{where}, head"),
        "preprocessing": read_preprocessing(
            table.get("preprocessing", {}), f"{where}, preprocessing"
        ),
        "cells": read_cells(table.get("cells", {}), where),
    }
    read = _read_record(Architecture, {"name": name, "title": name, **table, **parts}, where)
    _check_symmetry(read, where)
    _check_cells(read, where)
    return read


def _check_cells(architecture: Architecture, where: str) -> None:
    """Every cell that a row names must be there."""
    known = [cell.name for cell in architecture.cells]
    for index, row in enumerate(architecture.stages):
        if row.cell and row.cell not in known:
            raise UsageError(
                f"{where}, stage {index}: 'cell' must name one of the file's cells, not"
                f" {_shown(row.cell)}",
                nearest(row.cell, known),
            )


def _check_symmetry(architecture: Architecture, where: str) -> None:
    """An even kernel has no middle to be padded around."""
    stem = architecture.stem
    kernels = [stem.kernel, *(k for row in architecture.stages for k in row.kernels)]
    kernels += [stem.pool] if stem.pool else []
    even = [kernel for kernel in kernels if kernel % 2 == 0]
    if architecture.padding == "symmetric" and even:
        raise UsageError(f"{where}: symmetric padding needs odd kernels, not {even[0]}")


def _with_base(table: dict[str, Any], where: str) -> dict[str, Any]:
    """A file may start from a shipped network and change some of its keys.

    Aliases are the base's own: they stand for its weights.
    """
    if "base" not in table:
        return table
    if table["base"] not in architecture_names():
        base = _shown(table["base"])
        raise UsageError(
            f"{where}: no network is called {base}", nearest(base, architecture_names())
        )
    inherited = _with_base(_shipped(table["base"]), where)
    return {**{key: inherited[key] for key in inherited if key != "aliases"}, **table}


def read_stage(row: Any, where: str) -> Stage:
    """One row, checked. Raises UsageError that begins with ``where``."""
    stage = _read_record(Stage, row, where)
    taken = BLOCK_KEYS[stage.block]
    for key in row:
        if key not in (*ANY_BLOCK, *taken):
            hint = f"its keys are {', '.join((*ANY_BLOCK, *taken))}"
            raise UsageError(f"{where}: {key!r} is not for a block of kind {stage.block}", hint)
    for key in NEEDED:
        if key in taken and key not in row:
            raise UsageError(f"{where}: the key {key!r} is missing")
    if stage.dilated and any(kernel % 2 == 0 or kernel < 3 for kernel in stage.kernels):
        raise UsageError(
            f"{where}: 'dilated' needs odd kernels of at least 3, not {list(stage.kernels)}"
        )
    return stage


def read_preprocessing(table: Any, where: str) -> Preprocessing:
    """A table of preprocessing, checked. Raises UsageError that begins with ``where``."""
    found = _read_record(Preprocessing, table, where)
    if len(found.mean) != len(found.std):
        raise UsageError(f"{where}: 'mean' and 'std' must be of equal length")
    if found.sampler == "tensorflow" and found.interpolation == "bicubic":
        raise UsageError(f"{where}: the sampler 'tensorflow' is bilinear or nearest, not bicubic")
    return found


def _read_record(kind: type[Record], table: Any, where: str) -> Record:
    """A record from a table of the file, each key by its own check."""
    if not isinstance(table, Mapping):
        raise UsageError(f"{where}: must be a table of keys and values, not {_shown(table)}")
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for key in table:
        if key not in fields:
            raise UsageError(f"{where}: unknown key {key!r}", nearest(str(key), fields))
    for name, field in fields.items():
        if field.default is MISSING and name not in table:
            raise UsageError(f"{where}: the key {name!r} is missing")
    values = {}
    for key, value in table.items():
        try:
            values[key] = fields[key].metadata["check"](value)
        except ValueError as error:
            raise UsageError(f"{where}: {key!r} must be {error}, not {_shown(value)}") from None
    return kind(**values)


def _shown(value: Any, most: int = 80) -> str:
    """A value of the file as a message shows it: on one line, not longer than is of use."""
    try:
        text = repr(value)
    except ValueError:  # Python refuses to print whole numbers of more than 4300 digits
        return "so large a number"
    return text if len(text) <= most else f"{text[:most]}…"
