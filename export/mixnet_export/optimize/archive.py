"""The zip archive after a ``.tflite`` file's model, moved when the model changes its size.

TFLite's metadata stores associated files (labels, vocabularies) in a zip archive after the
FlatBuffer. Its writers count offsets from the beginning of the file or from that of the archive; in
the first case they must be recomputed.
"""

import io
import struct
import zipfile
import zlib
from dataclasses import dataclass

from mixnet_common import MixnetError

END = b"PK\x05\x06"
ENTRY = b"PK\x01\x02"
LOCATOR_64 = b"PK\x06\x07"
END_BYTES, ENTRY_BYTES = 22, 46
HINT = "optimize the model before adding files to it"

_BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, NotImplementedError)


@dataclass(frozen=True)
class Archive:
    """A zip archive at the end of a file."""

    start: int
    """Position of its first entry."""
    directory: int
    """Position of its list of entries."""
    content: bytes
    """All bytes from ``start`` to the end of the file."""
    counted_from: int
    """Origin of its offsets: 0, or its own first byte."""


def find_archive(content: bytes) -> Archive | None:
    """The archive at the end of a file; None if there is none.

    Raises MixnetError for one that cannot be moved.
    """
    if content.rfind(END, max(0, len(content) - END_BYTES - (1 << 16))) < 0:
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            starts = [each.header_offset for each in archive.infolist()]
            directory = archive.start_dir
    except _BROKEN:
        return None  # bytes that look like one, in the model
    start = min([*starts, directory])
    end = content.rfind(END)
    if content.rfind(LOCATOR_64, start) >= 0:
        raise MixnetError("the zip archive behind the model is a zip64 archive", HINT)
    (stored,) = struct.unpack_from("<I", content, end + 16)
    return Archive(start, directory, content[start:], directory - stored)


def moved(archive: Archive, start: int) -> bytes:
    """The archive's bytes for a file in which it begins at ``start``."""
    content = bytearray(archive.content)
    if archive.counted_from == archive.start:
        return bytes(content)
    delta = start - archive.start
    end = content.rfind(END)
    _shift(content, end + 16, delta)
    (count,) = struct.unpack_from("<H", content, end + 10)
    place = archive.directory - archive.start
    for _ in range(count):
        if content[place : place + 4] != ENTRY:
            raise MixnetError("the zip archive behind the model is damaged", HINT)
        _shift(content, place + 42, delta)
        lengths = struct.unpack_from("<HHH", content, place + 28)
        place += ENTRY_BYTES + sum(lengths)
    return bytes(content)


def _shift(content: bytearray, place: int, delta: int) -> None:
    (offset,) = struct.unpack_from("<I", content, place)
    struct.pack_into("<I", content, place, offset + delta)
