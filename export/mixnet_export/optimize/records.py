"""The results of ``optimize``, as frozen records."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Rewritten:
    """An operator that was rewritten (or would be, with ``dry_run``)."""

    subgraph: int
    operator: int
    name: str
    """Name of its output tensor."""
    form: str
    """``float32``, ``float16``, ``int8-per-channel`` or ``int8-per-tensor``."""
    kernel: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    tiles: tuple[tuple[int, int], ...]
    """Rows and columns of each; one tile of the whole kernel is a float32 convolution in int8."""
    sliced: int
    """Tiles that read a slice of the padded input."""
    pad_absorbed: bool
    expected_ratio: float
    """Its expected time in that of the original operator, from the cost model."""
    error: float | None = None
    """float32: largest difference from a float64 reference, relative to its largest value."""
    own_error: float | None = None
    """The original operator's."""
    steps: int | None = None
    """int8: by how many steps an output differs from the original operator's at most."""
    share: float | None = None
    """int8: share of values that differ."""
    requantized: bool = False
    """int8: whether its tiles are in int8, with ranges of their own or, a single one, exactly."""
    float_because: str = ""
    """int8, with pictures: why its tiles are in float32."""


@dataclass(frozen=True)
class RewrittenRegion:
    """Several operators that were rewritten together, before large kernels were tiled."""

    subgraph: int
    pattern: str
    """The name of the pattern."""
    operators: tuple[int, ...]
    """Their places in the original."""
    name: str
    """Name of the tensor that it concerns."""
    what: str
    """The rewriting in words."""
    error: float | None = None
    """Largest difference from a float64 reference, or from the original where there is none."""
    own_error: float | None = None
    """The original's."""
    steps: int | None = None
    """Integers: by how many steps an output differs at most."""
    share: float | None = None
    """Integers: share of values that differ."""


@dataclass(frozen=True)
class LeftAlone:
    """An operator that could be faster and stays, and why."""

    subgraph: int
    operator: int
    name: str
    why: str


@dataclass(frozen=True)
class OutputProof:
    """An output of the whole file, original and optimized, on all inputs."""

    signature: str | None
    name: str
    dtype: str
    difference: float
    """Largest difference, relative to the largest value of the original."""
    own_difference: float
    """That of the original from itself, with and without XNNPACK."""
    share: float
    """Share of values that differ."""
    sqnr_db: float | None
    """None if nothing differs, or if the original has no signal."""
    own_sqnr_db: float | None
    """That of the original with and without XNNPACK."""
    says_nothing: str
    """Why the comparison proves nothing; empty if it proves something."""


@dataclass(frozen=True)
class Figures:
    """A file in numbers."""

    size_bytes: int
    partitions: int | None
    """Delegate partitions; None if unknown, with the reason in ``partitions_reason``."""
    partitions_reason: str
    peak_activation_bytes: int | None
    """Bytes of activations that live at the same time at most, of the main graph; None if the
    file was not read."""


@dataclass(frozen=True)
class OptimizeResult:
    """The findings in a file, and the result of rewriting."""

    path: Path
    target: str
    rewritten: tuple[Rewritten, ...]
    left_alone: tuple[LeftAlone, ...]
    reason: str
    """Why nothing was rewritten, in words; empty where something was."""
    before: Figures
    after: Figures | None
    expected_gain: float | None
    """Share of the rewritten operators' time that is expected to go."""
    outputs: tuple[OutputProof, ...] = ()
    regions: tuple[RewrittenRegion, ...] = ()
    warnings: tuple[str, ...] = ()
    written: Path | None = None
    pictures: int = 0
    """Number of a user's images on which outputs were compared; 0 for generated inputs."""
    fp16_allowed: bool = False
    """Whether the result allows XNNPACK to compute it in float16."""
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The record as JSON keys."""
        values = asdict(self)
        values["path"] = str(self.path)
        values["written"] = None if self.written is None else str(self.written)
        values["provenance"] = dict(self.provenance) or None
        return values
