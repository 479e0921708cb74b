"""Networks as data: TOML files of rows, read into frozen records and checked key by key.

Errors name the file and row. Nothing is built here; a file may come from anyone, so every number
has a bound and nothing in it is used as a path.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from mixnet_common import UsageError
from mixnet_common.errors import nearest
from mixnet_common.printable import shown
from mixnet_common.readers import parse_toml, read_toml, show
from mixnet_common.records import (
    Check,
    MisfitError,
    anything,
    checked,
    file_name,
    flag,
    integer,
    list_of,
    number,
    one_of,
    read_record,
    text,
)
from mixnet_networks.architecture.cells import Cell, read_cells
from mixnet_networks.architecture.partition import PARTITIONS

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

HINT = "give the name of a network or the path of a TOML file"


def _channels(element: Check) -> Check:
    """Numbers for red, green and blue, or one for grey."""

    def check(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) not in (1, 3):
            raise MisfitError("a list of 3 elements, or of 1 for grey images")
        return tuple(element(each) for each in value)

    return check


def _aliases(value: Any) -> tuple[tuple[str, float], ...]:
    """Other programs' names, each with its channel multiplier."""
    multiplier = number(0.01, 100)
    if not isinstance(value, Mapping) or not all(_ALIAS.fullmatch(name) for name in value):
        raise MisfitError("a table of names, in letters, digits, _ and ., with multipliers")
    return tuple((name, multiplier(factor)) for name, factor in value.items())


_ALIAS = re.compile(r"[A-Za-z0-9_.]{1,100}")


MOST_BLOCKS = 2500
"""Limit for all rows together; the graph's builder limits the number of operators."""

_CHANNELS = integer(1, 65_536)
_KERNEL = integer(1, 255)


@dataclass(frozen=True)
class Stem:
    """The first convolution, with batch norm and activation.

    ``pool`` is the kernel of a max pool of stride 2 behind it, 0 for none; ``padding`` is the
    network's, or ``valid`` for none.
    """

    channels: int = checked(_CHANNELS)
    kernel: int = checked(_KERNEL, 3)
    stride: int = checked(integer(1, 8), 2)
    activation: str = checked(one_of(ACTIVATIONS), "relu")
    pool: int = checked(integer(0, 255), 0)
    padding: str = checked(one_of(STEM_PADDINGS), "")


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

    out: int = checked(_CHANNELS)
    kernels: tuple[int, ...] = checked(list_of(_KERNEL, 1, 16), ())
    block: str = checked(one_of(tuple(BLOCK_KEYS)), "inverted-residual")
    blocks: int = checked(integer(1, 1000), 1)
    stride: int = checked(integer(1, 8), 1)
    expand: float = checked(number(0.01, 100), 1.0)
    expand_groups: int = checked(integer(1, 64), 1)
    project_groups: int = checked(integer(1, 64), 1)
    se: float = checked(number(0, 1), 0.0)
    activation: str = checked(one_of(ACTIVATIONS), "relu")
    partition: str = checked(one_of(tuple(PARTITIONS)), "equal")
    dilated: bool = checked(flag, False)
    multiplier: int = checked(integer(1, 64), 1)
    skip: bool = checked(flag, True)
    shuffle: bool = checked(flag, False)
    expand_always: bool = checked(flag, False)
    middle: int = checked(_CHANNELS, 0)
    cell: str = checked(text, "")


@dataclass(frozen=True)
class Head:
    """The layers after the blocks: a 1x1 convolution (0 channels for none), pooling, the classes.

    ``scaling`` says when a channel multiplier applies to it: never (MixNet), only upwards
    (MobileNetV2) or always. ``before_pool`` is an activation of its own in front of the pooling,
    for networks whose features come without one (NASNet).
    """

    channels: int = checked(integer(0, 65_536), 0)
    activation: str = checked(one_of(ACTIVATIONS), "relu")
    dropout: float = checked(number(0, 1), 0.0)
    scaling: str = checked(one_of(HEAD_SCALING), "never")
    before_pool: str = checked(one_of(("", *ACTIVATIONS)), "")


@dataclass(frozen=True)
class Preprocessing:
    """From pixels to the network's input: (pixel - mean) / std per channel, pixels 0 to 255.

    A centre crop keeps the fraction ``crop`` of the image's shorter side. ``order`` says whether
    the image is resized first and then cropped to the network's resolution, or the other way
    round; ``sampler`` whose resizing it is: Pillow's, whose filters average over all pixels that
    an output covers, or TensorFlow 1's, which looks at the two nearest along each axis.
    """

    mean: tuple[float, ...] = checked(_channels(number(0, 255)), (127.5, 127.5, 127.5))
    std: tuple[float, ...] = checked(_channels(number(0.001, 255)), (127.5, 127.5, 127.5))
    crop: float = checked(number(0.1, 1), 0.875)
    interpolation: str = checked(one_of(INTERPOLATIONS), "bicubic")
    order: str = checked(one_of(ORDERS), "resize-crop")
    sampler: str = checked(one_of(SAMPLERS), "pillow")


