"""Runtime libraries for phones, stored on this machine: added once, identified by hash and version.

A file may come from anywhere, so it is only read here, never loaded: archives are unpacked into
memory within bounds, names in them are never used as paths, and each library is judged by its own
ELF headers and exported symbols.
"""

import json
import re
import time
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from mixnet_android.libraries import archives
from mixnet_android.libraries.elf import PAGE_BYTES, Elf, parse_elf
from mixnet_common import MixnetError, UsageError
from mixnet_common.files import write_all
from mixnet_common.folders import home
from mixnet_common.hashing import sha256
from mixnet_common.json_object import JsonObject, WrongValueError
from mixnet_common.printable import shown
from mixnet_common.readers import is_file, missing_file, read_bytes, read_json

APIS = {
    "litert": ("LiteRtCreateEnvironment", "LiteRtCreateCompiledModel"),
    "tflite": ("TfLiteInterpreterCreate", "TfLiteModelCreateFromFile"),
    "onnxruntime": ("OrtGetApiBase",),
}
"""The runner's words for the interfaces that it can drive, and what their libraries export."""

FORMATS = {"tflite": ("litert", "tflite"), "onnx": ("onnxruntime",)}
"""Which interfaces run a file, by its suffix; the first is preferred."""

PLATFORMS = ("android-arm64", "android-x86_64", "linux-arm64", "linux-x86_64")

VERSION = re.compile(r"[0-9]+(\.[0-9]+)*(\.?[a-z+-][0-9a-z.+-]*)?", re.IGNORECASE)
LONGEST_VERSION = 40

SONAME_VERSION = re.compile(r"\.so\.([0-9]+\.[0-9]+(?:\.[0-9]+)*)\Z")
"""``1.32.0`` of ``libonnxruntime.so.1.32.0``; a major version alone is not enough."""

SYMBOL_VERSION = re.compile(r"VERS_([0-9]+\.[0-9]+\.[0-9]+)")
"""``1.29.0`` of ``OrtGetApiBase@@VERS_1.29.0``. LiteRT's ``VERS_1.0`` is of its interface."""

VERSION_STRING = re.compile(rb"(?<=\0)([0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4})(?=\0)")
"""A whole string that is a version: it is the library's where there is no other."""


class NoRuntime(MixnetError):  # noqa: N818 - named after what is the matter
    """No stored library runs such files on such a phone."""


@dataclass(frozen=True)
class Runtime:
    """A stored library."""

    api: str
    """``litert``, ``tflite`` or ``onnxruntime``."""
    version: str | None
    platform: str
    """One of ``PLATFORMS``."""
    sha256: str
    size_bytes: int
    source: str
    """The name of the file it came from."""
    library: str
    """Its own file name."""
    page_bytes: int
    """Alignment of its segments."""
    path: Path
    api_level: int | None = None
    """The oldest Android that it was built for; None if it is not reported."""
    added_ns: int = 0
    """When it was taken in."""

    @property
    def title(self) -> str:
        """Its interface and version, in words."""
        return f"{self.api} {self.version or 'of unknown version'}"

    @property
    def pages_of_16_kb(self) -> bool:
        """Whether it loads where pages are that large, as on some phones since Android 15."""
        return self.page_bytes % PAGE_BYTES == 0


def add(file: Path, version: str | None = None) -> list[Runtime]:
    """Add the runtime libraries of an .aar, a .whl, an npm package or an .so; returns them.

    ``version`` is for libraries that do not tell; an archive's own comes first. Raises UsageError
    for other files and other words, and MixnetError if the file holds none, or is broken.
    """
    if version is not None and not is_version(version):
        raise UsageError(
            f"--version-is {shown(version)} is not a version", "give one like 2.3.0 or 1.27.0-rc1"
        )
    if not is_file(file):
        raise missing_file(file)
    if ".so" in file.suffixes:
        return [_keep(_read(file), file.name, file.name, version)]
    if file.suffix not in (*archives.ZIPPED, *archives.PACKED):
        raise UsageError(f"{file} is not a runtime", "give an .aar, .whl, .tgz or .so file")
    # An npm package has a version of its own, which is not the runtime's.
    stated = version if file.suffix in archives.PACKED else _stated_version(file) or version
    kept = [_keep(content, name, file.name, stated) for name, content in archives.members(file)]
    if not kept:
        raise MixnetError(
            f"{file} holds no runtime library for 64-bit phones",
            "LiteRT's and onnxruntime's AARs and aarch64 wheels do; 32-bit is not supported",
        )
    return kept


def is_version(text: str) -> bool:
    """Whether a text is a version, like packages and libraries have.

    >>> [is_version(each) for each in ("2.3.0", "1.27.0-rc1", "2.1.0.dev3+cpu", "newest", "2.")]
    [True, True, True, False, False]
    """
    return len(text) <= LONGEST_VERSION and VERSION.fullmatch(text) is not None


