"""The width of a stream's terminal, and lines that are broken to fit it. Prints nothing."""

import os
from collections.abc import Iterable
from typing import TextIO

LEAST = 20
"""Minimum assumed width of a terminal in columns."""

USUAL = 80
"""Assumed width of a terminal that does not report it."""


def columns_of(stream: TextIO | None) -> int | None:
    """The columns of the terminal that a stream writes to; None if it writes to none.

    ``COLUMNS`` overrides what the terminal says, as in other programs.
    """
    if stream is None or not stream.isatty():
        return None
    try:
        columns = int(os.environ.get("COLUMNS", ""))
    except ValueError:
        columns = 0
    if columns <= 0:
        try:
            columns = os.get_terminal_size(stream.fileno()).columns
        except (OSError, ValueError):
            columns = 0
    return max(LEAST, columns or USUAL)


def fitting(lines: Iterable[str], stream: TextIO | None) -> list[str]:
    """Lines for people as this stream gets them: broken between words on a terminal, else whole.

    What a line is continued by is indented by two more than the line.
    """
    width = columns_of(stream)
    return list(lines) if width is None else [part for each in lines for part in hung(each, width)]


def hung(line: str, width: int) -> list[str]:
    """A line as several that break between words and hang below it; a longer word stays whole.

    >>> hung("  hint: wait, or use another phone", 20)
    ['  hint: wait, or use', '    another phone']
    """
    import textwrap

    indent = " " * (len(line) - len(line.lstrip(" ")) + 2)
    return textwrap.wrap(
        line,
        width,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [line]
