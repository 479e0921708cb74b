"""Building the runner: what is missing is said, what comes out is checked, the ways really work."""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path, PureWindowsPath
from typing import Any

import pytest
from click.testing import CliRunner
from runner_kit import RUNNER, STUBS, compiler

from mixnet_android.libraries.elf import parse_elf
from mixnet_android.runner import build as building
from mixnet_android.runner import toolchains
from mixnet_android.runner.build import Built, build, check, find_runner
from mixnet_android.runner.protocol import parse
from mixnet_bench.command_line.devices import devices
from mixnet_common import MixnetError, UsageError

NO_ZIG = "NO ZIG HERE (pip install ziglang): cross-compiling the runner is not tested"

on_x86_linux = pytest.mark.skipif(
    compiler() is None or platform.machine() != "x86_64", reason="NO C COMPILER FOR x86-64 LINUX"
)
with_zig = pytest.mark.skipif(toolchains.ZIG.missing() is not None, reason=NO_ZIG)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MIXNET_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build("linux-x86_64", "cc", tmp_path_factory.mktemp("built") / "mixnet-runner")


@on_x86_linux
def test_this_machines_runner_is_small_and_runs(built: Built) -> None:
    assert built.size_bytes < 100_000
    assert not built.experimental
    done = subprocess.run([built.path, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("mixnet-runner ")


@on_x86_linux
@pytest.mark.parametrize(
    ("target", "words"), [("android-arm64", "it is for linux-x86_64"), ("linux-arm64", "loader")]
)
def test_a_program_for_something_else_is_refused(built: Built, target: str, words: str) -> None:
    with pytest.raises(MixnetError, match=words):
        check(built.path.read_bytes(), target)


@on_x86_linux
def test_a_program_with_segments_of_4_kb_or_foreign_needs_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "a.c"
    source.write_text("#include <math.h>\nint main(int n, char **v) { return v[n] || sin(n); }")
    program = tmp_path / "a"
    subprocess.run(
        ["cc", "-fno-builtin", str(source), "-o", str(program), "-Wl,-z,max-page-size=4096",
         "-Wl,--no-as-needed", "-lm", "-lrt", "-lpthread", "-lutil"],
        check=True,
    )  # fmt: skip
    with pytest.raises(MixnetError, match="aligned to 4096 bytes, not to pages of 16 KB"):
        check(program.read_bytes(), "linux-x86_64")


@on_x86_linux
def test_a_program_that_is_too_large_is_refused(built: Built) -> None:
    with pytest.raises(MixnetError, match="should have less than 100000"):
        check(built.path.read_bytes() + b"\0" * 100_000, "linux-x86_64")


@with_zig
@pytest.mark.slow
def test_zig_builds_for_old_64_bit_arm_boards(tmp_path: Path) -> None:
    made = build("linux-arm64", "zig", tmp_path / "runner")
    assert made.size_bytes < 100_000
    newest = max(
        tuple(int(part) for part in word.split(b"_")[1].split(b"."))
        for word in made.path.read_bytes().split(b"\0")
        if word.startswith(b"GLIBC_2.")
    )
    assert newest <= (2, 17)


@with_zig
@pytest.mark.slow
@pytest.mark.parametrize("target", ["android-arm64", "android-x86_64"])
def test_zig_builds_for_android_without_the_ndk_and_says_experimental(
    tmp_path: Path, target: str
) -> None:
    made = build(target, "zig", tmp_path / "runner")
    elf = parse_elf(made.path.read_bytes())
    assert made.experimental
    assert made.size_bytes < 100_000
    assert elf.interpreter == "/system/bin/linker64"
    assert set(elf.needed) == {"libc.so", "libdl.so"}
    assert elf.page_bytes % 16384 == 0


LIBC = """
#include <stdlib.h>
int *__errno_location(void);
int *__errno(void) { return __errno_location(); }
void __libc_init(void *raw, void (*at_exit)(void), int (*entry)(int, char **, char **),
                 const void *structors) {
    long count = *(long *)raw;
    char **arguments = (char **)raw + 1;
    exit(entry((int)count, arguments, arguments + count + 1));
}
"""


@with_zig
@on_x86_linux
@pytest.mark.slow
def test_the_program_made_without_the_ndk_runs_with_a_stand_in_for_androids_libc(
    tmp_path: Path,
) -> None:
    made = build("android-x86_64", "zig", tmp_path / "runner")
    (tmp_path / "libc.c").write_text(LIBC)
    library = ("cc", "-shared", "-fPIC", "-w")
    for name in ("libc", "libdl"):
        source = str(tmp_path / "libc.c") if name == "libc" else "/dev/null"
        subprocess.run(
            [*library, "-x", "c", source, f"-Wl,-soname,{name}.so", "-o", tmp_path / f"{name}.so"],
            check=True,
        )
    stub = tmp_path / "libstub.so"
    subprocess.run([*library, str(RUNNER / "stubs" / STUBS["litert"][0]), "-DSTUB_2_1_6",
                    "-o", stub], check=True)  # fmt: skip
    (tmp_path / "m.tflite").write_text("")
    done = subprocess.run(
        ["/lib64/ld-linux-x86-64.so.2", "--library-path", str(tmp_path), str(made.path),
         "--library", str(stub), "--model", "m.tflite", "--min-time", "0", "--outputs", "."],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = parse(done.stdout)
    assert result.header.page_bytes == os.sysconf("SC_PAGESIZE")
    assert len(result.models[0].samples_ms) >= 100
    assert result.threads["end"][0].allowed == tuple(sorted(os.sched_getaffinity(0)))
    nothing = subprocess.run(
        ["/lib64/ld-linux-x86-64.so.2", "--library-path", str(tmp_path), str(made.path),
         "--library", str(stub), "--model", "nothing", "--output", "missing/result"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert nothing.returncode == 4


def test_what_is_missing_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANDROID_NDK_HOME", "ANDROID_NDK_ROOT", "ANDROID_NDK", "ANDROID_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(toolchains, "_sdks", lambda: iter(()))
    monkeypatch.setattr(toolchains.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MixnetError, match="cannot be built here") as caught:
        build("android-arm64")
    assert "ANDROID_NDK_HOME" in caught.value.hint
    assert "mixnet-mobile[runner]" in caught.value.hint


def fake_ndk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An NDK's one file that is looked for, and a cmake that notes how it was called."""
    toolchain = folder / "ndk/build/cmake/android.toolchain.cmake"
    toolchain.parent.mkdir(parents=True)
    toolchain.touch()
    tools = folder / "tools"
    tools.mkdir()
    log = folder / "cmake.log"
    for name in ("cmake", "ninja"):
        (tools / name).write_text(f'#!/bin/sh\necho "$@" >> {log}\nexit 3\n')
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setenv("ANDROID_NDK_HOME", str(folder / "ndk"))
    return log


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for cmake is a shell script")
def test_the_ndk_comes_first_where_it_is_and_gets_abi_and_platform(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    log = fake_ndk(tmp_path, monkeypatch)
    with pytest.raises(MixnetError, match="building the runner for android-arm64 failed"):
        build("android-arm64")
    words = log.read_text().split()
    assert f"-DCMAKE_TOOLCHAIN_FILE={tmp_path}/ndk/build/cmake/android.toolchain.cmake" in words
    assert "-DANDROID_ABI=arm64-v8a" in words
    assert "-DANDROID_PLATFORM=android-24" in words
    assert not home.exists()


def test_cmake_is_given_slashes_on_windows_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the backslashes in ``C:\\Users`` for escapes."""
    folder: Any = PureWindowsPath("C:\\Users\\someone")
    monkeypatch.setattr(toolchains, "RUNNER", folder / "runner")
    monkeypatch.setattr(toolchains, "find_ndk", lambda: folder / "ndk")
    commands = toolchains.NDK.commands("arm64", folder / "out" / "runner", folder / "between")
    assert not [word for command in commands for word in command if "\\" in word]


@pytest.mark.skipif(compiler() is None, reason="NO C COMPILER FOR LINUX HERE")
def test_cmake_builds_the_same_sources(tmp_path: Path) -> None:
    if shutil.which("cmake") is None:
        pytest.skip("NO CMAKE HERE: CMakeLists.txt is not tested")
    subprocess.run(["cmake", "-S", RUNNER, "-B", tmp_path], check=True, capture_output=True)
    subprocess.run(["cmake", "--build", tmp_path], check=True, capture_output=True)
    content = (tmp_path / "mixnet-runner").read_bytes()
    assert parse_elf(content).page_bytes % 16384 == 0
    if platform.machine() == "x86_64":
        check(content, "linux-x86_64")


def test_an_ndk_that_is_not_where_it_is_said_to_be_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANDROID_NDK_HOME", str(tmp_path))
    assert "does not exist" in (toolchains.NDK.missing() or "")


def test_the_newest_ndk_of_the_sdk_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ANDROID_NDK_HOME", "ANDROID_NDK_ROOT", "ANDROID_NDK"):
        monkeypatch.delenv(name, raising=False)
    for version in ("9.1.1", "27.0.12077973", "26.3.11579264"):
        (tmp_path / "ndk" / version).mkdir(parents=True)
    monkeypatch.setenv("ANDROID_HOME", str(tmp_path))
    assert toolchains.find_ndk() == tmp_path / "ndk" / "27.0.12077973"


def test_unknown_targets_and_ways_are_answered_with_the_known() -> None:
    with pytest.raises(UsageError) as caught:
        build("android-arm")
    assert "android-arm64" in caught.value.hint
    with pytest.raises(UsageError) as caught:
        build("linux-arm64", "ndk")
    assert "zig" in caught.value.hint


def test_without_the_sources_it_says_where_they_are_to_be_had(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(toolchains, "RUNNER", tmp_path)
    with pytest.raises(MixnetError, match="sources are not installed"):
        build("linux-x86_64")


def test_a_runner_that_was_never_built_is_asked_for_by_command() -> None:
    with pytest.raises(MixnetError) as caught:
        find_runner("android-arm64")
    assert caught.value.hint == "mixnet-bench devices build-runner --target android-arm64"


@on_x86_linux
def test_the_command_builds_keeps_and_tells_in_json(home: Path) -> None:
    done = CliRunner().invoke(
        devices, ["build-runner", "--target", "linux-x86_64", "--with", "cc", "--json"]
    )
    assert done.exit_code == 0, done.output
    entry = json.loads(done.stdout)["targets"][0]
    assert Path(entry["path"]) == find_runner("linux-x86_64") == building.runner_path(entry["name"])
    assert os.access(entry["path"], os.X_OK)
    page = (Path(__file__).parents[2] / "docs" / "json.md").read_text(encoding="utf-8")
    section = page.split("devices build-runner`")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)) == set(entry)


def test_one_output_for_two_targets_is_refused() -> None:
    done = CliRunner().invoke(
        devices,
        ["build-runner", "--target", "linux-arm64", "--target", "linux-x86_64", "-o", "one"],
    )
    assert done.exit_code == 2


@pytest.mark.skipif(compiler() is None, reason="NO C COMPILER FOR LINUX HERE")
def test_a_compiler_that_fails_is_quoted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: Path
) -> None:
    if platform.machine() != "x86_64":
        pytest.skip("the way with this machine's compiler is for x86-64")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "main.c").write_text("int main(void) { return nonsense; }")
    monkeypatch.setattr(toolchains, "RUNNER", tmp_path)
    with pytest.raises(MixnetError, match="nonsense"):
        build("linux-x86_64", "cc")
    assert not home.exists()


def test_what_zig_builds_for_arm64_androids_leaves_the_shadow_call_stack_alone(
    tmp_path: Path,
) -> None:
    """Its register is x18 there; no instruction of the runner names it."""
    commands = toolchains.ZIG_ANDROID.commands("arm64", tmp_path / "runner", tmp_path)
    compiled = [each for each in commands if "-c" in each]
    assert compiled
    assert all("-ffixed-x18" in each for each in compiled)