def list_runtimes() -> list[Runtime]:
    """All stored libraries, newest version first; unreadable ones are left out.

    Of equal and of unknown versions the one that was added last comes first.
    """
    found = [_recall(note) for note in sorted((home() / "runtimes").glob("*/runtime.json"))]
    return sorted((each for each in found if each), key=_age, reverse=True)


def find_runtime(api: str, platform: str) -> Runtime | None:
    """The newest stored library of this interface for this platform."""
    return next(
        (each for each in list_runtimes() if (each.api, each.platform) == (api, platform)), None
    )


def find_for(suffix: str, platform: str) -> Runtime:
    """The library that runs ``tflite`` or ``onnx`` files there. Raises NoRuntime."""
    for api in FORMATS[suffix]:
        if found := find_runtime(api, platform):
            return found
    raise NoRuntime(
        f"no runtime for .{suffix} files on {platform} has been added",
        "run mixnet-bench devices setup for the file to download, then mixnet-bench devices"
        " add-runtime",
    )


def _age(runtime: Runtime) -> tuple[tuple[int, ...], int]:
    return tuple(map(int, re.findall(r"[0-9]+", runtime.version or ""))), runtime.added_ns


def _keep(content: bytes, library: str, source: str, version: str | None) -> Runtime:
    elf = parse_elf(content, library)
    api = _api(elf, library)
    if elf.platform not in PLATFORMS:
        raise MixnetError(
            f"{library} is for {elf.platform}", f"runtimes are for {', '.join(PLATFORMS)}"
        )
    digest = sha256(content)
    folder = home() / "runtimes" / digest[:16]
    runtime = Runtime(
        api=api,
        version=version or _own_version(elf, library, content),
        platform=elf.platform,
        sha256=digest,
        size_bytes=len(content),
        source=source,
        library=PurePosixPath(library).name,
        page_bytes=elf.page_bytes,
        path=folder / "library.so",
        api_level=elf.api_level,
        added_ns=time.time_ns(),
    )
    note = {key: value for key, value in asdict(runtime).items() if key != "path"}
    write_all({runtime.path: content, folder / "runtime.json": json.dumps(note, indent=2) + "\n"})
    return runtime


def _api(elf: Elf, name: str) -> str:
    for api, symbols in APIS.items():
        if all(symbol in elf.exports for symbol in symbols):
            return api
    wanted = "; ".join(f"{api}: {', '.join(symbols)}" for api, symbols in APIS.items())
    raise MixnetError(f"{name} exports the functions of no known runtime", f"expected {wanted}")


def _own_version(elf: Elf, library: str, content: bytes) -> str | None:
    """A library's version, from its name, its symbols' version or its strings."""
    names = (elf.soname or "", library, *elf.versions)
    found = (SONAME_VERSION.search(each) or SYMBOL_VERSION.fullmatch(each) for each in names)
    known = next((each[1] for each in found if each), None)
    if known is None:
        strings = set(VERSION_STRING.findall(content))
        known = strings.pop().decode("ascii") if len(strings) == 1 else None
    return known if known and is_version(known) else None


def _recall(note: Path) -> Runtime | None:
    """The library that a note describes; None if it is missing, or the note is damaged."""
    try:
        kept = JsonObject(read_json(note))
        runtime = Runtime(
            api=kept.text("api"),
            version=kept.text("version") or None,
            platform=kept.text("platform"),
            sha256=kept.text("sha256"),
            size_bytes=kept.whole("size_bytes"),
            source=kept.text("source"),
            library=kept.text("library"),
            page_bytes=kept.whole("page_bytes"),
            path=note.with_name("library.so"),
            api_level=kept.whole("api_level") if kept.value.get("api_level") is not None else None,
            added_ns=kept.whole("added_ns", most=2**63) if kept.has("added_ns") else 0,
        )
    except (UsageError, WrongValueError):
        return None
    known = runtime.api in APIS and runtime.platform in PLATFORMS and runtime.sha256
    return runtime if known and is_file(runtime.path) else None


def _read(file: Path) -> bytes:
    if file.stat().st_size > archives.MOST_BYTES:
        raise MixnetError(f"{file} is larger than any runtime ({archives.MOST_BYTES >> 20} MiB)")
    return read_bytes(file, limit=archives.MOST_BYTES)


def _stated_version(file: Path) -> str | None:
    """A wheel's or an AAR's version, from its file name: ``onnxruntime-android-1.27.0.aar``."""
    found = re.search(
        r"-([0-9]+(?:\.[0-9]+)+(?:[-.]?(?:rc|a|b)\.?[0-9]+)?)(?=[-.](?![0-9]))", file.name
    )
    return found[1] if found and is_version(found[1]) else None
