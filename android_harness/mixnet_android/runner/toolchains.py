"""The toolchains for the native runner: the tools that each needs, and its commands.

``build`` decides which one is used for which target.
"""

import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mixnet_android.libraries.elf import PAGE_BYTES
from mixnet_common.errors import install_hint

RUNNER = Path(__file__).resolve().parents[1] / "native"
"""The sources, which an installed package has too."""

WARNINGS = (
    "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Wno-sign-conversion",
    "-Wstrict-prototypes", "-Werror",
)  # fmt: skip
COMPILE = ("-std=c11", "-D_GNU_SOURCE", "-O2", "-fPIE", *WARNINGS)
LINK = ("-pie", "-s", f"-Wl,-z,max-page-size={PAGE_BYTES}", "-ldl")

OLDEST_ANDROID = 24

Command = tuple[str, ...]


@dataclass(frozen=True)
class Way:
    """A way to build: ``missing`` names what it lacks here, or is None if it is ready.

    ``commands`` gives the commands for a target's processor, the program to make, and a folder for
    what lies between.
    """

    name: str
    describe: str
    missing: Callable[[], str | None]
    commands: Callable[[str, Path, Path], list[Command]]
    experimental: bool = False


def sources() -> list[str]:
    """The runner's C files."""
    return [str(path) for path in sorted((RUNNER / "src").glob("*.c"))]


def sources_and_settings() -> list[Path]:
    """All that the runner is built from."""
    return [RUNNER / name for name in ("CMakeLists.txt", "android", "src")]


def find_ndk() -> Path | None:
    """The NDK: from the environment variables, else the newest in the SDK."""
    for name in ("ANDROID_NDK_HOME", "ANDROID_NDK_ROOT", "ANDROID_NDK"):
        if named := os.environ.get(name):
            return Path(named)
    for folder in _sdks():
        versions = sorted((folder / "ndk").glob("[0-9]*"), key=_version)
        if versions:
            return versions[-1]
    return None


def _sdks() -> Iterator[Path]:
    for name in ("ANDROID_HOME", "ANDROID_SDK_ROOT"):
        if named := os.environ.get(name):
            yield Path(named)
    yield Path.home() / "Android" / "Sdk"
    yield Path.home() / "Library" / "Android" / "sdk"
    yield Path.home() / "AppData" / "Local" / "Android" / "Sdk"


def _version(folder: Path) -> list[int]:
    return [int(part) for part in folder.name.split(".") if part.isdecimal()]


def _toolchain_file(ndk: Path) -> Path:
    return ndk / "build" / "cmake" / "android.toolchain.cmake"


def _ndk_missing() -> str | None:
    ndk = find_ndk()
    if ndk is None:
        return "the Android NDK: install it with Android Studio or sdkmanager, set ANDROID_NDK_HOME"
    if not _toolchain_file(ndk).is_file():
        return f"the Android NDK: {_toolchain_file(ndk)} does not exist; check ANDROID_NDK_HOME"
    for tool in ("cmake", "ninja"):
        if shutil.which(tool) is None:
            return f"{tool} ({install_hint(tool)})"
    return None


def _ndk_commands(machine: str, program: Path, between: Path) -> list[Command]:
    abi = {"arm64": "arm64-v8a", "x86_64": "x86_64"}[machine]
    ndk = find_ndk()
    assert ndk is not None
    # With slashes on Windows too: CMake takes backslashes in these values for escapes.
    return [
        (
            "cmake", "-G", "Ninja", "-S", RUNNER.as_posix(), "-B", between.as_posix(),
            f"-DCMAKE_TOOLCHAIN_FILE={_toolchain_file(ndk).as_posix()}", f"-DANDROID_ABI={abi}",
            f"-DANDROID_PLATFORM=android-{OLDEST_ANDROID}",
            f"-DCMAKE_RUNTIME_OUTPUT_DIRECTORY={program.parent.as_posix()}",
        ),
        ("cmake", "--build", between.as_posix()),
    ]  # fmt: skip


