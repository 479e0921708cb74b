"""Runtime libraries are taken in from archives of any kind, and only sound ones."""

import contextlib
import io
import json
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mixnet_android.libraries import archives
from mixnet_android.libraries.elf import MACHINES, parse_elf
from mixnet_android.libraries.store import APIS, add, find_for, find_runtime, list_runtimes
from mixnet_bench.cli import main
from mixnet_common import MixnetError, UsageError

ARM64 = next(number for number, name in MACHINES.items() if name == "arm64")


def library(
    exports: tuple[str, ...],
    needed: str = "libc.so",
    align: int = 16384,
    machine: int = ARM64,
    strings: tuple[str, ...] = (),
) -> bytes:
    """A small shared library: headers, a dynamic section and symbols, no code."""
    words = (needed, *exports, *strings)
    names = b"\0" + b"".join(each.encode() + b"\0" for each in words)
    places = {each: names.index(each.encode() + b"\0") for each in (needed, *exports)}
    symbols = bytes(24) + b"".join(
        struct.pack("<IBBHQQ", places[each], 0x12, 0, 1, 0, 0) for each in exports
    )
    start = 64 + 2 * 56
    dynamic = struct.pack("<6Q", 1, places[needed], 5, start, 0, 0)
    tables = names + bytes(-len(names) % 8)
    sections_at = start + len(tables) + len(symbols) + len(dynamic)
    total = sections_at + 3 * 64
    dynamic_at = start + len(tables) + len(symbols)
    counts = (64, 56, 2, 64, 3, 0)
    header = b"\x7fELF\x02\x01\x01" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 3, machine, 1, 0, 64, sections_at, 0, *counts)
    segments = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, total, total, align)
    segments += struct.pack("<IIQQQQQQ", 2, 6, dynamic_at, dynamic_at, 0, 48, 48, 8)
    texts = (0, 3, 0, 0, start, len(names), 0, 0, 1, 0)
    exported = (0, 11, 0, 0, start + len(tables), len(symbols), 1, 0, 8, 24)
    sections = b"".join(struct.pack("<IIQQQQIIQQ", *each) for each in (texts, exported))
    return header + segments + tables + symbols + dynamic + bytes(64) + sections


def test_names_that_overlap_do_not_fill_the_memory() -> None:
    """Each of 40000 symbols is the rest of the same 4000 letters: 80 MB out of 1 MB."""
    content = bytearray(library(("x" * 4000, *[""] * 39_999)))
    start = content.index(struct.pack("<IBBH", 9, 0x12, 0, 1))
    for index in range(40_000):
        struct.pack_into("<I", content, start + 24 * index, 9 + index % 4000)

    with pytest.raises(MixnetError, match="names are too long in total"):
        parse_elf(bytes(content))


