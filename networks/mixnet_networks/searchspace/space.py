"""A search space as a record: the choices at every layer of a backbone, and its members.

A member is a genotype, one index for each position with a choice. Stage by stage the positions are:
the stage's width, if there is a choice, then for each of its layers the groups of its MDConv, its
expansion ratio and its squeeze-and-excite ratio. A single option is not a position. Nothing here is
searched, exported or timed.
"""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import count
from math import prod
from numbers import Integral

import numpy as np

from mixnet_common import UsageError
from mixnet_common.hashing import sha256
from mixnet_common.printable import shown
from mixnet_networks.architecture import Architecture, Stage
from mixnet_networks.architecture.variants import DEPTHWISE_BLOCKS, load_variant, mdconv_kernels
from mixnet_networks.architecture.writing import architecture_toml
from mixnet_networks.building.build import round_channels
from mixnet_networks.graph.sizes import check_size
from mixnet_networks.network import Network, load_network
from mixnet_networks.searchspace.candidates import BACKBONE, CANDIDATES, member
from mixnet_networks.searchspace.reading import BUILT_IN, Options, read_space

Genotype = tuple[int, ...]
"""A member: the index of an option for each position."""

OPTION_CODES = "0123456789abcdefghijklmnopqrstuvwxyz"
"""An index as a character of a member's name."""

WHAT = tuple(field.name for field in fields(Options))


@dataclass(frozen=True)
class Position:
    """A choice at a stage (from 0) and, unless it is of the stage's width, at a layer (from 1)."""

    what: str
    """``width``, ``groups``, ``expand`` or ``se``."""
    stage: int
    layer: int | None
    options: tuple[float, ...]

    @property
    def label(self) -> str:
        """For people.

        >>> Position("groups", 3, 7, (1, 2)).label
        'layer 7 groups'
        """
        where = f"stage {self.stage}" if self.layer is None else f"layer {self.layer}"
        return f"{where} {self.what}"


@dataclass(frozen=True)
class SearchSpace:
    """A backbone and the options of each of its stages; made by ``load_space``."""

    name: str
    backbone: Architecture
    resolution: int
    classes: int
    options: tuple[Options, ...]
    """For each stage; an empty tuple of options keeps what the backbone has."""

    @cached_property
    def positions(self) -> tuple[Position, ...]:
        """The positions with a choice, in the order of a genotype's indices."""
        return tuple(each for each in self._places() if len(each.options) > 1)

    @property
    def choices(self) -> tuple[int, ...]:
        """The number of options at each position."""
        return tuple(len(position.options) for position in self.positions)

    @property
    def size(self) -> int:
        """How many members there are."""
        return prod(self.choices)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of all that a member's cost depends on, whatever the space's file is called."""
        plain = replace(self.backbone, name="", title="", source="", family="", base="", aliases=())
        return sha256(repr((plain, self.resolution, self.classes, self.options)))

    def random(self, rng: np.random.Generator) -> Genotype:
        """A member, all equally likely."""
        return tuple(int(rng.integers(options)) for options in self.choices)

    def name_of(self, genotype: Sequence[int]) -> str:
        """A member's name: for the built-in space one that every command accepts.

        >>> load_space("mixnet").name_of([0] * 16 + [4])
        'mobilenet-v2:groups=11111111111111115'
        """
        self.check(genotype)
        if self._named:
            return member([CANDIDATES[index] for index in genotype], self.backbone.name)
        return f"{self.name}-{''.join(OPTION_CODES[index] for index in genotype)}"

    def architecture(self, genotype: Sequence[int]) -> Architecture:
        """A member's architecture. Raises UsageError for indices outside the space."""
        name = self.name_of(genotype)
        if self._named:
            return load_variant(name)
        return replace(
            self.backbone,
            name=name,
            title=name,
            source=f"a member of the search space {self.name}",
            stages=tuple(merged(self.rows(genotype))),
            resolution=self.resolution,
            classes=self.classes,
            base="",
            aliases=(),
        )

    def network(self, genotype: Sequence[int]) -> Network:
        """A member as a network that builds, exports and counts as any other."""
        return Network(self.architecture(genotype), self.classes, self.resolution)

    def toml(self, genotype: Sequence[int], name: str) -> str:
        """A member as a network's file of this name. Raises UsageError for a wrong genotype."""
        chosen = ", ".join(
            f"{position.label} {position.options[index]:g}"
            for position, index in zip(self.positions, genotype, strict=True)
        )
        architecture = replace(
            self.architecture(genotype),
            name=name,
            title=name,
            resolution=self.resolution,
            classes=self.classes,
        )
        comments = textwrap.fill(f"A member of {self.name}: {chosen}.", 96)
        return architecture_toml(architecture, comments)

    def genotype_of(self, architecture: Architecture) -> Genotype:
        """The member that computes what an architecture does, whatever it is called.

        Raises UsageError, with the first difference, where it is none.
        """
        strange = f"{architecture.name} is not in the search space {self.name}"
        for key in ("stem", "head", "padding", "channel_divisor", "channel_multiplier"):
            if _cost_of(getattr(architecture, key)) != _cost_of(getattr(self.backbone, key)):
                raise UsageError(f"{strange}: its {key} differs")
        rows, layers = single_rows(architecture.stages), sum(s.blocks for s in self.backbone.stages)
        if type(architecture) is not Architecture or len(rows) != layers:
            raise UsageError(f"{strange}: it has {len(rows)} blocks, and a member has {layers}")
        genotype = tuple(self._index(position, rows, strange) for position in self.positions)
        for number, (row, ours) in enumerate(zip(rows, self.rows(genotype), strict=True), 1):
            for field in fields(Stage):
                if getattr(row, field.name) != getattr(ours, field.name):
                    raise UsageError(f"{strange}: {field.name} of block {number} differs")
        return genotype

    def check(self, genotype: Sequence[int]) -> None:
        """Raise UsageError unless there is one index for each position, and each in its range."""
        choices = self.choices
        if len(genotype) != len(choices):
            raise UsageError(
                f"{len(genotype)} choices for the {len(choices)} positions of {self.name}",
                f"a genotype has {len(choices)} numbers, one for each position",
            )
        for index, position in zip(genotype, self.positions, strict=True):
            is_whole = isinstance(index, Integral)
            if not is_whole or not 0 <= index < len(position.options):
                raise UsageError(
                    f"{self.name}: {position.label} has no option"
                    f" {int(index) if is_whole else shown(index)}",
                    f"they are numbered from 0 to {len(position.options) - 1}",
                )

    def rows(self, genotype: Sequence[int]) -> list[Stage]:
        """A member's blocks, each a separate row."""
        indices = iter(genotype)
        chosen = {
            (each.what, each.stage, each.layer): each.options[
                next(indices) if len(each.options) > 1 else 0
            ]
            for each in self._places()
        }
        rows, layer = [], 0
        for number, stage in enumerate(self.backbone.stages):
            width = chosen.get(("width", number, None))
            for row in single_rows([stage]):
                layer += 1
                values = {what: chosen.get((what, number, layer)) for what in WHAT[1:]}
                rows.append(self.row(row, width=width, **values))
        return rows

    def row(
        self,
        row: Stage,
        width: float | None = None,
        groups: float | None = None,
        expand: float | None = None,
        se: float | None = None,
    ) -> Stage:
        """A row of the backbone with what was chosen for it; None keeps what it has."""
        if width is not None:
            row = replace(row, out=self.channels(row, width))
        if groups is not None:
            kernels = mdconv_kernels(int(groups))
            row = replace(row, kernels=kernels, partition="equal", dilated=False)
        row = row if expand is None else replace(row, expand=float(expand))
        return row if se is None else replace(row, se=float(se))

    def channels(self, row: Stage, width: float) -> int:
        """A stage's output channels at a width."""
        return round_channels(row.out, width, self.backbone.channel_divisor)

    @property
    def _named(self) -> bool:
        """Whether members have names of their own: those of Section 4.1's space."""
        return self.name == BUILT_IN

    def _places(self) -> Iterator[Position]:
        """All options of the file, including single ones."""
        layers = count(1)
        for number, (stage, options) in enumerate(
            zip(self.backbone.stages, self.options, strict=True)
        ):
            if options.width:
                yield Position("width", number, None, options.width)
            for _ in range(stage.blocks):
                layer = next(layers)
                for what in WHAT[1:]:
                    if values := getattr(options, what):
                        yield Position(what, number, layer, tuple(values))

    def _index(self, position: Position, rows: Sequence[Stage], strange: str) -> int:
        """The option of a network's rows at a position."""
        first = sum(stage.blocks for stage in self.backbone.stages[: position.stage])
        at = first if position.layer is None else position.layer - 1
        row = self.backbone.stages[position.stage]
        for index, option in enumerate(position.options):
            ours = self.row(row, **{position.what: option})
            keys = {"width": "out", "groups": "kernels"}
            key = keys.get(position.what, position.what)
            if getattr(ours, key) == getattr(rows[at], key):
                return index
        raise UsageError(f"{strange}: its {position.label} is not one of the options")


