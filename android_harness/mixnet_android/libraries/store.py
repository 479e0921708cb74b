"""Runtime libraries kept on this machine for phones: taken in once, known by hash and version.

What comes in is a file from anywhere, so it is only read here, never loaded: archives are unpacked
into memory within bounds, no name in them leads anywhere, and each library is judged by its own
ELF headers and exported symbols.
"""

import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from mixnet_android.libraries.elf import (
    PAGE_BYTES,
    Elf,
    parse_elf,
)
from mixnet_android.parsers import clean
from mixnet_common import MixnetError, UsageError
from mixnet_common.files import write_all
from mixnet_common.folders import home
from mixnet_common.hashing import sha256
from mixnet_common.json_object import JsonObject, WrongValueError
from mixnet_common.printable import shown
from mixnet_common.readers import is_file, missing_file, opened, read_bytes, read_json

APIS = {
    "litert": ("LiteRtCreateEnvironment", "LiteRtCreateCompiledModel"),
    "tflite": ("TfLiteInterpreterCreate", "TfLiteModelCreateFromFile"),
    "onnxruntime": ("OrtGetApiBase",),
}
"""The runner's words for the interfaces that it can drive, and what their libraries export."""

FORMATS = {"tflite": ("litert", "tflite"), "onnx": ("onnxruntime",)}
"""Which interfaces run a file, by its suffix; the first is preferred."""

LIBRARIES = re.compile(
    r"lib(LiteRt|tensorflowlite_jni|tensorflowlite_c|onnxruntime)\.so(\.[0-9.]+)?"
)
"""Of an archive's libraries, those that are runtimes; others belong to Java or Python."""

PLATFORMS = ("android-arm64", "android-x86_64", "linux-arm64", "linux-x86_64")

VERSION = re.compile(r"[0-9]+(\.[0-9]+)*(\.?[a-z+-][0-9a-z.+-]*)?", re.IGNORECASE)
LONGEST_VERSION = 40

MOST_BYTES = 256 * 2**20
"""Of one library; the largest known has 30 MB."""

MOST_MEMBERS = 100_000
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Runtime:
    """A kept library."""

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
    """What its segments are aligned to."""
    path: Path

    @property
    def pages_of_16_kb(self) -> bool:
        """Whether it loads where pages are that large, as on some phones since Android 15."""
        return self.page_bytes % PAGE_BYTES == 0


def add(file: Path, version: str | None = None) -> list[Runtime]:
    """Take in the runtime libraries of an ``.aar``, a ``.whl`` or an ``.so``; the kept ones.

    ``version`` is for libraries that do not tell; an archive's own comes first. Raises UsageError
    for other files and other words, and MixnetError where the file holds none, or is broken.
    """
    if version is not None and not is_version(version):
        raise UsageError(
            f"--version-is {shown(version)} is no version", "give one like 2.3.0 or 1.27.0-rc1"
        )
    if not is_file(file):
        raise missing_file(file)
    if ".so" in file.suffixes:
        return [_keep(_read(file), file.name, file.name, version)]
    if file.suffix not in (".aar", ".whl", ".zip"):
        raise UsageError(f"{file} is no runtime", "files ending in .aar, .whl and .so are")
    stated = _stated_version(file) or version
    kept = [_keep(content, name, file.name, stated) for name, content in _members(file)]
    if not kept:
        raise MixnetError(
            f"{file} holds no runtime library for 64-bit phones",
            "LiteRT's and onnxruntime's AARs and aarch64 wheels do",
        )
    return kept


def is_version(text: str) -> bool:
    """Whether a text is a version, like packages and libraries have.

    >>> [is_version(each) for each in ("2.3.0", "1.27.0-rc1", "2.1.0.dev3+cpu", "newest", "2.")]
    [True, True, True, False, False]
    """
    return len(text) <= LONGEST_VERSION and VERSION.fullmatch(text) is not None


def list_runtimes() -> list[Runtime]:
    """All that is kept, newest version first; what cannot be read is left out."""
    found = [_recall(note) for note in sorted((home() / "runtimes").glob("*/runtime.json"))]
    return sorted((each for each in found if each), key=_age, reverse=True)


def find(api: str, platform: str) -> Runtime | None:
    """The newest kept library of this interface for this platform."""
    return next(
        (each for each in list_runtimes() if (each.api, each.platform) == (api, platform)), None
    )


