"""Variants by name: ``mobilenet-v2:mdconv357``, as the paper's ablations have them (Section 3).

What follows the colon changes an architecture's rows; the result is an architecture like any
other. Nothing here builds or counts.

A change is a depthwise convolution, for all layers or for one:

- ``dw9``: one kernel size, 9x9;
- ``mdconv357``: MDConv with the kernels 3x3, 5x5 and 7x7, one to six groups of which each is
  larger by 2 than the one before (Section 3.2); other sizes with dots, ``mdconv3.9``;
- ``mdconv357+exp``: the channels divided exponentially, ``+dilated``: 3x3 kernels with dilation,
  where the stride is 1; both may be given;
- ``layer7=mdconv3579``: in the seventh layer alone (Figure 5), counted from 1;
- ``groups=12345…``: an MDConv in every layer, of so many groups as its digit says (Section 4.1);
- ``ssdlite``: detection heads in place of the classifier (Table 1).

Several are separated by commas and made from left to right: ``mobilenet-v2:dw5,layer7=dw9``.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from mixnet_common import UsageError
from mixnet_common.errors import nearest
from mixnet_networks.architecture import Architecture, Stage, load_architecture
from mixnet_networks.architecture.aliases import MARK
from mixnet_networks.building.ssdlite import with_ssdlite

MOST_GROUPS = 6
LARGEST_KERNEL = 255
DEPTHWISE_BLOCKS = ("inverted-residual", "separable")
"""Kinds of block with one depthwise convolution each, which a variant can replace."""


def mdconv_kernels(groups: int) -> tuple[int, ...]:
    """The kernel sizes of an MDConv: group i, counted from 1, has 2i + 1 (Section 3.2).

    >>> mdconv_kernels(4)
    (3, 5, 7, 9)
    """
    return tuple(2 * group + 1 for group in range(1, groups + 1))


def mdconv_name(groups: int) -> str:
    """How the paper writes an MDConv with this number of groups.

    >>> mdconv_name(6)
    'mdconv35791113'
    """
    return "mdconv" + "".join(map(str, mdconv_kernels(groups)))


MDCONVS = {mdconv_name(groups): mdconv_kernels(groups) for groups in range(1, MOST_GROUPS + 1)}
"""The paper's spellings."""

DETECTION = "ssdlite"
"""The change that makes a detector."""

_DEPTHWISE = [f"dw{kernel}" for kernel in mdconv_kernels(MOST_GROUPS)]
_FLAGS = ("exp", "dilated")
_KNOWN = (
    DETECTION,
    *_DEPTHWISE,
    *MDCONVS,
    *(f"{name}+{flag}" for name in MDCONVS for flag in _FLAGS),
)
_SIZES = re.compile(r"(?:dw(\d{1,3})|mdconv(\d{1,3}(?:\.\d{1,3}){1,15}))")
_GROUPS = re.compile(rf"groups=([1-{MOST_GROUPS}]+)")


def groups_change(groups: Sequence[int]) -> str:
    """The change that gives every layer an MDConv with this number of groups.

    >>> groups_change([1, 2, 5])
    'groups=125'
    """
    return "groups=" + "".join(map(str, groups))


@dataclass(frozen=True)
class Convolution:
    """The depthwise convolution of a layer: a kernel for each group, and how it is divided."""

    kernels: tuple[int, ...]
    exponential: bool = False
    dilated: bool = False


@dataclass(frozen=True)
class Change:
    """A convolution for one layer, counted from 1, or for all of them (None)."""

    convolution: Convolution
    layer: int | None = None


def load_variant(name: str) -> Architecture:
    """An architecture by name or path, with the changes after the colon, if any.

    Raises UsageError if the network or a change is unknown, or a layer is out of range.
    """
    base, mark, changes = name.rpartition(MARK)
    if not mark or name.endswith(".toml"):
        return load_architecture(name)
    architecture = load_architecture(base)
    for text in changes.split(","):
        architecture = _change(text, name)(architecture)
    return replace(
        architecture,
        name=f"{architecture.name}{MARK}{changes}",
        title=f"{architecture.title}, {changes}",
        aliases=(),
    )


