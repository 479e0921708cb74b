"""Inputs for measurements: seeded random numbers of the right shape and type."""

from collections.abc import Container, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mixnet_common import MixnetError
from mixnet_runtimes.element_types import can_be_made_up, describe_type
from mixnet_runtimes.session import TensorInfo


def seeded_input(
    shape: tuple[int, ...], dtype: DTypeLike, rng: np.random.Generator
) -> NDArray[Any]:
    """Normal numbers for floats, the full range for 8- and 16-bit integers, 0 and 1 for the rest.

    Wider integers are indices or sizes more often than pixels.
    """
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return rng.standard_normal(shape).astype(kind)
    if kind.kind in "iu" and kind.itemsize <= 2:
        limits = np.iinfo(kind)
        return rng.integers(limits.min, limits.max, size=shape, dtype=kind, endpoint=True)
    return rng.integers(0, 2, size=shape).astype(kind)


def made_up(file: str, info: TensorInfo, rng: np.random.Generator) -> NDArray[Any]:
    """A seeded input. Raises MixnetError, with the option to give, for a type without numbers."""
    refuse_unmakeable(file, info)
    return seeded_input(info.shape, info.dtype, rng)


def refuse_unmakeable(file: str, info: TensorInfo) -> None:
    """Raise MixnetError if no values of an input's type can be generated."""
    if not can_be_made_up(info.dtype):
        sizes = "×".join(map(str, info.shape)) or "one element"
        raise MixnetError(
            f"{file}: input {info.name} is of type {info.dtype}, for which no values can be"
            " generated",
            f"give --input {info.name}=FILE.npy: {sizes} of {describe_type(info.dtype)}",
        )


def advice(inputs: Sequence[TensorInfo], given: Container[str]) -> str:
    """The hint if a runtime refuses its inputs; empty if they are unlikely to be the cause.

    Indices of 0 and 1, which are made up, need not fit: a table may have one row.
    """
    indices = [each for each in inputs if _is_index(each.dtype)]
    integers = [each for each in indices if each.name not in given]
    if indices and not integers:
        return f"check the given values of {', '.join(each.name for each in indices)}"
    if not integers:
        return ""
    named = ", ".join(f"{each.name} ({each.dtype})" for each in integers)
    first = integers[0].name
    return (
        f"input {named} was filled with 0 and 1; "
        f"give --input-range {first}=0,9 or --input {first}=FILE.npy"
    )


def _is_index(dtype: str) -> bool:
    kind = np.dtype(dtype) if can_be_made_up(dtype) else np.dtype("float32")
    return kind.kind in "iu" and kind.itemsize > 2