def load_space(name_or_path: str) -> SearchSpace:
    """The built-in space ``mixnet``, or one of a TOML file.

    Raises UsageError, naming file and key, where anything in it is wrong, and where a member would
    be too large for a network or have too few channels for its groups.
    """
    if name_or_path == BUILT_IN:
        network = load_network(BACKBONE)
        options = tuple(
            Options(groups=CANDIDATES if stage.block in DEPTHWISE_BLOCKS else ())
            for stage in network.architecture.stages
        )
        sizes = network.resolution, network.classes
        return SearchSpace(BUILT_IN, network.architecture, *sizes, options)
    found = read_space(name_or_path, f"give {BUILT_IN} or the path of a .toml file")
    space = SearchSpace(found.name, found.backbone, found.resolution, found.classes, found.options)
    _check_extremes(space, found.where)
    return space


def _check_extremes(space: SearchSpace, where: str) -> None:
    """Raise UsageError if the smallest or the largest member cannot be built."""
    for smallest in (True, False):
        genotype = []
        for position in space.positions:
            pick = min if smallest and position.what != "groups" else max
            genotype.append(position.options.index(pick(position.options)))
        try:
            network = space.network(genotype)
            check_size(network.graph.name, network.size, {})
        except UsageError as error:
            raise UsageError(f"{where}: {error.message}", error.hint) from error


def single_rows(stages: Sequence[Stage]) -> list[Stage]:
    """Every block as a separate row; the division of a single kernel's channels does not matter."""
    rows = []
    for stage in stages:
        partition = stage.partition if len(stage.kernels) > 1 else "equal"
        for block in range(stage.blocks):
            stride = 1 if block else stage.stride
            rows.append(replace(stage, blocks=1, stride=stride, partition=partition))
    return rows


def merged(rows: Sequence[Stage]) -> Iterator[Stage]:
    """Equal rows that follow one another as one of several blocks."""
    last: Stage | None = None
    for row in rows:
        if last and row.stride == 1 and row == replace(last, blocks=1, stride=1):
            last = replace(last, blocks=last.blocks + 1)
            continue
        if last:
            yield last
        last = row
    if last:
        yield last


def _cost_of(part: object) -> object:
    """A part of an architecture without what costs nothing when it runs."""
    return replace(part, dropout=0.0) if hasattr(part, "dropout") else part  # type: ignore[type-var]
