"""Unpacks files from a tar archive of unknown origin.

Nothing is written outside the given folder, no link or device is made, a bounded number of bytes is
unpacked, and an archive with one bad member is refused as a whole.
"""

import gzip
import io
import re
import tarfile
import zlib
from pathlib import Path, PurePosixPath, PureWindowsPath

from mixnet_common import MixnetError
from mixnet_common.readers import opened

MOST_BYTES = 1 << 30
"""Unpacked, headers and all; MixNet-L's checkpoint with an optimizer's slots has about 150 MB."""
MOST_MEMBERS = 1000
MOST_AT_ONCE = 1 << 20
"""A header that claims more than this is not a file name."""


class _Bounded(io.RawIOBase):
    """A stream that ends in an error before it has given too much."""

    def __init__(self, stream: io.BufferedIOBase) -> None:
        self._stream = stream
        self._left = MOST_BYTES

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= MOST_AT_ONCE or size > self._left:
            raise tarfile.ReadError("it unpacks to more than a checkpoint can contain")
        data = self._stream.read(size)
        self._left -= len(data)
        return data


def extract(path: Path, folder: Path, wanted: re.Pattern[str]) -> None:
    """Write the wanted files of an archive into a folder, by the last part of their names.

    Raises MixnetError if the archive is damaged, too large, or holds a path that leads out of
    its folder, a link or a device; then nothing of it should be used.
    """
    with opened(path) as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        stream: io.BufferedIOBase = gzip.GzipFile(fileobj=raw) if packed else raw
        try:
            with tarfile.open(fileobj=_Bounded(stream), mode="r|", bufsize=1 << 16) as archive:
                _extract_members(archive, path, folder, wanted)
        except (tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile, ValueError) as error:
            raise MixnetError(
                f"{path} is not a complete tar archive: {error}", "copy or download it again"
            ) from error


def _extract_members(
    archive: tarfile.TarFile, path: Path, folder: Path, wanted: re.Pattern[str]
) -> None:
    for count, member in enumerate(archive, start=1):
        if count > MOST_MEMBERS:
            raise tarfile.ReadError("it contains more files than a checkpoint")
        _check(member, path)
        name = PurePosixPath(member.name).name
        source = archive.extractfile(member) if wanted.fullmatch(name) else None
        if source is None or member.isdir():
            continue
        target = folder / name
        if target.exists():
            raise tarfile.ReadError(f"it holds {name} twice")
        with source, target.open("xb") as file:
            while block := source.read(MOST_AT_ONCE // 4):
                file.write(block)


def _check(member: tarfile.TarInfo, path: Path) -> None:
    """Raise MixnetError for anything but a file or a folder inside."""
    place, windows = PurePosixPath(member.name), PureWindowsPath(member.name)
    leads_out = place.is_absolute() or windows.anchor or ".." in (*place.parts, *windows.parts)
    if leads_out or not (member.isfile() or member.isdir()):
        what = "a path that leads out of it" if leads_out else "a link or a device"
        raise MixnetError(
            f"{path} contains {what}: {member.name!r}", "it was not used; do not trust the file"
        )
