"""Runtimes by version, as data: the properties of their kernels, and the lowering for each.

The table is ``targets.toml`` beside this module. A target is a range of versions of one runtime
under one set of rules; files are made for a target. Nothing here opens a model file or a runtime.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import pairwise
from typing import Any

from mixnet_common import UsageError
from mixnet_common.errors import nearest
from mixnet_common.printable import shown
from mixnet_common.readers import parse_toml
from mixnet_common.records import (
    MisfitError,
    anything,
    check_keys,
    checked,
    flag,
    integer,
    line,
    list_of,
    number,
    one_of,
    read_record,
)

PRECISIONS = ("float32", "float16", "int8-per-channel", "int8-per-tensor")
"""Precisions of depthwise convolutions: float16 for weights, int8 by the weights' scales."""

COSTS = (
    "generic_tap", "generic_tap_int8", "int8_tap", "int8_sum", "sum", "copy", "operator",
    "least_gain",
)  # fmt: skip
"""Constants of the cost model for tiling large depthwise convolutions."""

DEFAULT = "default"
"""In a table by precision: for all that it does not list."""

FILE_FORMATS = ("tflite", "onnx")

Version = tuple[int, ...]

_NAME = re.compile(r"(?P<runtime>[a-z-]*[a-z])(-(?P<version>\d[\w.+]*))?", re.ASCII)
_NUMBERS = re.compile(r"\d{1,9}(\.\d{1,9})*", re.ASCII)


def version_of(text: str) -> Version | None:
    """The numbers at the start of a version; None if there are none.

    >>> version_of("2.17.1"), version_of("2.4.0.dev20261026"), version_of("unknown")
    ((2, 17, 1), (2, 4, 0), None)
    """
    found = _NUMBERS.match(text)
    return tuple(int(part) for part in found[0].split(".")) if found else None


def _version(value: Any) -> Version:
    found = _NUMBERS.fullmatch(line(value))
    if not found:
        raise MisfitError('a version such as "2.17"')
    return tuple(int(part) for part in found[0].split("."))


def _tiles(value: Any) -> Mapping[str, tuple[int, ...]]:
    if not isinstance(value, Mapping) or set(value) != set(PRECISIONS):
        raise MisfitError(f"a table with the keys {', '.join(PRECISIONS)}")
    tiles = {name: list_of(integer(1, 1000), 1, 10, unique=True)(value[name]) for name in value}
    if any(list(taps) != sorted(taps) for taps in tiles.values()):
        raise MisfitError("numbers of taps from the smallest to the largest")
    return tiles


def _costs(value: Any) -> Mapping[str, float]:
    if not isinstance(value, Mapping) or set(value) != set(COSTS):
        raise MisfitError(f"a table with the keys {', '.join(COSTS)}")
    return {name: number(0, 1e9)(value[name]) for name in COSTS}


def _least_and_most(value: Any) -> tuple[int, int]:
    least, most = list_of(integer(1, 1000), 2, 2)(value)
    if least > most:
        raise MisfitError("the least and the greatest number, like [2, 4]")
    return least, most


def _plans(value: Any) -> Mapping[str, str]:
    if not isinstance(value, Mapping) or DEFAULT not in value:
        raise MisfitError(f"a table of plans by precision, with {DEFAULT!r} for the rest")
    return {line(precision): line(plan) for precision, plan in value.items()}


@dataclass(frozen=True)
class Rules:
    """The properties of some versions' kernels, and the lowering for them."""

    file_format: str = checked(one_of(FILE_FORMATS))
    """``tflite`` or ``onnx``."""
    multipass: bool = checked(flag)
    """Whether float32 depthwise kernels of any size are fast, so that they are left whole."""
    lowering: Mapping[str, str] = checked(_plans)
    """Precision of a file, or ``default`` for the rest → the plan for networks of our own."""
    tiles: Mapping[str, tuple[int, ...]] = checked(_tiles, factory=dict)
    """Precision → taps of the depthwise microkernels, ascending; empty where large depthwise
    convolutions have kernels of their own."""
    costs: Mapping[str, float] = checked(_costs, factory=dict)
    """Costs besides the taps of a microkernel, by the names in ``COSTS``."""
    split: tuple[int, int] | None = checked(_least_and_most, None)
    """The least and most outputs of a SPLIT that is delegated."""
    concatenation: tuple[int, int] | None = checked(_least_and_most, None)
    """The least and most inputs of a CONCATENATION that is delegated."""


