"""Reads a search space's TOML file: a backbone, and the choices at its stages (docs/networks.md).

Errors name the file and the key; only the backbone's rows are built here, and a file cannot refer
to another one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import prod
from pathlib import Path
from typing import Any

from mixnet_common import UsageError
from mixnet_common.printable import shown
from mixnet_common.readers import read_toml, show
from mixnet_common.records import (
    Check,
    MisfitError,
    anything,
    checked,
    file_name,
    integer,
    list_of,
    number,
    read_record,
    text,
)
from mixnet_networks.architecture import Architecture, Stage
from mixnet_networks.architecture.variants import MOST_GROUPS, load_variant
from mixnet_networks.building.build import round_channels
from mixnet_networks.network import load_network

BUILT_IN = "mixnet"
"""The name of Section 4.1's space, which no file may have."""

MOST_OPTIONS = 36
"""At one position: as many as a member's name has characters for."""

MOST_POSITIONS = 200
"""So that a member's name is that of a file."""

MOST_DISTINCT = 20_000
"""Blocks of a space, each with all that may come before and after it."""

ONE_MAP = ("inverted-residual", "separable", "convolution", "bottleneck", "shuffle")
"""Kinds of block that read one map, and so can be timed alone."""

TAKEN: Mapping[str, tuple[str, ...]] = {
    "inverted-residual": ("width", "groups", "expand", "se"),
    "separable": ("width", "groups"),
    "convolution": ("width",),
    "bottleneck": ("width",),
    "shuffle": ("width",),
}
"""The choices for a kind of block."""


def _options(element: Check) -> Check:
    check = list_of(element, 1, MOST_OPTIONS, unique=True)

    def read(value: Any) -> tuple[Any, ...]:
        found: tuple[Any, ...] = check(value)
        if not all(isinstance(each, int | float) for each in found):
            raise MisfitError("a list of numbers")
        return found

    return read


@dataclass(frozen=True)
class Options:
    """The options of a stage's layers; an empty tuple means the backbone's own.

    ``width`` are factors of the stage's channels, ``groups`` numbers of an MDConv's groups with the
    paper's kernels, ``expand`` expansion ratios, ``se`` squeeze-and-excite ratios of a block's
    input channels, 0 for none.
    """

    width: tuple[float, ...] = checked(_options(number(0.1, 10)), ())
    groups: tuple[int, ...] = checked(_options(integer(1, MOST_GROUPS)), ())
    expand: tuple[float, ...] = checked(_options(number(1, 20)), ())
    se: tuple[float, ...] = checked(_options(number(0, 1)), ())


@dataclass(frozen=True)
class StageOptions(Options):
    """The same for one stage, counted from 0, overriding the options of all."""

    stage: int = checked(integer(0, 99), 0)


@dataclass(frozen=True)
class SpaceFile:
    """A file's keys."""

    backbone: str = checked(text)
    name: str = checked(file_name, "")
    resolution: int = checked(integer(1, 8192), 0)
    classes: int = checked(integer(1, 1_000_000), 0)
    choices: Options = checked(anything, Options())
    stages: tuple[StageOptions, ...] = checked(anything, ())


@dataclass(frozen=True)
class ReadSpace:
    """The content of a file, with the backbone's sizes as defaults."""

    where: str
    name: str
    backbone: Architecture
    resolution: int
    classes: int
    options: tuple[Options, ...]


def read_space(path: str, hint: str) -> ReadSpace:
    """Read and check a file. Raises UsageError that begins with its name."""
    if not path.endswith(".toml"):
        raise UsageError(f"unknown search space {shown(path)}", hint)
    where, table = show(path), read_toml(Path(path), hint)
    stages = table.get("stages", [])
    if not isinstance(stages, list):
        raise UsageError(f"{where}: 'stages' must be a list of tables")
    parts = {
        "choices": read_record(Options, table.get("choices", {}), f"{where}, choices"),
        "stages": tuple(
            _stage(row, f"{where}, stages {index}") for index, row in enumerate(stages)
        ),
    }
    file = read_record(SpaceFile, {**table, **parts}, where)
    backbone = _backbone(file.backbone, where)
    options = _all_options(file, backbone, where)
    _check_count(backbone, options, where)
    name = file.name or file_name(Path(path).stem)
    if name == BUILT_IN:
        raise UsageError(f"{where}: {BUILT_IN} is the built-in space", "give it another 'name'")
    resolution, classes = file.resolution or backbone.resolution, file.classes or backbone.classes
    return ReadSpace(where, name, backbone, resolution, classes, options)


