"""Environments with one version of a runtime each, made with venv and pip in a folder.

One at a time: TensorFlow takes more than a gigabyte. An existing environment is reused; an
incomplete one is made again.
"""

import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from mixnet_common import MixnetError
from mixnet_common.files import write_whole
from mixnet_common.readers import is_file, show
from mixnet_runtimes.targets import Target, target_of

INSTALLING_S = 1800.0

NEEDED_BYTES = 3 * 10**9
"""Disk space of an environment while it is made: TensorFlow, and its archive."""

FINISHED = "finished"
"""A file in an environment of which nothing is missing."""


@dataclass(frozen=True)
class Release:
    """A version of a runtime, as the package index has it."""

    package: str
    version: str
    old_numpy: bool = False
    """It was built for numpy 1 and does not run with 2."""

    @property
    def name(self) -> str:
        """Name of its environment's folder."""
        return f"{self.package}-{self.version}"

    @property
    def target(self) -> Target:
        """The target that it belongs to."""
        found = target_of(self.package, self.version)
        if found is None:
            raise AssertionError(f"{self.name} belongs to no target")
        return found

    @property
    def requirements(self) -> list[str]:
        """For pip."""
        return [f"{self.package}=={self.version}", *(["numpy<2"] if self.old_numpy else [])]


RELEASES = (
    Release("ai-edge-litert", "1.0.1", old_numpy=True),
    Release("ai-edge-litert", "1.1.2"),
    Release("ai-edge-litert", "1.2.0"),
    Release("ai-edge-litert", "1.4.0"),
    Release("ai-edge-litert", "2.0.3"),
    Release("ai-edge-litert", "2.1.6"),
    Release("ai-edge-litert", "2.3.0"),
    Release("tflite-runtime", "2.14.0", old_numpy=True),
    Release("tensorflow-cpu", "2.15.1"),
    Release("tensorflow-cpu", "2.16.2"),
    Release("tensorflow-cpu", "2.17.1"),
    Release("tensorflow-cpu", "2.18.1"),
    Release("tensorflow-cpu", "2.19.1"),
    Release("tensorflow-cpu", "2.20.0"),
    Release("onnxruntime", "1.17.3", old_numpy=True),
    Release("onnxruntime", "1.22.1"),
    Release("onnxruntime", "1.27.0"),
    Release("onnxruntime", "1.32.0"),
)
"""One of each target, the last that there was when it was measured."""


def make(release: Release, folder: Path) -> Path:
    """The Python of a release's environment, which is made where it is missing.

    Raises MixnetError if there is no room, or where venv or pip fails.
    """
    place = folder / release.name
    python = place / "bin" / "python"
    if is_file(place / FINISHED):
        return python
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < NEEDED_BYTES:
        raise MixnetError(
            f"{show(folder)} has {free / 1e9:.1f} GB free, and an environment may need "
            f"{NEEDED_BYTES / 1e9:.0f} GB",
            "free some space, or use another folder",
        )
    venv.EnvBuilder(clear=True, with_pip=True, symlinks=True).create(place)
    _install(release, python)
    write_whole(place / FINISHED, f"{' '.join(release.requirements)}\n")
    return python


def remove(release: Release, folder: Path) -> None:
    """Delete a release's environment, if it is there."""
    shutil.rmtree(folder / release.name, ignore_errors=True)


def _install(release: Release, python: Path) -> None:
    done = subprocess.run(
        [str(python), "-m", "pip", "install", "--quiet", "--no-input", "--no-cache-dir",
         "--disable-pip-version-check", *release.requirements],
        capture_output=True,
        text=True,
        check=False,
        timeout=INSTALLING_S,
    )  # fmt: skip
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        version = ".".join(map(str, sys.version_info[:2]))
        raise MixnetError(
            f"{release.name} cannot be installed: {last[0]}",
            f"this is Python {version}; does the package index have it for that?",
        )