@dataclass(frozen=True)
class Architecture:
    """A network as its rows describe it, before sizes and channel counts are worked out."""

    name: str = checked(file_name)
    title: str = checked(text)
    source: str = checked(text)
    stem: Stem = checked(anything)
    stages: tuple[Stage, ...] = checked(anything)
    head: Head = checked(anything)
    preprocessing: Preprocessing = checked(anything)
    family: str = checked(text, "")
    resolution: int = checked(integer(1, 8192), 224)
    classes: int = checked(integer(1, 1_000_000), 1000)
    epsilon: float = checked(number(1e-9, 0.1), 1e-3)
    padding: str = checked(one_of(PADDINGS), "same")
    channel_divisor: int = checked(integer(1, 256), 8)
    channel_multiplier: float = checked(number(0.01, 100), 1.0)
    cells: tuple[Cell, ...] = checked(anything, ())
    base: str = checked(text, "")
    """The shipped network that the file starts from."""
    aliases: tuple[tuple[str, float], ...] = checked(_aliases, ())
    """timm's names, each with its channel multiplier."""

    def cell(self, name: str) -> Cell:
        """A cell by its name."""
        return next(cell for cell in self.cells if cell.name == name)


@cache
def architecture_names() -> tuple[str, ...]:
    """Names of the networks that ship with the package."""
    files = resources.files("mixnet_networks").joinpath("architectures").iterdir()
    return tuple(sorted(file.name[:-5] for file in files if file.name.endswith(".toml")))


def load_architecture(name_or_path: str) -> Architecture:
    """Read a network by name, or a TOML file by its path.

    Raises UsageError, naming the file and the row, where anything in it is wrong.
    """
    if name_or_path.endswith(".toml"):
        path = Path(name_or_path)
        return _read_architecture(path.stem, read_toml(path, HINT), show(path))
    if name_or_path not in architecture_names():
        raise UsageError(
            f"unknown network {name_or_path!r}", nearest(name_or_path, architecture_names())
        )
    return _read_shipped(name_or_path)


@cache
def _read_shipped(name: str) -> Architecture:
    return _read_architecture(name, _shipped(name), f"{name}.toml")


def _shipped(name: str) -> dict[str, Any]:
    file = resources.files("mixnet_networks").joinpath("architectures", f"{name}.toml")
    return parse_toml(file.read_text(encoding="utf-8"), file.name)


def _read_architecture(name: str, table: dict[str, Any], where: str) -> Architecture:
    table = _with_base(table, where)
    if not isinstance(table.get("stages"), list) or not 1 <= len(table["stages"]) <= 100:
        raise UsageError(f"{where}: 'stages' must be a list of 1 to 100 rows")
    parts = {
        "stem": read_record(Stem, table.get("stem", {}), f"{where}, stem"),
        "stages": tuple(
            read_stage(row, f"{where}, stage {index}") for index, row in enumerate(table["stages"])
        ),
        "head": read_record(Head, table.get("head", {}), f"{where}, head"),
        "preprocessing": read_preprocessing(
            table.get("preprocessing", {}), f"{where}, preprocessing"
        ),
        "cells": read_cells(table.get("cells", {}), where),
    }
    read = read_record(Architecture, {"name": name, "title": name, **table, **parts}, where)
    _check_blocks(read, where)
    _check_symmetry(read, where)
    _check_cells(read, where)
    return read


def _check_blocks(architecture: Architecture, where: str) -> None:
    """Rows times blocks may be more than anything is built of."""
    blocks = sum(row.blocks for row in architecture.stages)
    if blocks > MOST_BLOCKS:
        raise UsageError(
            f"{where}: its rows have {blocks:,} blocks in total, and the limit is {MOST_BLOCKS:,}"
        )


def _check_cells(architecture: Architecture, where: str) -> None:
    """Every cell that a row names must be there."""
    known = [cell.name for cell in architecture.cells]
    for index, row in enumerate(architecture.stages):
        if row.cell and row.cell not in known:
            raise UsageError(
                f"{where}, stage {index}: 'cell' must name one of the file's cells, not"
                f" {shown(row.cell)}",
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

    Aliases are the base's own: they refer to its weights.
    """
    if "base" not in table:
        return table
    if table["base"] not in architecture_names():
        base = shown(table["base"])
        raise UsageError(f"{where}: unknown network {base}", nearest(base, architecture_names()))
    inherited = _with_base(_shipped(table["base"]), where)
    return {**{key: inherited[key] for key in inherited if key != "aliases"}, **table}


def read_stage(row: Any, where: str) -> Stage:
    """One row, checked. Raises UsageError that begins with ``where``."""
    stage = read_record(Stage, row, where)
    taken = BLOCK_KEYS[stage.block]
    for key in row:
        if key not in (*ANY_BLOCK, *taken):
            hint = f"its keys are {', '.join((*ANY_BLOCK, *taken))}"
            raise UsageError(
                f"{where}: {key!r} does not apply to a block of kind {stage.block}", hint
            )
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
    found = read_record(Preprocessing, table, where)
    if len(found.mean) != len(found.std):
        raise UsageError(f"{where}: 'mean' and 'std' must be of equal length")
    if found.sampler == "tensorflow" and found.interpolation == "bicubic":
        raise UsageError(f"{where}: the sampler 'tensorflow' is bilinear or nearest, not bicubic")
    return found