def _stage(row: Any, where: str) -> StageOptions:
    if isinstance(row, Mapping) and "stage" not in row:
        raise UsageError(f"{where}: the key 'stage' is missing", "stages count from 0")
    return read_record(StageOptions, row, where)


def _backbone(name: str, where: str) -> Architecture:
    """A shipped network, or a variant of one; a file could name others, and so is none."""
    if name.endswith(".toml"):
        raise UsageError(f"{where}: 'backbone' must be a network's name, not {shown(name)}")
    try:
        network = load_network(name)
        backbone = load_variant(name) if network.multiplier == 1 else None
    except UsageError as error:
        raise UsageError(f"{where}: {error.message}", error.hint) from None
    if backbone is None or type(backbone) is not Architecture:
        raise UsageError(f"{where}: {shown(name)} cannot be a backbone", "give mobilenet-v2")
    for stage in backbone.stages:
        if stage.block not in ONE_MAP:
            raise UsageError(
                f"{where}: {shown(name)} cannot be a backbone: its blocks read several maps",
                f"their kind must be one of {', '.join(ONE_MAP)}",
            )
    return backbone


def _all_options(file: SpaceFile, backbone: Architecture, where: str) -> tuple[Options, ...]:
    """The options of every stage: those of all, unless it has its own."""
    own: dict[int, StageOptions] = {}
    for each in file.stages:
        if each.stage >= len(backbone.stages):
            raise UsageError(
                f"{where}: there is no stage {each.stage} in {backbone.name}",
                f"they are counted from 0 to {len(backbone.stages) - 1}",
            )
        if each.stage in own:
            raise UsageError(f"{where}: stage {each.stage} has options twice")
        _check_taken(each, backbone.stages[each.stage], where)
        own[each.stage] = each
    return tuple(
        _stage_options(file.choices, own.get(index), stage, backbone.channel_divisor, where)
        for index, stage in enumerate(backbone.stages)
    )


def _check_taken(options: StageOptions, stage: Stage, where: str) -> None:
    for field in fields(Options):
        if getattr(options, field.name) and field.name not in TAKEN[stage.block]:
            raise UsageError(
                f"{where}: stage {options.stage} has blocks of kind {stage.block}, which take no"
                f" {field.name!r}"
            )


def _stage_options(
    common: Options, own: StageOptions | None, stage: Stage, divisor: int, where: str
) -> Options:
    taken = TAKEN[stage.block]
    values = {}
    for field in fields(Options):
        name = field.name
        found = getattr(own, name) if own else ()
        values[name] = found or (getattr(common, name) if name in taken else ())
    refuse = f"{where}: stage {own.stage}" if own and own.width else ""
    values["width"] = _distinct_widths(values["width"], stage, divisor, refuse)
    if stage.expand == 1 and not stage.expand_always and not (own and own.expand):
        values["expand"] = ()  # a stage without expansion keeps none, unless it is named
    return Options(**values)


def _distinct_widths(
    widths: tuple[float, ...], stage: Stage, divisor: int, refuse: str
) -> tuple[float, ...]:
    """Widths that give different channels. Raises UsageError if ``refuse`` names a stage."""
    found: dict[int, float] = {}
    for width in widths:
        channels = round_channels(stage.out, width, divisor)
        if channels in found and refuse:
            raise UsageError(
                f"{refuse}: the widths {found[channels]:g} and {width:g} both give"
                f" {channels} channels",
                f"channels are multiples of {divisor}",
            )
        found.setdefault(channels, width)
    return tuple(found.values())


def _check_count(backbone: Architecture, options: tuple[Options, ...], where: str) -> None:
    positions, distinct, before = 0, 0, 1
    for stage, each in zip(backbone.stages, options, strict=True):
        lists = [each.groups, each.expand, each.se]
        widths, inner = max(1, len(each.width)), prod(max(1, len(found)) for found in lists)
        positions += (widths > 1) + stage.blocks * sum(len(found) > 1 for found in lists)
        distinct += (before + stage.blocks - 1) * widths * inner
        before = widths
    if not positions:
        raise UsageError(f"{where}: there is nothing to choose", "give a list of several options")
    if positions > MOST_POSITIONS or distinct > MOST_DISTINCT:
        raise UsageError(
            f"{where}: the space has {positions:,} positions and about {distinct:,} distinct"
            f" blocks, and {MOST_POSITIONS} and {MOST_DISTINCT:,} are the most",
            "give fewer options",
        )
