r"""Text from files, phones and archives, made safe to print.

A name in a model file may hold an escape sequence that renames the terminal's window, or a
direction mark that shows ``gnp.exe`` as ``exe.png``. Such characters are shown as Python writes
them, like ``\x1b`` or ``\u202e``; everything that a terminal merely draws stays.
"""

import unicodedata

ESCAPED_CATEGORIES = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
"""Unicode's control, format (which direction marks are), surrogate, private and unassigned
characters, and its line and paragraph separators."""


def printable(text: str, keep: str = "") -> str:
    r"""The text on one line, with escapes for every character that steers instead of being drawn.

    ``keep`` names characters to leave as they are, like ``"\n"`` where lines are meant.

    >>> printable("a\x1b[31mb\u202e")
    'a\\x1b[31mb\\u202e'
    >>> printable("two\nlines", keep="\n")
    'two\nlines'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        each
        if each in keep or unicodedata.category(each) not in ESCAPED_CATEGORIES
        else each.encode("unicode_escape").decode("ascii")
        for each in text
    )


def shown(value: object, most: int = 80) -> str:
    """A value from a file as a message shows it: on one line, not longer than is of use.

    >>> shown("x" * 100, most=10)
    "'xxxxxxxxx…"
    """
    try:
        text = repr(value)
    except ValueError:  # Python refuses to print whole numbers of more than 4300 digits
        return "a very large number"
    return printable(text if len(text) <= most else f"{text[:most]}…")
