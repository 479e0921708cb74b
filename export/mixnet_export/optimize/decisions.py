"""The rewritings of a file that are faster on one machine: measured, and stored as a plan.

A plan is for one file, identified by its hash, and one target. Rewritings that it does not list are
decided as without a plan.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mixnet_common import UsageError
from mixnet_common.intervals import Estimate
from mixnet_common.printable import shown
from mixnet_common.readers import read_toml, show
from mixnet_common.records import check_keys
from mixnet_export.lowering.choice import quote
from mixnet_runtimes.targets import find_target

KEYS = ("measured", "target", "original_sha256", "rewrite")

TILES = "tiles"
"""The pattern of a large convolution that is tiled."""

INT8_TILES = "int8 tiles"
"""The pattern of tiles in int8, with their own ranges, instead of float32 ones."""

SLOWER = "measured, not faster when rewritten"

HINT = "give a TOML file from optimize --measure or mixnet-bench tune"


@dataclass(frozen=True)
class Measured:
    """Rewritings that are equal but for their weights, timed once."""

    pattern: str
    names: tuple[str, ...]
    """The tensors that they are about."""
    what: str
    found: Estimate
    """Their time after over before rewriting."""

    @property
    def is_faster(self) -> bool:
        """Whether the whole interval is below 1."""
        return self.found.interval is not None and self.found.interval.high < 1


@dataclass(frozen=True)
class Decisions:
    """For each rewriting, by its pattern and the tensor that it is about, whether it pays."""

    rewrite: Mapping[str, bool] = field(default_factory=dict)
    measured: str = ""
    target: str | None = None
    original_sha256: str = ""
    unproven: Mapping[str, str] = field(default_factory=dict)
    """Rewritings that were tried and are not equal, and in which way they differ."""
    only: frozenset[str] | None = None
    """If given, all others are left out."""

    def why_not(self, pattern: str, name: str) -> str:
        """Why a rewriting is not wanted; empty if it is, as one that is not listed is."""
        key = key_of(pattern, name)
        if key in self.unproven:
            return f"not proven equal: {self.unproven[key]}"
        if self.only is not None and key not in self.only:
            return "it is not asked for"
        return "" if self.rewrite.get(key, True) else SLOWER

    def without(self, failed: Mapping[str, str]) -> "Decisions":
        """The same without rewritings that are not equal."""
        return replace(self, unproven={**self.unproven, **failed})

    def check(self, sha256: str, target: str, where: str) -> None:
        """Raise UsageError if they were measured of another file, or for another target."""
        if self.original_sha256 and self.original_sha256 != sha256:
            raise UsageError(f"{where} was measured for another file", HINT)
        if self.target is not None and self.target != target:
            raise UsageError(
                f"{where} was measured for {self.target}, not {target}", f"add --for {self.target}"
            )


ALL = Decisions()
"""Everything that the cost model selects."""


def key_of(pattern: str, name: str) -> str:
    """The key of a rewriting in a plan."""
    return f"{pattern}: {name}"


def decide(
    measured: Sequence[Measured], conditions: str, target: str, original_sha256: str
) -> Decisions:
    """Measurements as decisions."""
    rewrite = {
        key_of(each.pattern, name): each.is_faster for each in measured for name in each.names
    }
    return Decisions(rewrite, conditions, target, original_sha256)


def format_decisions(decisions: Decisions, measured: Sequence[Measured]) -> str:
    """A plan as the text of a TOML file, with the times as comments."""
    lines = ["# Rewritings of one file that make it faster, for mixnet-export optimize --lowering."]
    lines += [
        f"measured = {quote(decisions.measured)}",
        f"target = {quote(decisions.target or '')}",
        f"original_sha256 = {quote(decisions.original_sha256)}",
        "",
        "[rewrite]",
    ]
    for each in measured:
        lines.append(f"# {quote(each.what)[1:-1]}: time / original {ratio_text(each.found)}")
        for name in each.names:
            lines.append(f"{quote(key_of(each.pattern, name))} = {str(each.is_faster).lower()}")
    return "\n".join(lines) + "\n"


def ratio_text(found: Estimate) -> str:
    """A ratio with its interval."""
    if found.interval is None:
        return f"{found.value:.3f}"
    return f"{found.value:.3f} ({found.interval.low:.3f}–{found.interval.high:.3f})"


def load_decisions(path: Path) -> Decisions:
    """Read a plan. Raises UsageError, naming file and key, where it is wrong."""
    where = show(path)
    table = read_toml(path, HINT)
    check_keys(table, KEYS, where)
    rewrite = table.get("rewrite", {})
    if not isinstance(rewrite, dict) or not all(
        isinstance(each, bool) for each in rewrite.values()
    ):
        raise UsageError(f"{where}: 'rewrite' must be a table of true and false", HINT)
    target = table.get("target")
    name = None if target is None else find_target(_text(target, "target", where)).name
    return Decisions(
        dict(rewrite),
        _text(table.get("measured", ""), "measured", where),
        name,
        _text(table.get("original_sha256", ""), "original_sha256", where),
    )


def _text(value: Any, key: str, where: str) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{where}: {key!r} must be a text, not {shown(value)}", HINT)
    return value
