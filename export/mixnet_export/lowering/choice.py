"""How each block of a network is computed: choices as data, and plans that contain them.

A plan has a choice for every block; ``lower`` applies it. Plans are rules measured once for a kind
of runtime, or TOML files that ``mixnet-bench tune`` wrote for one machine.
"""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from mixnet_common import UsageError
from mixnet_common.errors import nearest
from mixnet_common.printable import printable, shown
from mixnet_common.readers import read_toml, show
from mixnet_common.records import check_keys, checked, one_of, read_record
from mixnet_networks import Graph, Node
from mixnet_networks.building.build import block_of
from mixnet_runtimes.targets import find_target

KEYS = ("measured", "emulated", "target", "general", "blocks")
"""The top-level keys of a plan's file."""

EMULATED = "EMULATED"
"""Prefix of ``measured`` if the choices were timed under emulation, not on a phone.

In files of older versions these words alone say so."""


def _pairs(count: int) -> tuple[int, ...]:
    """Pairs from the smallest on; the last one may be single."""
    return (2,) * (count // 2) + (1,) * (count % 2)


MERGES: Mapping[str, Callable[[int], tuple[int, ...]]] = {
    "none": lambda count: (1,) * count,
    "smallest": lambda count: (2,) + (1,) * (count - 2) if count > 1 else (1,),
    "pairs": _pairs,
    "all-but-largest": lambda count: (count - 1, 1) if count > 1 else (1,),
    "all": lambda count: (count,),
}
"""From the number of kernel groups, smallest kernel first, to how many neighbours to merge."""

OPTIONS: Mapping[str, tuple[str, ...]] = {
    "merge": (*MERGES, "auto"),
    "mixed": ("split", "slices", "branches", "auto"),
    "groups": ("split", "grouped", "dense", "auto"),
    "join": ("concat", "sum"),
    "tiling": ("direct", "rows", "grid", "polyphase", "nested"),
    "pieces": ("int8", "float32"),
    "concat": ("whole", "nested"),
}


SMALL_MAP = 49
"""Pixels up to which slices and a concat, which then move little, cost less than many small
convolutions. Measured with XNNPACK on x86-64: at 7x7, 5 % of a block of MixNet-S and M."""

NARROW = 12
"""Input channels to a group below which zeros cost less than groups do. Measured with XNNPACK on
x86-64: 8 to a group take 1.4 times as long in groups as with zeros, 12 take as long."""

MERGED_MAP = 400
"""Pixels up to which ``merge = "auto"`` gives all groups one kernel size, above which pairs.
Measured in int8 with onnxruntime 1.32 on x86-64, MixNet-S and M: at 14x14 and 7x7 one kernel size
takes 0.83 to 0.92 of the time of pairs, at 28x28 the same, at 56x56 1.5 times as long."""


@dataclass(frozen=True)
class Choice:
    """How one block is computed.

    ``merge``: which kernel groups of its mixed depthwise convolution share a kernel size; ``auto``
    is what suits the map.
    ``mixed``: how the groups get their channels: by a split, by slices, in branches of their own,
    or by whichever of the last two suits the map. ``groups``: grouped 1x1 convolutions by a split,
    as such, as one with block-diagonal weights, or as whichever of these two suits its width.
    ``join``: whether branches end in a concat or in a sum of projections. ``tiling``: how a
    depthwise kernel of more than 25 taps is cut. ``pieces``: what the pieces of such a kernel and
    their sums are in an int8 file. ``concat``: whether a concat of many tensors is
    left whole, or made from concats of at most five, the most that XNNPACK takes.
    """

    merge: str = checked(one_of(OPTIONS["merge"]), "none")
    mixed: str = checked(one_of(OPTIONS["mixed"]), "split")
    groups: str = checked(one_of(OPTIONS["groups"]), "split")
    join: str = checked(one_of(OPTIONS["join"]), "concat")
    tiling: str = checked(one_of(OPTIONS["tiling"]), "direct")
    pieces: str = checked(one_of(OPTIONS["pieces"]), "int8")
    concat: str = checked(one_of(OPTIONS["concat"]), "whole")

    def merged(self, node: Node, pixels: int) -> tuple[int, ...]:
        """Numbers of neighbouring groups to merge in a mixed depthwise convolution.

        ``pixels`` is the size of its output map.
        """
        merge = self.merge
        if merge == "auto":
            merge = "all" if pixels <= MERGED_MAP else "pairs"
        return MERGES[merge](len(node.attributes["kernels"]))

    def mixing(self, pixels: int) -> str:
        """How groups get their channels, on an output map with this number of pixels."""
        if self.mixed != "auto":
            return self.mixed
        return "branches" if pixels > SMALL_MAP else "slices"

    def grouping(self, node: Node) -> str:
        """The form of a grouped convolution: ``split``, ``grouped`` or ``dense``."""
        if self.groups != "auto" or node.op != "grouped_conv2d":
            return self.groups
        return "grouped" if min(node.attributes["channels"]) >= NARROW else "dense"


@dataclass(frozen=True)
class Plan:
    """A choice for every block: by the block's name where it is listed, else the general one."""

    name: str
    general: Choice
    blocks: Mapping[str, Choice] = field(default_factory=dict)
    measured: str = ""
    """Place of the choices' measurement, as text."""
    target: str | None = None
    """The runtime and version that they were measured on, where that is a target."""
    emulated: bool = False
    """Whether they were measured under emulation."""

    def of(self, node: Node) -> Choice:
        """The choice for the block of a node."""
        return self.blocks.get(block_of(node.name), self.general)

    def with_pieces(self, pieces: str) -> "Plan":
        """The same plan, with the tiles of large kernels in int8 or float32 everywhere."""
        blocks = {name: replace(each, pieces=pieces) for name, each in self.blocks.items()}
        return replace(self, general=replace(self.general, pieces=pieces), blocks=blocks)

    def check(self, graph: Graph) -> None:
        """Raise UsageError if a block is listed that a network has not: it is another's plan."""
        known = {block_of(node.name) for node in graph.nodes}
        for block in self.blocks:
            if block not in known:
                hint = nearest(block, known)
                raise UsageError(f"{self.name}: {graph.name} has no block {block!r}", hint)


def load_plan(path: Path) -> Plan:
    """Read a plan from a TOML file. Raises UsageError, naming file and key, where it is wrong."""
    where = show(path)
    table = read_toml(path, "give the name of a lowering or a TOML file from mixnet-bench tune")
    check_keys(table, KEYS, where)
    general = read_record(Choice, table.get("general", {}), f"{where}, general")
    blocks = table.get("blocks", {})
    if not isinstance(blocks, dict):
        raise UsageError(f"{where}: 'blocks' must be a table, not {shown(blocks)}")
    choices = {
        name: read_record(Choice, each, f"{where}, {printable(name)}")
        for name, each in blocks.items()
    }
    measured = table.get("measured", "")
    if not isinstance(measured, str):
        raise UsageError(f"{where}: 'measured' must be a text, not {shown(measured)}")
    emulated = table.get("emulated", measured.startswith(EMULATED))
    if not isinstance(emulated, bool):
        raise UsageError(f"{where}: 'emulated' must be true or false, not {shown(emulated)}")
    target = _target(table.get("target"), where)
    return Plan(path.name, general, choices, measured, target, emulated)


def _target(name: Any, where: str) -> str | None:
    if name is None:
        return None
    if not isinstance(name, str):
        raise UsageError(f"{where}: 'target' must be a runtime and its version, not {shown(name)}")
    return find_target(name).name


def format_plan(plan: Plan, comments: Sequence[str] = ()) -> str:
    """A plan as the text of a TOML file, one line per block."""
    lines = [f"# {printable(comment)}" for comment in comments]
    lines += [f"measured = {quote(plan.measured)}"]
    lines += ["emulated = true"] if plan.emulated else []
    lines += [f"target = {quote(plan.target)}"] if plan.target else []
    lines += ["", "general = " + _format_choice(plan.general), "", "[blocks]"]
    lines += [f"{quote(name)} = {_format_choice(choice)}" for name, choice in plan.blocks.items()]
    return "\n".join(lines) + "\n"


def _format_choice(choice: Choice) -> str:
    pairs = (f'{each.name} = "{getattr(choice, each.name)}"' for each in fields(choice))
    return "{ " + ", ".join(pairs) + " }"


def quote(text: str) -> str:
    r"""A TOML basic string; what steers a terminal instead of being drawn is escaped.

    >>> print(quote('a "\x1b" \u202e ± \ud800'))
    "a \"\u001b\" \u202e ± \ufffd"
    """
    return "".join(
        each if printable(each) == each and each not in '"\\' else _escape(each) for each in text
    ).join('""')


def _escape(character: str) -> str:
    """A character in a TOML basic string; a half of a pair, which TOML cannot hold, is none."""
    if character in '"\\':
        return f"\\{character}"
    if unicodedata.category(character) == "Cs":
        return "\\ufffd"
    return f"\\u{ord(character):04x}" if character <= "\uffff" else f"\\U{ord(character):08x}"
