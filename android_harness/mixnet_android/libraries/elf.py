"""Reads the headers of an ELF file: its processor and system, and its exported symbols.

Pure parsing of bytes, of 64-bit little-endian files only, which is what phones run; nothing is
loaded or run. Layout: System V ABI, chapters 4 and 5 (object files, dynamic linking).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from mixnet_common import MixnetError

MACHINES = {183: "arm64", 62: "x86_64", 40: "arm", 3: "x86"}
ABIS_OF_32_BITS = {40: "armeabi-v7a", 3: "x86"}
PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_NOTE = 1, 2, 3, 4
SHT_DYNSYM = 11
DT_NEEDED, DT_STRTAB, DT_STRSZ, DT_SONAME = 1, 5, 10, 14
DT_VERDEF, DT_VERDEFNUM = 0x6FFFFFFC, 0x6FFFFFFD
BASE_VERSION = 1
"""Flag of the first version that a library defines: its own name."""

PAGE_BYTES = 16384
"""Android 15 allows pages of 16 KB; segments aligned to less cannot be mapped there."""

MOST_RECORDS = 1_000_000
"""Segments, sections or symbols beyond which a file is not believed."""

MOST_VERSIONS, MOST_NOTES = 1000, 100

MOST_NAMED = 64 * 2**20
"""Bytes of all names together: names may overlap, so the file's own size bounds nothing."""


@dataclass(frozen=True)
class Elf:
    """One ELF file. ``interpreter`` is None for a library, as it is for a static program."""

    machine: str
    """``arm64``, ``x86_64``, ``arm``, ``x86``, or the number of another."""
    system: str
    """``android`` or ``linux``, by its required C library; ``unknown`` if it requires none."""
    interpreter: str | None
    soname: str | None
    needed: tuple[str, ...]
    exports: frozenset[str]
    page_bytes: int
    """The smallest alignment of its segments."""
    versions: tuple[str, ...] = ()
    """The symbol versions that it defines, like ``VERS_1.29.0``; its own name left out."""
    api_level: int | None = None
    """The oldest Android that it was built for, by its ``Android`` note; None without one."""

    @property
    def platform(self) -> str:
        """System and processor in one word, like ``android-arm64``."""
        return f"{self.system}-{self.machine}"


@dataclass(frozen=True)
class _Segment:
    kind: int
    offset: int
    address: int
    size: int
    align: int


class _Bytes:
    """A file's content, out of which nothing is read beyond its end."""

    def __init__(self, content: bytes, name: str) -> None:
        self.content, self.name = content, name
        self.named = 0

    def unpack(self, form: str, offset: int) -> tuple[int, ...]:
        if not 0 <= offset <= len(self.content) - struct.calcsize(form):
            raise self.broken(f"it refers beyond its end, to byte {offset}")
        return struct.unpack_from(form, self.content, offset)

    def text(self, offset: int) -> str:
        """A string that ends with a zero byte."""
        end = self.content.find(b"\0", offset, offset + 4096)
        if not 0 <= offset < len(self.content) or end < 0:
            raise self.broken("a name in it is not terminated")
        self.named += end - offset
        if self.named > MOST_NAMED:
            raise self.broken("its names are too long in total")
        return self.content[offset:end].decode("ascii", errors="replace")

    def broken(self, why: str) -> MixnetError:
        return MixnetError(f"{self.name} is not a valid ELF file: {why}", "download it again")


def parse_elf(content: bytes, name: str = "the file") -> Elf:
    """Read an ELF file's headers, its dynamic section and its exported symbols.

    ``name`` is for messages. Raises MixnetError for anything that is not such a file, or broken.
    """
    file = _Bytes(content, name)
    if content[:4] != b"\x7fELF":
        raise MixnetError(
            f"{name} is not an ELF file, so it is not a program or library for phones"
        )
    if content[4:6] == b"\x01\x01" and len(content) >= 20:
        abi = ABIS_OF_32_BITS.get(file.unpack("<H", 18)[0], "a 32-bit processor")
        raise MixnetError(
            f"{name} is for {abi}: 32-bit phones are not supported",
            "the arm64-v8a or x86_64 one is needed",
        )
    if content[4:6] != b"\x02\x01":
        raise MixnetError(
            f"{name} is for big-endian systems", "the arm64-v8a or x86_64 one is needed"
        )
    machine = file.unpack("<H", 18)[0]
    segments = list(_segments(file))
    dynamic = list(_dynamic(file, segments))
    names = _Names(file, segments, dynamic)
    needed = tuple(names.text(value) for tag, value in dynamic if tag == DT_NEEDED)
    interpreter = next(
        (file.text(each.offset) for each in segments if each.kind == PT_INTERP), None
    )
    loads = [each.align for each in segments if each.kind == PT_LOAD]
    return Elf(
        machine=MACHINES.get(machine, str(machine)),
        system=_system(needed, interpreter),
        interpreter=interpreter,
        soname=next((names.text(value) for tag, value in dynamic if tag == DT_SONAME), None),
        needed=needed,
        exports=frozenset(_exports(file)),
        page_bytes=min(loads, default=0),
        versions=tuple(_versions(file, names, dict(dynamic))),
        api_level=_api_level(file, segments),
    )