def find_for(suffix: str, platform: str) -> Runtime:
    """The library that runs ``tflite`` or ``onnx`` files there. Raises MixnetError."""
    for api in FORMATS[suffix]:
        if found := find(api, platform):
            return found
    raise MixnetError(
        f"there is no runtime for .{suffix} files on {platform}",
        "mixnet-bench devices setup says which file to get; then: mixnet-bench devices add-runtime",
    )


def _age(runtime: Runtime) -> tuple[tuple[int, ...], str]:
    return tuple(map(int, re.findall(r"[0-9]+", runtime.version or ""))), runtime.sha256


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
        version=version or _soname_version(elf) or _soname_version_of(library),
        platform=elf.platform,
        sha256=digest,
        size_bytes=len(content),
        source=source,
        library=PurePosixPath(library).name,
        page_bytes=elf.page_bytes,
        path=folder / "library.so",
    )
    note = {key: value for key, value in asdict(runtime).items() if key != "path"}
    write_all({runtime.path: content, folder / "runtime.json": json.dumps(note, indent=2) + "\n"})
    return runtime


def _api(elf: Elf, name: str) -> str:
    for api, symbols in APIS.items():
        if all(symbol in elf.exports for symbol in symbols):
            return api
    wanted = "; ".join(f"{api}: {', '.join(symbols)}" for api, symbols in APIS.items())
    raise MixnetError(f"{name} exports no known runtime's functions", f"looked for {wanted}")


def _soname_version(elf: Elf) -> str | None:
    return _soname_version_of(elf.soname or "")


def _soname_version_of(name: str) -> str | None:
    """``1.32.0`` of ``libonnxruntime.so.1.32.0``; a major version alone says too little."""
    found = re.search(r"\.so\.([0-9]+\.[0-9]+(\.[0-9]+)*)\Z", name)
    return found[1] if found and is_version(found[1]) else None


def _recall(note: Path) -> Runtime | None:
    """The library that a note tells of; None where that is gone, or the note damaged."""
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
        )
    except (UsageError, WrongValueError):
        return None
    known = runtime.api in APIS and runtime.platform in PLATFORMS and runtime.sha256
    return runtime if known and is_file(runtime.path) else None


def _read(file: Path) -> bytes:
    if file.stat().st_size > MOST_BYTES:
        raise MixnetError(f"{file} is larger than any runtime ({MOST_BYTES >> 20} MiB)")
    return read_bytes(file, limit=MOST_BYTES)


def _members(file: Path) -> Iterator[tuple[str, bytes]]:
    """Names and contents of an archive's runtime libraries for 64-bit processors."""
    with opened(file) as raw:
        try:
            with zipfile.ZipFile(raw) as archive:
                members = archive.infolist()
                if len(members) > MOST_MEMBERS:
                    raise MixnetError(f"{file} holds {len(members)} files; no runtime does")
                for member in members:
                    if _is_runtime(member.filename):
                        yield PurePosixPath(member.filename).name, _unpacked(archive, member)
        except MixnetError:
            raise
        # zipfile raises a dozen kinds at archives that are damaged, encrypted or packed in odd
        # ways: BadZipFile, zlib.error, LZMAError, UnicodeDecodeError, NotImplementedError, …
        except Exception as error:
            why = clean(str(error), 200) or type(error).__name__
            raise MixnetError(f"{file} is no sound archive: {why}", "get it again") from error


def _is_runtime(member: str) -> bool:
    """By its own name, and in an AAR by its folder: ``jni/arm64-v8a/libLiteRt.so``."""
    path = PurePosixPath(member)
    in_aar = "jni" in path.parts
    known = path.parent.name in ("arm64-v8a", "x86_64") if in_aar else True
    return known and LIBRARIES.fullmatch(path.name) is not None


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """One member, read in bounds whatever its headers promise."""
    content = bytearray()
    with archive.open(member) as stream:
        while block := stream.read(_CHUNK):
            content += block
            if len(content) > MOST_BYTES:
                raise MixnetError(
                    f"{member.filename} unpacks to more than {MOST_BYTES >> 20} MiB",
                    "no runtime is that large; the archive may be meant to do harm",
                )
    return bytes(content)


def _stated_version(file: Path) -> str | None:
    """A wheel's or an AAR's version, from its file name: ``onnxruntime-android-1.27.0.aar``."""
    found = re.search(
        r"-([0-9]+(?:\.[0-9]+)+(?:[-.]?(?:rc|a|b)\.?[0-9]+)?)(?=[-.](?![0-9]))", file.name
    )
    return found[1] if found and is_version(found[1]) else None
