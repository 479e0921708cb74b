"""Whether a phone computes what this machine computes: the same input, the outputs side by side.

Differences are relative to the largest value for floats, and in steps for quantized outputs. It
reports them; the caller decides about the consequences.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_bench.phones.inputs import input_arrays
from mixnet_bench.phones.output_step import output_step
from mixnet_bench.results.phones import OutputDifference, OutputsResult
from mixnet_common import MixnetError
from mixnet_runtimes import Prepared
from mixnet_runtimes.prepared import in_float32

FLOAT_LIMIT = 1e-4
"""Relative to the largest value: the effect of another order of sums in float32."""

STEP_LIMIT = 1.0
"""A value between two steps may be rounded to either."""

HALF_LIMIT = 0.05
"""The same, if a phone computed in float16: it has 11 bits, and MixNet-S differs by 0.02
on an emulated Cortex-A76. A parity check determines the loss of accuracy."""

LEVELS = 256
LEAST_LEVELS = 4
ON_GRID = 1e-3
"""Fraction of a step by which float32 may change a multiple of it up to 255, with a margin."""


@dataclass(frozen=True)
class Difference:
    """One output's largest difference, in ``unit``; ``limit`` is the accepted one."""

    name: str
    error: float
    unit: str
    limit: float

    @property
    def within(self) -> bool:
        """Whether it stays within the limit; never where a value is not a number."""
        return self.error <= self.limit

    @property
    def words(self) -> str:
        """The difference, as the end of a sentence about the output."""
        if not np.isfinite(self.error):
            return "holds values that are not numbers (nan or infinite), here or there"
        return f"is {self.error:.3g} {self.unit} from this machine's, beyond {self.limit:g}"


def compare_with_host(
    model: Prepared, seed: int, outputs: Mapping[int, bytes], *, half: bool = False
) -> list[Difference]:
    """Hold a phone's raw outputs, by number, against a run of the same file here.

    With ``half`` the phone computed in float16; here it is float32. The inputs are the given ones,
    and those that the runner makes of ``seed``. Raises MixnetError if the file does not run here
    or its outputs have another size.
    """
    from mixnet_runtimes.prepared import open_prepared
    from mixnet_runtimes.probing import Use, check_runs

    path, model = model.source, in_float32(model)
    check_runs([Use(path, selection=model.selection)])
    session = open_prepared(model)
    session.set_inputs(input_arrays(model, seed))
    session.invoke()
    ours = list(session.get_outputs().items())
    if sorted(outputs) != list(range(len(ours))):
        raise MixnetError(f"{path}: the phone gave outputs {sorted(outputs)} of {len(ours)}")
    step = output_step(model.path)
    return [
        difference(name, values, _as_array(path, values, outputs[index]), step, half=half)
        for index, (name, values) in enumerate(ours)
    ]


def difference(
    name: str,
    ours: NDArray[Any],
    theirs: NDArray[Any],
    step: float | None = None,
    *,
    half: bool = False,
) -> Difference:
    """The difference between ``theirs`` and ``ours``, of equal shape and type.

    ``step`` is the file's, where it is known; else it is looked for in the values. With ``half``
    theirs were computed in float16, and have a limit of their own.

    >>> difference("y", np.array([1.0, 2.0]), np.array([1.0, 2.5])).error
    0.25
    """
    wide = np.abs(theirs.astype(np.float64) - ours.astype(np.float64))
    furthest = float(wide.max(initial=0.0))
    if not np.isfinite(wide).all():
        furthest = float("inf")
    if ours.dtype.kind in "iub":
        return Difference(name, furthest, "steps", STEP_LIMIT)
    if not half and (step := step or grid_step(ours)):
        return Difference(name, round(furthest / step, 3), "steps", STEP_LIMIT)
    largest = float(np.abs(ours).max(initial=0.0)) or 1.0
    limit = HALF_LIMIT if half else FLOAT_LIMIT
    return Difference(name, furthest / largest, "of the largest", limit)


def grid_step(values: NDArray[Any]) -> float | None:
    """The step of values that were dequantized from 8 bits; None if they were not.

    A file's int8 outputs, turned to floats in it, are multiples of one step; the smallest gap
    between two of them is that step, or a few of them where there are few values. No multiple is
    beyond 255, since a zero point is one of the 256 levels too. Of fewer than four values it can't
    be distinguished from chance.
    """
    levels = np.unique(values.astype(np.float64))
    if not LEAST_LEVELS <= len(levels) <= LEVELS or not np.isfinite(levels).all():
        return None
    gap, largest = float(np.diff(levels).min()), float(np.abs(levels).max())
    for parts in range(1, int((LEVELS - 0.5) * gap / largest) + 1):
        counts = np.round(levels * parts / gap)
        step = float(levels @ counts / (counts @ counts))  # the gap alone is inexact
        if np.abs(levels / step - counts).max() < ON_GRID and np.ptp(counts) < LEVELS:
            return step
    return None


def describe_parity(differences: Sequence[Difference]) -> OutputsResult:
    """As a record."""
    return OutputsResult(
        within=all(each.within for each in differences),
        outputs=tuple(
            OutputDifference(
                name=each.name,
                error=each.error if np.isfinite(each.error) else None,
                unit=each.unit,
                limit=each.limit,
                within=each.within,
            )
            for each in differences
        ),
    )


def _as_array(path: Path, like: NDArray[Any], content: bytes) -> NDArray[Any]:
    if len(content) != like.nbytes:
        raise MixnetError(
            f"{path}: the phone's output has {len(content)} bytes, this machine's {like.nbytes}"
        )
    return np.frombuffer(content, like.dtype).reshape(like.shape)