def _system(needed: tuple[str, ...], interpreter: str | None) -> str:
    """Bionic is ``libc.so``, without a version; glibc ``libc.so.6``."""
    if "libc.so" in needed or (interpreter or "").startswith("/system/"):
        return "android"
    return "linux" if "libc.so.6" in needed or interpreter else "unknown"


def _segments(file: _Bytes) -> Iterator[_Segment]:
    start, size, count = (
        file.unpack("<Q", 32)[0],
        file.unpack("<H", 54)[0],
        file.unpack("<H", 56)[0],
    )
    if size < 56 and count:
        raise file.broken(f"its program headers are {size} bytes long")
    for index in range(count):
        kind, _, offset, address, _, size_in_file, _, align = file.unpack(
            "<IIQQQQQQ", start + index * size
        )
        yield _Segment(kind, offset, address, size_in_file, align)


def _dynamic(file: _Bytes, segments: list[_Segment]) -> Iterator[tuple[int, int]]:
    """Tags and values of the dynamic section, up to its end marker."""
    segment = next((each for each in segments if each.kind == PT_DYNAMIC), None)
    if segment is None:
        return
    for index in range(min(segment.size // 16, MOST_RECORDS)):
        tag, value = file.unpack("<QQ", segment.offset + 16 * index)
        if tag == 0:
            return
        yield tag, value


class _Names:
    """The dynamic string table, which is found by its address in memory."""

    def __init__(
        self, file: _Bytes, segments: list[_Segment], dynamic: list[tuple[int, int]]
    ) -> None:
        self.file, self.segments = file, segments
        address = next((value for tag, value in dynamic if tag == DT_STRTAB), None)
        self.start = None if address is None else _offset(segments, address)

    def text(self, offset: int) -> str:
        if self.start is None:
            raise self.file.broken("its dynamic section has no names")
        return self.file.text(self.start + offset)


def _versions(file: _Bytes, names: "_Names", dynamic: dict[int, int]) -> Iterator[str]:
    """Names of the symbol versions that are defined: a chain of entries, each with its first name.

    An entry: version, flags, index, count (16 bits each), hash, way to its name, way to the next.
    """
    address, count = dynamic.get(DT_VERDEF), min(dynamic.get(DT_VERDEFNUM, 0), MOST_VERSIONS)
    at = None if address is None else _offset(names.segments, address)
    for _ in range(count if at is not None else 0):
        assert at is not None
        flags = file.unpack("<H", at + 2)[0]
        name_at, next_at = file.unpack("<II", at + 12)
        if not flags & BASE_VERSION:
            yield names.text(file.unpack("<I", at + name_at)[0])
        if next_at == 0:
            return
        at += next_at


def _api_level(file: _Bytes, segments: list[_Segment]) -> int | None:
    """From the note of the owner ``Android`` and type 1, whose first word it is."""
    for segment in (each for each in segments if each.kind == PT_NOTE):
        at, end = segment.offset, segment.offset + segment.size
        for _ in range(MOST_NOTES):
            if at + 12 > end:
                break
            owner_size, size, kind = file.unpack("<III", at)
            owner = file.content[at + 12 : at + 12 + owner_size]
            data = at + 12 + (owner_size + 3) // 4 * 4
            if owner == b"Android\0" and kind == 1 and size >= 4:
                return file.unpack("<I", data)[0]
            at = data + (size + 3) // 4 * 4
    return None


def _offset(segments: list[_Segment], address: int) -> int | None:
    """The position in the file of what is loaded at this address."""
    for each in segments:
        if each.kind == PT_LOAD and each.address <= address < each.address + each.size:
            return each.offset + address - each.address
    return None


def _exports(file: _Bytes) -> Iterator[str]:
    """Names of the symbols that are defined in the file and seen from outside."""
    start = file.unpack("<Q", 40)[0]
    size, count = file.unpack("<HH", 58)
    sections = [_section(file, start + index * size) for index in range(count if start else 0)]
    found = next((each for each in sections if each[0] == SHT_DYNSYM), None)
    if found is None:
        return
    _, offset, length, link = found
    if link >= len(sections) or length // 24 > MOST_RECORDS:
        raise file.broken("its symbols have no names, or are too many")
    names = sections[link][1]
    for index in range(length // 24):
        name, info, other, section = file.unpack("<IBBH", offset + 24 * index)
        if section != 0 and info >> 4 in (1, 2) and other & 3 in (0, 3):
            yield file.text(names + name)


def _section(file: _Bytes, offset: int) -> tuple[int, int, int, int]:
    """A section's kind, offset, length and linked section."""
    fields = file.unpack("<IIQQQQII", offset)
    return fields[1], fields[4], fields[5], fields[6]
