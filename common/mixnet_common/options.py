"""Numbers on command lines: types for click with bounds, and the bounds themselves.

Every numeric option of every command has one of these types. A value out of bounds is refused when
the command line is read, in one line that names the bounds; NaN and infinities are never valid.
Files and functions that take the same numbers have the same bounds. The memory that a number needs
is checked elsewhere; these bounds only exclude values that no machine or purpose needs.
"""

import math
import os
from typing import Any, TypeVar

import click

from mixnet_common.errors import UsageError
from mixnet_common.option_groups import RenamedOption
from mixnet_common.printable import printable
from mixnet_common.readers import DIGITS

Bounds = click.IntRange | click.FloatRange
Number = TypeVar("Number", int, float)

SHOWN = 45
"""Characters of a value that a message repeats."""


class Whole(click.IntRange):
    """A whole number from ``least`` to ``most``; None if its use limits it.

    ``why`` says where an upper bound comes from that is not the same everywhere.
    """

    name = "integer"

    def __init__(self, least: int, most: int | None, why: str = "") -> None:
        super().__init__(least, most)
        self.words = f"a whole number {_words(self)}{why and ', '}{why}"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number. Raises UsageError that begins with the option's name."""
        return self.check(value, option_name(param))

    def accepts(self, number: float) -> bool:
        """Whether a number is within the bounds."""
        return _is_within(number, self)

    def check(self, value: Any, what: str) -> int:
        """The number that a value or its text is. Raises UsageError that begins with ``what``."""
        number = _parsed(int, value)
        if number is None or not self.accepts(number):
            raise _refusal(value, what, self.words)
        return number


class Real(click.FloatRange):
    """A number from ``least`` to ``most``, or between them where one is ``open``."""

    name = "number"

    def __init__(
        self, least: float, most: float | None, *, least_open: bool = False, most_open: bool = False
    ) -> None:
        super().__init__(least, most, min_open=least_open, max_open=most_open)
        self.words = f"a number {_words(self)}"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number. Raises UsageError that begins with the option's name."""
        return self.check(value, option_name(param))

    def accepts(self, number: float) -> bool:
        """Whether a number is within the bounds."""
        return _is_within(number, self)

    def check(self, value: Any, what: str) -> float:
        """The number that a value or its text is. Raises UsageError that begins with ``what``."""
        number = _parsed(float, value)
        if number is None or not self.accepts(number):
            raise _refusal(value, what, self.words)
        return number


class Threads(Whole):
    """Threads: on this machine at most twice its CPUs, on phones at most ``PHONE_THREADS``.

    Where a command has ``--on``, that option has to be eager, so that it is known by then.
    """

    def __init__(self) -> None:
        super().__init__(1, None)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number. Raises UsageError that begins with the option's name."""
        on = HOST if ctx is None else ctx.params.get("on", HOST)
        return threads_on(on).check(value, option_name(param))


class ThreadCounts(click.ParamType):  # type: ignore[type-arg]
    """Numbers of threads of this machine, with commas between, none twice."""

    name = "numbers"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """The numbers. Raises UsageError that begins with the option's name."""
        if isinstance(value, tuple):
            return value
        parts = [part.strip() for part in str(value).split(",")]
        bounds = threads_on(HOST)
        return tuple(dict.fromkeys(bounds.check(each, option_name(param)) for each in parts))


HOST = "host"
"""This machine, among what ``--on`` names."""

PHONE_THREADS = 64
"""The maximum of the native runner; no phone has this many cores."""


def threads_on(device: str) -> Whole:
    """The bounds of threads on this machine or on a phone."""
    if device == HOST:
        return Whole(1, 2 * (os.cpu_count() or 1), "twice this machine's CPUs")
    return Whole(1, PHONE_THREADS, "the most on a phone")


def option_name(param: click.Parameter | None) -> str:
    """As it is typed, for messages: an option's own name, the longest where it has several."""
    if isinstance(param, RenamedOption):
        return param.opts[0]
    if isinstance(param, click.Option):
        return max(param.opts, key=len)
    return "the number" if param is None else param.human_readable_name


def _parsed(kind: type[Number], value: Any) -> Number | None:
    """A value as a number of this kind; None if it is none, or would lose something."""
    if isinstance(value, str) and len(value) > DIGITS:
        return None
    try:
        number = kind(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return None if isinstance(value, float) and number != value else number


def _is_within(number: float, bounds: Bounds) -> bool:
    """False for NaN too."""
    least = -math.inf if bounds.min is None else bounds.min
    most = math.inf if bounds.max is None else bounds.max
    above = number > least if bounds.min_open else number >= least
    below = number < most if bounds.max_open else number <= most
    return above and below and number != math.inf


def _refusal(value: Any, what: str, wanted: str) -> UsageError:
    shown = printable(str(value))
    return UsageError(
        f"{what} {shown if len(shown) <= SHOWN else f'{shown[:SHOWN]}…'}: give {wanted}"
    )


def _words(bounds: Bounds) -> str:
    """Bounds as in "from 1 to 1,000"."""
    least, most = (f"{each:,.10g}" if each is not None else "" for each in (bounds.min, bounds.max))
    if not most:
        return f"above {least}" if bounds.min_open else f"of at least {least}"
    if bounds.min_open and bounds.max_open:
        return f"between {least} and {most}"
    return f"above {least}, at most {most}" if bounds.min_open else f"from {least} to {most}"


# The bounds

THREADS = Threads()
THREAD_COUNTS = ThreadCounts()
LAUNCHES = Whole(1, 1000)
"""Fresh processes."""

AT_LEAST_3 = Whole(3, 1000)
"""Fresh processes, of which an interval can be told."""

INFERENCES = Whole(1, 1_000_000)
"""The native runner keeps every one of them."""

WARMUP = Whole(0, 1_000_000)
SECONDS = Real(0, 86_400)
"""Seconds of measuring: at most a day."""

SHORT = Real(0, 600)
"""Seconds of measuring one launch."""

TIMEOUT = Real(0, 86_400, least_open=True)
"""Seconds."""

SEEDS = 2**32
"""As many as the native runner knows; of launches numbered beyond them, it begins again at 0."""

SEED = Whole(0, SEEDS - 1)
CONFIDENCE = Real(0.5, 0.9999)
"""Beyond it, an interval rests on what a sample does not hold."""

TABLE_PASSES = Whole(1, 1000)
"""Launches of everything in a latency table."""

TABLE_NETWORKS = Whole(4, 1000)
"""Networks that the cost of the seams is fitted to; two coefficients need four."""

TABLE_MINUTES = Real(0, 100_000, least_open=True)

POINTS = Real(0, 100, least_open=True, most_open=True)
"""Percentage points of accuracy that may be lost."""

PERCENTILE = Real(50, 100, least_open=True)
JOBS = Whole(1, 64)
"""Images worked on at once; each holds both files open."""

LISTED = Whole(0, 10_000)
"""Lines of a table."""

TOP = Whole(1, 10_000)
EVALUATIONS = Whole(1, 1_000_000)
"""Candidates of a search, of which each is a line of a file."""

POPULATION = Whole(1, 100_000)
FAILURES = Whole(0, 1_000_000)
IMAGES = Whole(0, 1_000_000)
SOME_IMAGES = Whole(1, 1_000_000)
CLASSES = Whole(1, None)
RESOLUTION = Whole(1, None)
BATCH = Whole(1, None)
MULTIPLIER = Real(0.01, None)
"""A network's size is limited by its weights and maps: ``mixnet_networks.graph.sizes``."""
