"""The runtimes' aarch64 libraries, out of the wheels that pip fetches for Linux boards.

Fetched once and kept in the jail's cache.
"""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from jail.errors import JailUnavailableError
from jail.packages import CACHE

PLATFORMS = ("manylinux_2_34", "manylinux_2_28", "manylinux_2_27", "manylinux2014")


def litert_library() -> Path:
    """``libLiteRt.so`` for aarch64. Raises JailUnavailableError."""
    return _library(litert_wheel(), "ai_edge_litert/libLiteRt.so")


def onnxruntime_library() -> Path:
    """``libonnxruntime.so`` for aarch64. Raises JailUnavailableError."""
    return _library(onnxruntime_wheel(), "onnxruntime/capi/libonnxruntime.so.")


def litert_wheel() -> Path:
    """The wheel that ``libLiteRt.so`` comes in."""
    return _wheel("ai-edge-litert", "2.3.0")


def onnxruntime_wheel() -> Path:
    """The wheel that ``libonnxruntime.so`` comes in."""
    return _wheel("onnxruntime", "1.32.0")


def _wheel(package: str, version: str) -> Path:
    folder = CACHE / "wheels"
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{package.replace('-', '_')}-{version}-*aarch64.whl"
    if not any(folder.glob(name)):
        _download(f"{package}=={version}", folder)
    return next(folder.glob(name))


def _download(requirement: str, folder: Path) -> None:
    platforms = [f"--platform={name}_aarch64" for name in PLATFORMS]
    with tempfile.TemporaryDirectory(dir=folder) as fresh:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
        command += [*platforms, "--python-version=3.11", "--dest", fresh, requirement]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise JailUnavailableError(f"pip cannot download {requirement} for aarch64: {last}")
        for wheel in Path(fresh).glob("*.whl"):
            wheel.rename(folder / wheel.name)


def _library(wheel: Path, prefix: str) -> Path:
    """The wheel's member that begins with ``prefix``, unpacked beside the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        member = next(name for name in archive.namelist() if name.startswith(prefix))
        target = CACHE / "libraries" / wheel.stem / Path(member).name
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = target.with_suffix(".part")
            temporary.write_bytes(archive.read(member))
            temporary.rename(target)
    return target
