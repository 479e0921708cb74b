"""Time by kind of operator, as records."""

from typing import Annotated

from msgspec import Meta

from mixnet_common.result import (
    Count,
    Microseconds,
    Number,
    ResultRecord,
    known_as,
)


class CategoryTime(ResultRecord):
    """A category of operators in a profile."""

    category: str
    """purpose of the operators, as in the table (docs/profiling.md)"""
    count: Count | None = known_as()
    """operators of the category"""
    time_us: Annotated[float, Meta(ge=0, le=1e12)]
    """their microseconds together"""
    share: Number | None = known_as()
    """their share of `total_us`, 0 to 1"""


class OperatorTime(ResultRecord):
    """An operator in a profile."""

    name: str
    """name of the operator, in execution order, in the file or in onnxruntime's optimized graph"""
    kind: str
    """its kind in the file"""
    event: str
    """its kernel's name in the runtime"""
    category: str
    """its category"""
    time_us: Annotated[float, Meta(ge=0, le=1e12)]
    """microseconds of one inference: the mean over the middle half of the rounds"""


class ProfileResult(ResultRecord):
    """The time of an inference by operator and category."""

    rounds: Count | None = known_as()
    """*`--profile`*, and so are the following: inferences under the runtime's profiler"""
    total_us: Microseconds | None = known_as()
    """microseconds of one inference: the operators and the time between them"""
    unaccounted_us: Microseconds | None = known_as()
    """time between the operators: dispatch, copies in and out, the profiler itself"""
    inference_us: Microseconds | None = known_as()
    """one inference as measured by its caller; more than `total_us` on a busy machine, whose \
disturbances belong to no operator"""
    categories: tuple[CategoryTime, ...] = known_as(())
    operators: tuple[OperatorTime, ...] = known_as(())
