"""Operators of a file as steps that are the same for every format, with NHWC feature maps.

A step refers to its tensors by the format's names or numbers, and has its constants as arrays in
the layout of the neutral graph. Operators of unknown kinds are ``other``.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

Tensor = Hashable
"""A tensor as its format names it: a number in .tflite, a name in .onnx."""

Pads = tuple[tuple[int, int], tuple[int, int]]

OTHER = "other"


@dataclass(frozen=True)
class Step:
    """One operator.

    ``conv``: ``kernel`` (h, w, in / groups, out), ``bias`` or None, ``strides``, ``dilations``,
    ``pads``, ``activation``. ``depthwise``: the same with ``kernel`` (h, w, c, m).
    ``cut``: ``axis`` and the ``spans`` (start, size) of its outputs. ``pad``: zeros, ``amounts`` by
    axis. ``turn``: a ``permutation``. ``concat``: ``axis``. ``affine``: ``scale`` and ``shift`` by
    channel, ``activation``. ``sigmoid``, ``relu``, ``relu6``, ``mul``, ``mean`` (over height and
    width, which stay as axes of one).
    """

    kind: str
    place: int
    inputs: tuple[Tensor, ...]
    """Computed tensors alone."""
    outputs: tuple[Tensor, ...]
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Steps:
    """A graph as steps, in order."""

    steps: tuple[Step, ...]
    shapes: Mapping[Tensor, tuple[int, ...]]
    """NHWC shapes of computed tensors of four axes."""
    ports: frozenset[Tensor]
    """Tensors that others know."""

    def readers(self) -> dict[Tensor, list[Step]]:
        """The steps that read each tensor, each once."""
        found: dict[Tensor, list[Step]] = {}
        for step in self.steps:
            for tensor in dict.fromkeys(step.inputs):
                found.setdefault(tensor, []).append(step)
        return found
