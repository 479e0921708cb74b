"""Sanitizes text from a phone: bounded, without control characters, split into lines.

A phone's output is never trusted; everything that is shown or stored passes through here first.
"""

import math
import re
import unicodedata

MAX_LENGTH = 120
"""Maximum length of a name or a value; a longer one is not a model's name."""

NAMED = (
    r"[A-Za-z0-9][A-Za-z0-9._:@%\[\]-]{0,119}"
    r"|\[[0-9A-Fa-f:.]{2,45}(?:%[A-Za-z0-9._-]{1,20})?\]:\d{1,5}"
    r"|adb-[A-Za-z0-9._-]{1,60} \(\d{1,4}\)[A-Za-z0-9._-]{0,50}"
    r"|\(no serial number\)"
)
SERIAL = re.compile(rf"(?:{NAMED})\Z")
"""The form of adb's serials: letters and digits, ``host:port``, an IPv6 address and port, a name
found on the network, which holds a space where it is there again, or that there is none."""


def clean(text: str, limit: int = MAX_LENGTH) -> str:
    r"""One line of at most ``limit`` characters, each of them printable; trimmed.

    >>> clean("Pixel\x1b[31m 8\n")
    'Pixel[31m 8'
    """
    kept = (each if each.isprintable() else " " for each in text[: 10 * limit] if _is_text(each))
    return "".join(kept).strip()[:limit]


def _is_text(character: str) -> bool:
    """Neither a control character nor one that turns the direction of writing."""
    return unicodedata.category(character)[0] != "C"


def lines_of(text: str) -> list[str]:
    """The lines of a tool's output, whether they end in LF, CRLF or not at all; none is empty."""
    stripped = (line.rstrip() for line in re.split(r"\r*\n|\r", text))
    return [line for line in stripped if line]


def integer(text: str | None, low: int = 0, high: int = 2**53) -> int | None:
    """A decimal integer within bounds; None for anything else."""
    if text is None or not re.fullmatch(r"\s*[+-]?[0-9]{1,18}\s*", text):
        return None
    value = int(text)
    return value if low <= value <= high else None


def decimal(text: str | None, low: float, high: float) -> float | None:
    """A decimal number within bounds; None for anything else, nan too."""
    if text is None or not re.fullmatch(r"\s*[+-]?[0-9]{1,18}(\.[0-9]{0,18})?\s*", text):
        return None
    value = float(text)
    return value if math.isfinite(value) and low <= value <= high else None


def file_name(serial: str) -> str:
    """A serial as a part of a file's name on any system; different serials give different names.

    >>> file_name("192.168.1.5:5555")
    '192.168.1.5%3A5555'
    """
    return "".join(
        each if each.isascii() and (each.isalnum() or each in "._-") else f"%{ord(each):02X}"
        for each in serial
    )