@dataclass(frozen=True)
class Runtime:
    """A runtime, and its names."""

    title: str = checked(line)
    names: tuple[str, ...] = checked(list_of(line, 1, 20, unique=True))


@dataclass(frozen=True)
class Target:
    """Some versions of a runtime: from ``since`` up to, and without, ``before``."""

    name: str = checked(line)
    """``litert-2.3``: the runtime and its first version."""
    since: Version = checked(_version)
    before: Version = checked(_version)
    rules: Rules = checked(anything)
    runtime: str = checked(line)
    """``litert``, ``tflite`` or ``onnxruntime``."""
    title: str = checked(line)
    """``LiteRT 2.3``, for people."""
    matrix_products: bool = checked(flag, False)
    """Whether BATCH_MATMUL is delegated, and FULLY_CONNECTED with computed weights is not."""
    measured: str = checked(line, "")
    """On which versions and which CPU the rules were timed; empty if they follow from the
    public history of the runtime alone."""

    @property
    def file_format(self) -> str:
        """``tflite`` or ``onnx``."""
        return self.rules.file_format

    @property
    def multipass(self) -> bool:
        """Whether float32 depthwise kernels of any size are fast."""
        return self.rules.multipass

    @property
    def evidence(self) -> str:
        """Source of the rules, as text."""
        return (
            f"measured: {self.measured}" if self.measured else "from release history, not measured"
        )

    def tiles(self, precision: str) -> tuple[int, ...]:
        """Taps of the depthwise microkernels for one of ``PRECISIONS``, ascending."""
        return self.rules.tiles.get(precision, ())

    def lowering(self, precision: str) -> str:
        """The plan for a network of our own in a file's precision, by name."""
        return self.rules.lowering.get(precision, self.rules.lowering[DEFAULT])

    def is_like(self, other: "Target") -> bool:
        """Whether the same files suit both."""
        return self.rules == other.rules

    def has(self, version: Version) -> bool:
        """Whether a version is one of this target's."""
        return self.since <= version < self.before


@dataclass(frozen=True)
class Table:
    """All runtimes and targets, in the order of ``targets.toml``: the newest of each last."""

    runtimes: Mapping[str, Runtime]
    targets: tuple[Target, ...]

    def named(self, name: str) -> str | None:
        """The runtime with a name or title; None for an unknown one."""
        name = name.lower()
        for key, runtime in self.runtimes.items():
            if name in (*runtime.names, runtime.title.lower()):
                return key
        return None

    def of(self, runtime: str) -> list[Target]:
        """The targets of a runtime, oldest first."""
        return [each for each in self.targets if each.runtime == runtime]


def find_target(name: str | None = None, file_format: str | None = None) -> Target:
    """The target of a name: ``litert-2.3``, ``litert`` (the newest) or ``tflite-2.17.1``.

    None is the newest LiteRT, or for ``file_format`` ``onnx`` the newest onnxruntime. Raises
    UsageError for an unknown name, and for a runtime that takes files of another format.
    """
    table = load_targets()
    if name is None:
        runtime = "onnxruntime" if file_format == "onnx" else "litert"
        return table.of(runtime)[-1]
    found = _find(table, name)
    if found is None:
        raise UsageError(
            f"unknown runtime {shown(name)}",
            nearest(name[:100], target_names(file_format)),
        )
    if file_format not in (None, found.file_format):
        raise UsageError(
            f"{found.title} runs .{found.file_format} files, not .{file_format}",
            f"known: {', '.join(target_names(file_format))}",
        )
    return found