def _change(text: str, name: str) -> Callable[[Architecture], Architecture]:
    if text == DETECTION:
        return with_ssdlite
    digits = _GROUPS.fullmatch(text)
    if digits:
        return lambda architecture: _apply_groups(architecture, digits[1], name)
    try:
        change = parse_change(text)
    except UsageError as error:
        raise UsageError(f"{name}: {error.message}", error.hint) from None
    return lambda architecture: apply_change(architecture, change, name)


def parse_change(text: str) -> Change:
    """Parse one change. Raises UsageError, with the nearest known one.

    >>> parse_change("layer7=mdconv35+exp")
    Change(convolution=Convolution(kernels=(3, 5), exponential=True, dilated=False), layer=7)
    """
    match = re.fullmatch(r"layer(\d{1,4})=(.*)", text)
    if match:
        return Change(_convolution(match[2]), int(match[1]))
    return Change(_convolution(text))


def _convolution(text: str) -> Convolution:
    name, *flags = text.split("+")
    kernels = _kernels(name)
    if kernels is None or len(set(flags)) < len(flags) or not set(flags) <= set(_FLAGS):
        raise UsageError(f"unknown variant {text!r}", nearest(text, _KNOWN))
    if any(kernel % 2 == 0 or not 3 <= kernel <= LARGEST_KERNEL for kernel in kernels):
        raise UsageError(f"{text}: kernel sizes are odd, from 3 to {LARGEST_KERNEL}")
    if "exp" in flags and len(kernels) == 1:
        raise UsageError(
            f"{text}: one group has no channels to divide", "give several, as in mdconv35+exp"
        )
    return Convolution(kernels, "exp" in flags, "dilated" in flags)


def _kernels(name: str) -> tuple[int, ...] | None:
    if name in MDCONVS:
        return MDCONVS[name]
    match = _SIZES.fullmatch(name)
    if match is None:
        return None
    return tuple(int(size) for size in (match[1] or match[2]).split("."))


# Rows


def apply_change(architecture: Architecture, change: Change, name: str = "") -> Architecture:
    """The architecture with one layer's convolution, or all of them, replaced.

    Raises UsageError, beginning with ``name``, where there is no such layer.
    """
    if change.layer is None:
        stages = tuple(_with(stage, change.convolution) for stage in architecture.stages)
        return replace(architecture, stages=stages)
    where = name or architecture.name
    layers = depthwise_layers(architecture)
    if not 1 <= change.layer <= len(layers):
        raise UsageError(f"{where}: layers are numbered from 1 to {len(layers)}")
    row, block = layers[change.layer - 1]
    changed = _replace_block(architecture.stages[row], block, change.convolution)
    stages = (*architecture.stages[:row], *changed, *architecture.stages[row + 1 :])
    return replace(architecture, stages=stages)


def _apply_groups(architecture: Architecture, digits: str, name: str) -> Architecture:
    layers = len(depthwise_layers(architecture))
    if len(digits) != layers:
        raise UsageError(
            f"{name}: {len(digits)} digits for {layers} layers", "give one digit per layer"
        )
    for layer, digit in enumerate(digits, 1):
        change = Change(Convolution(mdconv_kernels(int(digit))), layer)
        architecture = apply_change(architecture, change, name)
    return architecture


def depthwise_layers(architecture: Architecture) -> list[tuple[int, int]]:
    """Row and block, both from 0, of each layer that a variant can replace, in order."""
    return [
        (row, block)
        for row, stage in enumerate(architecture.stages)
        if stage.block in DEPTHWISE_BLOCKS
        for block in range(stage.blocks)
    ]


def _replace_block(stage: Stage, block: int, convolution: Convolution) -> list[Stage]:
    """A row as up to three: the blocks before, the changed one, and those after."""
    parts = [
        replace(stage, blocks=block),
        replace(_with(stage, convolution), blocks=1, stride=stage.stride if block == 0 else 1),
        replace(stage, blocks=stage.blocks - block - 1, stride=1),
    ]
    return [part for part in parts if part.blocks]


def _with(stage: Stage, convolution: Convolution) -> Stage:
    if stage.block not in DEPTHWISE_BLOCKS:
        return stage
    return replace(
        stage,
        kernels=convolution.kernels,
        partition="exponential" if convolution.exponential else "equal",
        dilated=convolution.dilated,
    )