def _zig_missing() -> str | None:
    if importlib.util.find_spec("ziglang") is not None or shutil.which("zig"):
        return None
    return f"zig ({install_hint('mixnet-mobile[runner]')})"


def _zig(*arguments: str) -> Command:
    if importlib.util.find_spec("ziglang") is not None:
        return (sys.executable, "-m", "ziglang", *arguments)
    return ("zig", *arguments)


def _processor(machine: str) -> str:
    return "aarch64" if machine == "arm64" else machine


def _zig_commands(machine: str, program: Path, between: Path) -> list[Command]:
    target = f"{_processor(machine)}-linux-gnu.2.17"
    return [_zig("cc", "-target", target, *COMPILE, *sources(), "-o", str(program), *LINK)]


def _zig_android_commands(machine: str, program: Path, between: Path) -> list[Command]:
    """Compile with musl's headers, link with stubs of Android's libraries and our own entry."""
    target = ("-target", f"{_processor(machine)}-linux-musl")
    # What the compiler would call beyond the sources' own calls is not in Android's libc.so.
    plain: Command = (*target, "-fno-stack-protector", "-fno-sanitize=all", "-fno-builtin-bcmp")
    if machine == "arm64":
        # Helpers of atomics are in no library of Android's; x18 is the shadow call stack's there.
        plain += ("-mno-outline-atomics", "-ffixed-x18")
    objects = [between / f"{Path(source).stem}.o" for source in (*sources(), "start.c")]
    compiled = [
        _zig("cc", "-c", *plain, *COMPILE, source, "-o", str(made))
        for source, made in zip((*sources(), _android("start.c")), objects, strict=True)
    ]
    stubs = [between / "libc.so", between / "libdl.so"]
    shared = (*plain, "-fno-builtin", "-w", "-shared", "-nostdlib")
    stubbed = [
        _zig("cc", *shared, f"-Wl,-soname,{stub.name}", _android(f"{stub.stem}.c"), "-o", str(stub))
        for stub in stubs
    ]
    link = (
        "ld.lld", "-pie", "-s", "--dynamic-linker=/system/bin/linker64", "--hash-style=both",
        "-z", f"max-page-size={PAGE_BYTES}", "-z", "now", "--no-undefined", "-o", str(program),
    )  # fmt: skip
    return [*compiled, *stubbed, _zig(*link, *map(str, objects), *map(str, stubs))]


def _android(name: str) -> str:
    return str(RUNNER / "android" / name)


def _cc_missing() -> str | None:
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return "a Linux machine with an x86-64 processor"
    return None if _compiler() else "a C compiler (gcc or clang)"


def _compiler() -> str | None:
    return os.environ.get("CC") or next(filter(shutil.which, ("cc", "gcc", "clang")), None)


def _cc_commands(machine: str, program: Path, between: Path) -> list[Command]:
    compiler = (_compiler() or "cc").split()
    # GNU's linker would fill the file up to a page of 16 KB around the code.
    return [(*compiler, *COMPILE, *sources(), "-o", str(program), *LINK, "-Wl,-z,noseparate-code")]


NDK = Way("ndk", "the Android NDK through CMake", _ndk_missing, _ndk_commands)
ZIG = Way("zig", "zig, for glibc 2.17 and later", _zig_missing, _zig_commands)
ZIG_ANDROID = Way(
    "zig",
    "zig without the NDK; tested with Android's linker, not on a phone",
    _zig_missing,
    _zig_android_commands,
    True,
)
CC = Way("cc", "this machine's C compiler", _cc_missing, _cc_commands)

WAYS: dict[str, Sequence[Way]] = {
    "android-arm64": (NDK, ZIG_ANDROID),
    "android-x86_64": (NDK, ZIG_ANDROID),
    "linux-arm64": (ZIG,),
    "linux-x86_64": (CC, ZIG),
}
"""For each target, the ways to it; the first that is ready is taken."""
