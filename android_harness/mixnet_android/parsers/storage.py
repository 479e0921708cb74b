"""Parses ``df -k`` and /proc/mounts: free space, and restrictions of a mount."""

import re
from dataclasses import dataclass

from mixnet_android.parsers.text import clean, integer, lines_of

_OCTAL = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class Mount:
    """One line of /proc/mounts: where, which kind of file system, with which options."""

    place: str
    kind: str
    options: tuple[str, ...]


def parse_free_bytes(text: str) -> int | None:
    """Free bytes of the last file system that ``df -k PATH`` lists; None if it lists none.

    Raw lines: ``Filesystem 1K-blocks Used Available Use% Mounted on`` and
    ``/dev/block/dm-53 124000000 64000000 60000000 52% /data``; a long name may stand on a line of
    its own. What counts is the number before the percentage.
    """
    numbers = re.findall(r"\s(\d{1,16})\s+\d{1,3}%(?:\s|$)", text)
    kilobytes = integer(numbers[-1]) if numbers else None
    return None if kilobytes is None else kilobytes * 1024


def parse_mounts(text: str) -> tuple[Mount, ...]:
    """Parse /proc/mounts.

    Raw line: ``/dev/block/dm-5 /data f2fs rw,nosuid,nodev,noatime 0 0``.
    """
    rows = (line.split() for line in lines_of(text)[:10_000])
    return tuple(
        Mount(clean(_unescaped(row[1]), 300), clean(row[2]), tuple(row[3].split(",")))
        for row in rows
        if len(row) >= 4 and row[1].startswith("/")
    )


def mount_of(path: str, mounts: tuple[Mount, ...]) -> Mount | None:
    """The mount of a path: the longest that contains it, the last among equals."""
    holding = [
        each
        for each in mounts
        if path == each.place or path.startswith(each.place.rstrip("/") + "/")
    ]
    return max(reversed(holding), key=lambda each: len(each.place), default=None)


def _unescaped(place: str) -> str:
    r"""Blanks and tabs stand as ``\040`` and ``\011``."""
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), place)
