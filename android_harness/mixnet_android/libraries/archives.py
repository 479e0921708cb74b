"""Runtime libraries inside archives: a zip (.aar, .whl), or an npm package (.tgz) with one.

An archive may come from anywhere: it is unpacked into memory within bounds, and names in it are
never used as paths.
"""

import io
import re
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from mixnet_android.parsers import clean
from mixnet_common import MixnetError
from mixnet_common.readers import opened

ZIPPED = (".aar", ".whl", ".zip")
PACKED = (".tgz", ".gz")

LIBRARIES = re.compile(
    r"lib(LiteRt|tensorflowlite_jni|tensorflowlite_c|onnxruntime)\.so(\.[0-9.]+)?"
)
"""The runtimes among an archive's libraries; others belong to Java or Python."""

MOST_BYTES = 256 * 2**20
"""Limit of one library; the largest known has 40 MB."""

MOST_MEMBERS = 100_000
MOST_UNPACKED = 4 * 2**30
"""Bytes of a whole package; what is larger is not unpacked to its end."""

_CHUNK = 1 << 20


def members(file: Path) -> Iterator[tuple[str, bytes]]:
    """Names and contents of an archive's runtime libraries for 64-bit processors.

    Raises MixnetError for what is damaged, or unpacks to more than any runtime has.
    """
    with opened(file) as raw:
        try:
            yield from _packed(raw, file) if file.suffix in PACKED else _zipped(raw, file)
        except MixnetError:
            raise
        # zipfile and tarfile raise a dozen kinds at archives that are damaged, encrypted or packed
        # in odd ways: BadZipFile, zlib.error, LZMAError, UnicodeDecodeError, NotImplementedError, …
        except Exception as error:
            why = clean(str(error), 200) or type(error).__name__
            raise MixnetError(
                f"{file} is not a valid archive: {why}", "download it again"
            ) from error


def _zipped(raw: IO[bytes], file: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(raw) as archive:
        found = archive.infolist()
        _count(len(found), file)
        for member in found:
            if _is_runtime(member.filename):
                with archive.open(member) as stream:
                    yield PurePosixPath(member.filename).name, _unpacked(stream, member.filename)


def _packed(raw: IO[bytes], file: Path) -> Iterator[tuple[str, bytes]]:
    """The members of an npm package: libraries in ABI folders, and those of the .aar in it."""
    size = 0
    with tarfile.open(fileobj=raw, mode="r|gz") as archive:
        for number, member in enumerate(archive):
            _count(number, file)
            size += member.size
            if size > MOST_UNPACKED:
                raise MixnetError(f"{file} unpacks to more than {MOST_UNPACKED >> 30} GiB")
            stream = archive.extractfile(member) if member.isfile() else None
            if stream is None:
                continue
            if member.name.endswith(".aar"):
                inner = io.BytesIO(_unpacked(stream, member.name))
                yield from _zipped(inner, file)
            elif _is_runtime(member.name):
                yield PurePosixPath(member.name).name, _unpacked(stream, member.name)


def _count(number: int, file: Path) -> None:
    if number > MOST_MEMBERS:
        raise MixnetError(f"{file} holds {number} files, more than any runtime")


def _is_runtime(member: str) -> bool:
    """By its name, and by its folder if that is an ABI's: ``jni/arm64-v8a/libLiteRt.so``."""
    path = PurePosixPath(member)
    by_abi = "jni" in path.parts or "jniLibs" in path.parts
    known = path.parent.name in ("arm64-v8a", "x86_64") if by_abi else True
    return known and LIBRARIES.fullmatch(path.name) is not None


def _unpacked(stream: IO[bytes], name: str) -> bytes:
    """One member, read in bounds whatever its headers promise."""
    content = bytearray()
    while block := stream.read(_CHUNK):
        content += block
        if len(content) > MOST_BYTES:
            raise MixnetError(
                f"{clean(name, 200)} unpacks to more than {MOST_BYTES >> 20} MiB",
                "no runtime is that large; the archive may be malicious",
            )
    return bytes(content)
