"""The authors' block-string notation, decoded to rows and encoded back.

One string is one stage, for instance ``r3_k3.5_a1.1_p1.1_s11_e6_i40_o40_se0.5_sw``: r repeats,
k depthwise kernels, a and p a kernel for each group of the expansion and projection (1x1 only
here), s strides of height and width, e expansion, i and o channels, se squeeze-and-excite ratio,
then the flags noskip, sw (swish, else ReLU) and dilated.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from mixnet_common import UsageError
from mixnet_networks.architecture import Stage, read_stage

_PART = re.compile(r"([a-z]+?)(\d[\d.]*)?")
_VALUES = {"r", "k", "a", "p", "s", "e", "i", "o", "se"}
_OPTIONAL = {"se"}
_FLAGS = {"noskip", "sw", "dilated"}


def decode_blocks(strings: Sequence[str]) -> tuple[Stage, ...]:
    """Rows from block strings. Raises UsageError if one is malformed or channels don't chain."""
    parsed = [_parse(string) for string in strings]
    for (before, after), string in zip(pairwise(parsed), strings[1:], strict=True):
        if before["o"] != after["i"]:
            raise UsageError(
                f"{string}: takes {after['i']} channels, but the block before has {before['o']}"
            )
    return tuple(_stage(string, values) for string, values in zip(strings, parsed, strict=True))


def encode_blocks(stages: Iterable[Stage], channels: int) -> list[str]:
    """Block strings from rows; ``channels`` are the first one's inputs, the stem's outputs.

    Raises UsageError if a row says what the notation has no letter for.
    """
    strings = []
    for stage in stages:
        strings.append(_encode(stage, channels))
        channels = stage.out
    return strings


def _parse(string: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for part in string.split("_"):
        match = _PART.fullmatch(part)
        key, value = match.groups() if match else (part, None)
        known = key in _FLAGS if value is None else key in _VALUES
        if not known or key in values:
            raise UsageError(f"{string}: cannot read the part {part!r}")
        values[key] = value or ""
    missing = sorted(_VALUES - _OPTIONAL - values.keys())
    if missing:
        raise UsageError(f"{string}: the parts {', '.join(missing)} are missing")
    return values


def _stage(string: str, values: dict[str, str]) -> Stage:
    try:
        expand, project = _sizes(values["a"]), _sizes(values["p"])
        height, width = tuple(values["s"])
        row = {
            "out": int(values["o"]),
            "kernels": _sizes(values["k"]),
            "blocks": int(values["r"]),
            "stride": int(height),
            "expand": float(values["e"]),
            "expand_groups": len(expand),
            "project_groups": len(project),
            "se": float(values.get("se", 0)),
            "activation": "swish" if "sw" in values else "relu",
            "dilated": "dilated" in values,
            "skip": "noskip" not in values,
        }
    except ValueError as error:
        raise UsageError(f"{string}: {error}") from error
    if {*expand, *project} != {1} or height != width:
        raise UsageError(f"{string}: only 1x1 expansions and equal strides can be built")
    return read_stage(row, string)


def _sizes(text: str) -> list[int]:
    return [int(size) for size in text.split(".")]


def _encode(stage: Stage, channels: int) -> str:
    plain = Stage(out=stage.out, kernels=stage.kernels)
    for key in ("block", "partition", "multiplier", "shuffle", "expand_always"):
        if getattr(stage, key) != getattr(plain, key):
            raise UsageError(f"block strings cannot express {key} = {getattr(stage, key)!r}")
    if stage.activation not in ("relu", "swish"):
        raise UsageError(f"block strings cannot express activation = {stage.activation!r}")
    parts = [
        f"r{stage.blocks}",
        f"k{'.'.join(map(str, stage.kernels))}",
        f"a{'.'.join('1' * stage.expand_groups)}",
        f"p{'.'.join('1' * stage.project_groups)}",
        f"s{stage.stride}{stage.stride}",
        f"e{_number(stage.expand)}",
        f"i{channels}",
        f"o{stage.out}",
        f"se{_number(stage.se)}" if stage.se else "",
        "" if stage.skip else "noskip",
        "sw" if stage.activation == "swish" else "",
        "dilated" if stage.dilated else "",
    ]
    return "_".join(part for part in parts if part)


def _number(value: float) -> str:
    """The shortest digits that read back as the same number, without an exponent: 6, 0.25."""
    return np.format_float_positional(value, trim="-")
