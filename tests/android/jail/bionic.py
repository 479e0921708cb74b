"""Android's own linker and C library for the jail, from a folder that the user names.

They are Google's and are never part of this repository; README.md says where they can be had.
"""

import os
import subprocess
import sys
from pathlib import Path

from jail.errors import JailUnavailableError

VARIABLE = "MIXNET_BIONIC"
FILES = (
    *("linker64", "libc.so", "libm.so", "libdl.so", "ld-android.so"),
    *("liblog.so", "libc++.so"),  # onnxruntime needs the one, and that the other
)
TARGETS = {"arm64": "aarch64-linux-musl", "x86_64": "x86_64-linux-musl"}
ABIS = {"arm64": "arm64-v8a", "x86_64": "x86_64"}


def bionic_folder(machine: str) -> Path:
    """The folder with Android's files for ``arm64`` or ``x86_64``. Raises JailUnavailableError."""
    named = os.environ.get(VARIABLE)
    if not named:
        raise JailUnavailableError(f"${VARIABLE} names no folder with Android's linker and libc")
    folder = Path(named) / machine
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise JailUnavailableError(f"${VARIABLE}: {folder} has no {', '.join(missing)}")
    return folder


def empty_library(folder: Path, machine: str, name: str = "libandroid.so") -> Path:
    """A library without a symbol: onnxruntime names libandroid.so and uses nothing of it."""
    source, library = folder / "empty.c", folder / name
    source.write_text("")
    command = [sys.executable, "-m", "ziglang", "cc", "-target", TARGETS[machine], "-shared"]
    command += ["-nostdlib", f"-Wl,-soname,{name}", "-Wl,-z,max-page-size=16384"]
    done = subprocess.run(
        [*command, str(source), "-o", str(library)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise JailUnavailableError(f"zig cannot make {name}: {done.stderr.strip()[-200:]}")
    return library
