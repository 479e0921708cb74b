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
    """what the operators are for, as in the table (docs/profiling.md)"""
    count: Count | None = known_as()
    """operators of the category"""
    time_us: Annotated[float, Meta(ge=0, le=1e12)]
    """their microseconds together"""
    share: Number | None = known_as()
    """their share of `total_us`, 0 to 1"""


class OperatorTime(ResultRecord):
    """An operator in a profile."""

    name: str
    """the operator, in execution order: by the file's name for it, or by onnxruntime's after its \
optimizations"""
    kind: str
    """the file's word for it"""
    event: str
    """the runtime's word for what it ran"""
    category: str
    """its category"""
    time_us: Annotated[float, Meta(ge=0, le=1e12)]
    """microseconds of one inference: the mean over the middle half of the rounds"""


class ProfileResult(ResultRecord):
    """Where the time of an inference goes."""

    rounds: Count | None = known_as()
    """*`--profile`*, and so are the following: inferences under the runtime's profiler"""
    total_us: Microseconds | None = known_as()
    """microseconds of one inference: the operators and what lies between them"""
    unaccounted_us: Microseconds | None = known_as()
    """what lies between the operators: dispatch, copies in and out, the profiler itself"""
    inference_us: Microseconds | None = known_as()
    """one inference as its caller sees it; more than `total_us` on a busy machine, whose \
disturbances are not caused by an operator"""
    categories: tuple[CategoryTime, ...] = known_as(())
    operators: tuple[OperatorTime, ...] = known_as(())