@pytest.mark.parametrize(
    "packed", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_damaged_archive_is_read_or_refused(
    packed: int, data: st.DataObject, tmp_path: Path
) -> None:
    """Bytes are changed, mostly in the directory at its end; one name in it is not ASCII."""
    path = tmp_path / "litert-1.0.aar"
    with zipfile.ZipFile(path, "w", packed) as made:
        made.writestr("jni/arm64-v8a/libLiteRt.so", LITERT)
        made.writestr("ä.txt", "text")
    content = bytearray(path.read_bytes())
    last = len(content) - 1
    places = st.one_of(st.integers(max(0, last - 250), last), st.integers(0, last))
    for at in data.draw(st.lists(places, min_size=1, max_size=6)):
        content[at] = data.draw(st.integers(0, 255))
    path.write_bytes(content)

    # Read, or named; anything else fails the test.
    with contextlib.suppress(MixnetError):
        add(path)


def test_an_archive_with_a_name_in_no_encoding_is_refused(tmp_path: Path) -> None:
    path = archive(
        tmp_path / "litert-1.0.aar", {"ä.txt": b"", "jni/arm64-v8a/libLiteRt.so": LITERT}
    )
    path.write_bytes(path.read_bytes().replace("ä".encode(), b"\xff\xff"))

    with pytest.raises(MixnetError, match="is not a valid archive"):
        add(path)


LITERT = library(APIS["litert"])
ORT = library(APIS["onnxruntime"])


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIXNET_HOME", str(tmp_path / "home"))


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return path


def test_an_aar_gives_its_64_bit_runtimes_with_its_version(tmp_path: Path) -> None:
    aar = archive(
        tmp_path / "litert-2.3.0.aar",
        {
            "classes.jar": b"",
            "jni/arm64-v8a/libLiteRt.so": LITERT,
            "jni/armeabi-v7a/libLiteRt.so": b"for 32 bits",
            "jni/arm64-v8a/liblitert_jni.so": b"for Java",
        },
    )
    (kept,) = add(aar)
    assert (kept.api, kept.version, kept.platform) == ("litert", "2.3.0", "android-arm64")
    assert kept.pages_of_16_kb
    assert kept.path.read_bytes() == LITERT
    assert list_runtimes() == [kept]
    assert find_for("tflite", "android-arm64") == kept


def test_a_wheel_for_linux_is_told_from_one_for_android(tmp_path: Path) -> None:
    content = library(APIS["onnxruntime"], needed="libc.so.6")
    wheel = archive(
        tmp_path / "onnxruntime-1.32.0-cp311-cp311-manylinux_2_28_aarch64.whl",
        {"onnxruntime/capi/libonnxruntime.so.1.32.0": content},
    )
    assert [(each.platform, each.version) for each in add(wheel)] == [("linux-arm64", "1.32.0")]
    assert find_runtime("onnxruntime", "android-arm64") is None


def test_a_lone_library_takes_the_version_that_is_said(tmp_path: Path) -> None:
    file = tmp_path / "libmine.so"
    file.write_bytes(ORT)
    (kept,) = add(file, "1.20")
    assert (kept.api, kept.version, kept.source) == ("onnxruntime", "1.20", "libmine.so")


@pytest.mark.parametrize(
    "words",
    [
        "newest",
        "",
        "2.3.0\x1b]0;x\x07",
        "2.3.0\u202e",
        "2.3.0 rc1",
        "٢.٣",
        "2..3",
        "1" * 41,
        "/etc",
    ],
)
def test_what_is_no_version_is_refused_as_one(tmp_path: Path, words: str) -> None:
    file = tmp_path / "libmine.so"
    file.write_bytes(ORT)
    result = CliRunner().invoke(
        main, ["devices", "add-runtime", str(file), "--version-is", words], color=True
    )
    assert result.exit_code == 2
    assert "error: --version-is" in result.stderr
    assert "is not a version" in result.stderr
    assert "hint: give one like 2.3.0" in result.stderr
    assert all(each.isprintable() for each in result.stderr.splitlines())
    assert list_runtimes() == []


@pytest.mark.parametrize("words", ["2", "2.3.0", "1.27.0-rc1", "2.1.0.dev20260101+cpu", "1.0a1"])
def test_what_is_a_version_is_kept_as_it_is(tmp_path: Path, words: str) -> None:
    file = tmp_path / "libmine.so"
    file.write_bytes(ORT)
    assert [each.version for each in add(file, words)] == [words]


def test_a_version_in_a_name_that_no_library_has_is_none(tmp_path: Path) -> None:
    file = tmp_path / f"libonnxruntime.so.{'1.' * 60}1"
    file.write_bytes(ORT)
    assert [each.version for each in add(file)] == [None]


def test_the_newest_of_several_is_used(tmp_path: Path) -> None:
    for version, align in (("1.9.0", 4096), ("1.27.0", 16384), ("1.10.1", 65536)):
        file = tmp_path / "libonnxruntime.so"
        file.write_bytes(library(APIS["onnxruntime"], align=align))
        add(file, version)
    found = find_for("onnx", "android-arm64")
    assert found.version == "1.27.0"
    assert [each.pages_of_16_kb for each in list_runtimes()] == [True, True, False]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_newest_of_several_is_used_in_whatever_order_they_came(
    tmp_path: Path, order: tuple[int, int]
) -> None:
    for number in order:
        file = tmp_path / f"libonnxruntime{number}.so"
        told = ("1.28.0", "1.29.0")[number]
        file.write_bytes(library(APIS["onnxruntime"], strings=(told,)))
        add(file)
    assert find_for("onnx", "android-arm64").version == "1.29.0"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_unknown_versions_the_last_that_was_added_is_used(
    tmp_path: Path, order: tuple[int, int]
) -> None:
    for number in order:
        file = tmp_path / f"libonnxruntime{number}.so"
        file.write_bytes(library(APIS["onnxruntime"], align=16384 << number))
        add(file)
    assert find_for("onnx", "android-arm64").source == f"libonnxruntime{order[-1]}.so"


@pytest.mark.parametrize(
    ("strings", "version"),
    [
        (("1.28.0",), "1.28.0"),
        (("1.28.0", "3.21.12"), None),  # one of them is another library's
        (("1.0",), None),
        (("VERS_1.0",), None),
        (("x1.28.0",), None),
    ],
)
def test_a_library_that_holds_one_version_as_a_string_has_it(
    tmp_path: Path, strings: tuple[str, ...], version: str | None
) -> None:
    file = tmp_path / "libmine.so"
    file.write_bytes(library(APIS["onnxruntime"], strings=strings))
    assert [each.version for each in add(file)] == [version]


@pytest.mark.parametrize(("machine", "abi"), [(40, "armeabi-v7a"), (3, "x86")])
def test_a_library_for_32_bits_is_refused_by_its_abi(
    tmp_path: Path, machine: int, abi: str
) -> None:
    file = tmp_path / "libonnxruntime.so"
    file.write_bytes(b"\x7fELF\x01\x01\x01" + bytes(9) + struct.pack("<HH", 3, machine) + ORT[20:])
    with pytest.raises(MixnetError, match=f"{abi}: 32-bit phones are not supported"):
        add(file)


def packed(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as made:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            made.addfile(info, io.BytesIO(content))
    return path


def test_an_npm_package_gives_the_libraries_of_its_aar_and_of_its_folders(tmp_path: Path) -> None:
    other = library(APIS["onnxruntime"], strings=("1.29.0",))
    aar = archive(tmp_path / "onnxruntime.aar", {"jni/arm64-v8a/libonnxruntime.so": other})
    package = packed(
        tmp_path / "some.package-0.4.9.tgz",
        {
            "package/Plugins/Android/onnxruntime.aar": aar.read_bytes(),
            "package/android/src/main/jniLibs/arm64-v8a/libLiteRt.so": LITERT,
            "package/android/src/main/jniLibs/armeabi-v7a/libLiteRt.so": b"for 32 bits",
        },
    )
    assert [(each.api, each.version) for each in add(package)] == [
        ("onnxruntime", "1.29.0"),
        ("litert", None),  # the package's version is not its
    ]


def test_a_package_that_unpacks_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MOST_UNPACKED", 1 << 20)
    package = packed(tmp_path / "a-1.0.tgz", {"package/a": bytes(8 << 20)})
    with pytest.raises(MixnetError, match="unpacks to more"):
        add(package)


def test_names_in_an_archive_lead_nowhere(tmp_path: Path) -> None:
    aar = archive(
        tmp_path / "evil-1.0.aar",
        {"jni/../../../jni/arm64-v8a/libLiteRt.so": LITERT, "/etc/libonnxruntime.so": ORT},
    )
    before = {each for each in tmp_path.rglob("*") if each.is_file()}
    kept = add(aar)
    written = {each for each in tmp_path.rglob("*") if each.is_file()} - before
    assert kept
    assert all((tmp_path / "home" / "runtimes") in each.parents for each in written)
    assert {each.name for each in written} == {"library.so", "runtime.json"}


def test_an_archive_that_unpacks_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MOST_BYTES", 1 << 20)
    aar = archive(tmp_path / "a-1.0.aar", {"jni/arm64-v8a/libLiteRt.so": bytes(8 << 20)})
    with pytest.raises(MixnetError, match="unpacks to more"):
        add(aar)


def test_a_library_of_nothing_we_know_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "libc.so"
    file.write_bytes(library(("malloc",)))
    with pytest.raises(MixnetError, match="no known runtime"):
        add(file)
    assert list_runtimes() == []


def test_a_runtime_for_other_processors_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "libLiteRt.so"
    file.write_bytes(library(APIS["litert"], machine=243))
    with pytest.raises(MixnetError, match="android-243"):
        add(file)


@pytest.mark.parametrize("name", ["a.aar", "a.whl", "a.so", "a.tgz"])
def test_garbage_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(MixnetError):
        add(tmp_path / name)


def test_other_files_are_a_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    for name in ("a.txt", "missing.aar"):
        with pytest.raises(UsageError):
            add(tmp_path / name)


def test_an_archive_without_runtimes_says_what_has_some(tmp_path: Path) -> None:
    with pytest.raises(MixnetError, match="holds no runtime"):
        add(archive(tmp_path / "a.aar", {"classes.jar": b""}))


def test_what_is_missing_says_how_to_get_it() -> None:
    with pytest.raises(MixnetError) as caught:
        find_for("onnx", "android-arm64")
    assert "devices setup" in caught.value.hint


def test_a_damaged_note_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "libLiteRt.so"
    file.write_bytes(LITERT)
    (kept,) = add(file)
    note = kept.path.with_name("runtime.json")
    whole = json.loads(note.read_text())
    damage: list[str] = ["[1, 2", "[" * 100_000, '{"version": 1e999}']
    for changed in (
        {"version": 3}, {"size_bytes": -1}, {"size_bytes": 10**30}, {"page_bytes": 1.5},
        {"api": ["litert"]}, {"api": "other"}, {"platform": "toaster"}, {"sha256": None},
    ):  # fmt: skip
        damage.append(json.dumps({**whole, **changed}))
    for text in damage:
        note.write_text(text)
        assert list_runtimes() == []
    note.write_text(json.dumps({**whole, "version": "9" * 5000}))
    assert len(list_runtimes()) == 1


@given(st.integers(0, len(LITERT)), st.integers(0, len(LITERT) - 8), st.binary(max_size=8))
def test_a_broken_library_is_an_error_and_never_a_crash(cut: int, at: int, value: bytes) -> None:
    for content in (LITERT[:cut], LITERT[:at] + value + LITERT[at + len(value) :]):
        with contextlib.suppress(MixnetError):
            parse_elf(content)


@pytest.mark.parametrize(
    ("needed", "align", "warned"),
    [("libc.so", 4096, True), ("libc.so", 16384, False), ("libc.so.6", 4096, False)],
)
def test_pages_of_16_kb_matter_on_phones_only(
    tmp_path: Path, needed: str, align: int, warned: bool
) -> None:
    file = tmp_path / "libonnxruntime.so"
    file.write_bytes(library(APIS["onnxruntime"], needed, align, strings=("1.29.0",)))
    done = CliRunner().invoke(main, ["devices", "add-runtime", str(file)])
    assert done.exit_code == 0, done.output
    assert ("does not load on phones with 16 KB pages" in done.stderr) is warned