def target_of(runtime: str, version: str) -> Target | None:
    """The target that a runtime, as it calls itself, belongs to; None for an unknown version.

    >>> target_of("LiteRT", "2.4.0.dev20261026").name
    'litert-2.3'
    """
    table = load_targets()
    numbers, key = version_of(version), table.named(runtime)
    if numbers is None or len(numbers) < 2 or key is None:
        return None
    return next((each for each in table.of(key) if each.has(numbers)), None)


def target_names(file_format: str | None = None) -> list[str]:
    """The names of all targets, or of those that run files of one format."""
    targets = load_targets().targets
    return [each.name for each in targets if file_format in (None, each.file_format)]


def _find(table: Table, name: str) -> Target | None:
    parts = _NAME.fullmatch(name.strip().lower())
    runtime = table.named(parts["runtime"]) if parts else None
    if parts is None or runtime is None:
        return None
    if parts["version"] is None:
        return table.of(runtime)[-1]
    return target_of(runtime, parts["version"])


# The table


@cache
def load_targets() -> Table:
    """The table in this package."""
    file = resources.files("mixnet_runtimes").joinpath("targets.toml")
    return parse_targets(file.read_text(encoding="utf-8"), file.name)


def parse_targets(text: str, where: str) -> Table:
    """The table in a TOML text. Raises UsageError that names the place of whatever is wrong."""
    table = parse_toml(text, where)
    check_keys(table, ("runtimes", "rules", "targets"), where)
    runtimes = {
        name: read_record(Runtime, each, f"{where}, runtimes.{name}")
        for name, each in _table(table, "runtimes", where).items()
    }
    rules = {
        name: read_record(Rules, each, f"{where}, rules.{name}")
        for name, each in _table(table, "rules", where).items()
    }
    rows = table.get("targets")
    if not isinstance(rows, list) or not rows:
        raise UsageError(f"{where}: 'targets' must be a list of tables")
    targets = tuple(
        _target(row, rules, runtimes, f"{where}, targets[{index}]")
        for index, row in enumerate(rows)
    )
    _check_order(targets, where)
    return Table(runtimes, targets)


def _table(table: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    found = table.get(key)
    if not isinstance(found, dict) or not found:
        raise UsageError(f"{where}: {key!r} must be a table of tables")
    return found


def _target(
    row: Any, rules: Mapping[str, Rules], runtimes: Mapping[str, Runtime], where: str
) -> Target:
    """A row with its rules and its runtime put in."""
    if not isinstance(row, dict):
        raise UsageError(f"{where}: must be a table, not {shown(row)}")
    check_keys(row, ("name", "since", "before", "rules", "matrix_products", "measured"), where)
    runtime, _, version = str(row.get("name", "")).rpartition("-")
    if runtime not in runtimes:
        raise UsageError(f"{where}: no runtime for {shown(row.get('name'))}", _known(runtimes))
    if row.get("rules") not in rules:
        raise UsageError(f"{where}: no rules {shown(row.get('rules'))}", _known(rules))
    if version != row.get("since"):
        raise UsageError(f"{where}: the name must end in the version of 'since'")
    title = f"{runtimes[runtime].title} {version}"
    filled = {**row, "rules": rules[row["rules"]], "runtime": runtime, "title": title}
    return read_record(Target, filled, where)


def _known(names: Mapping[str, Any]) -> str:
    return f"known: {', '.join(names)}"


def _check_order(targets: tuple[Target, ...], where: str) -> None:
    """Versions of a runtime follow each other without a gap, and each belongs to one target."""
    for target in targets:
        if target.since >= target.before:
            raise UsageError(f"{where}: {target.name} has its end before its start")
    for first, second in pairwise(targets):
        if first.runtime == second.runtime and first.before != second.since:
            raise UsageError(f"{where}: {second.name} must begin where {first.name} ends")
