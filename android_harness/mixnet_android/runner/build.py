"""Builds the native runner for phones and Linux boards, and checks the resulting program.

It uses the first toolchain that is ready for the target, reports what is missing if there is none,
and stores the program where the runs find it. It installs and downloads nothing.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from mixnet_android.libraries.elf import PAGE_BYTES, Elf, parse_elf
from mixnet_android.runner import toolchains
from mixnet_android.runner.toolchains import WAYS, Way
from mixnet_common import MixnetError, UsageError, write_whole
from mixnet_common.errors import nearest
from mixnet_common.folders import home
from mixnet_common.hashing import sha256
from mixnet_common.temporary import temporary_folder

NAME = "mixnet-runner"
MOST_BYTES = 100_000
TIMEOUT_S = 900.0

INTERPRETERS = {
    "android-arm64": "/system/bin/linker64",
    "android-x86_64": "/system/bin/linker64",
    "linux-arm64": "/lib/ld-linux-aarch64.so.1",
    "linux-x86_64": "/lib64/ld-linux-x86-64.so.2",
}
LIBRARIES = frozenset(("libc.so", "libdl.so", "libc.so.6", "libdl.so.2", "libm.so", "libm.so.6"))
"""Libraries that the program may link to; it opens all others itself."""


class NoRunner(MixnetError):  # noqa: N818 - named after what is the matter
    """The runner for a target is not built."""


@dataclass(frozen=True)
class Built:
    """A runner that was built and checked."""

    target: str
    path: Path
    way: str
    experimental: bool
    size_bytes: int
    sha256: str


def runner_path(target: str) -> Path:
    """The path of the runner for a target."""
    return home() / "runner" / target / NAME


def find_runner(target: str) -> Path:
    """The runner for a target like ``android-arm64``. Raises NoRunner if it is not built."""
    path = runner_path(target)
    if not path.is_file():
        raise NoRunner(
            f"the runner for {target} has not been built",
            f"mixnet-bench devices build-runner --target {target}",
        )
    return path


def build(target: str, way: str | None = None, output: Path | None = None) -> Built:
    """Build the runner for ``target``, by the named way or the first that is ready.

    Raises UsageError for unknown names and MixnetError where tools are missing, the compiler fails
    or the program is not the expected one; then nothing is stored.
    """
    chosen = _choose(target, way)
    with temporary_folder() as folder:
        program = folder / "out" / NAME
        between = folder / "between"
        program.parent.mkdir()
        between.mkdir()
        for command in chosen.commands(target.partition("-")[2], program, between):
            _run(command, target)
        content = program.read_bytes()
    check(content, target)
    path = output or runner_path(target)
    write_whole(path, content)
    path.chmod(0o755)
    return Built(
        target=target,
        path=path,
        way=chosen.name,
        experimental=chosen.experimental,
        size_bytes=len(content),
        sha256=sha256(content),
    )


def check(content: bytes, target: str) -> Elf:
    """The program's own description. Raises MixnetError unless it fits the target."""
    elf = parse_elf(content, f"the runner for {target}")
    faults = list(_faults(elf, len(content), target))
    if faults:
        raise MixnetError(
            f"the runner for {target} was not built correctly: {'; '.join(faults)}",
            "try another compiler, or report this with the compiler's version",
        )
    return elf


def _faults(elf: Elf, size_bytes: int, target: str) -> list[str]:
    faults = []
    if elf.platform != target:
        faults.append(f"it is for {elf.platform}")
    if elf.interpreter != INTERPRETERS[target]:
        faults.append(f"its loader is {elf.interpreter}")
    if elf.page_bytes == 0 or elf.page_bytes % PAGE_BYTES:
        faults.append(f"it is aligned to {elf.page_bytes} bytes, not to pages of 16 KB")
    if foreign := sorted(set(elf.needed) - LIBRARIES - {"ld-linux-x86-64.so.2"}):
        faults.append(f"it needs {', '.join(foreign)}")
    if size_bytes >= MOST_BYTES:
        faults.append(f"it has {size_bytes} bytes, and should have less than {MOST_BYTES}")
    return faults


def _choose(target: str, way: str | None) -> Way:
    if target not in WAYS:
        raise UsageError(f"no target {target!r}", nearest(target, WAYS))
    known = [each for each in WAYS[target] if way in (None, each.name)]
    if not known:
        names = ", ".join(each.name for each in WAYS[target])
        raise UsageError(f"{target} cannot be built with {way}", f"known: {names}")
    if not toolchains.sources():
        raise MixnetError(
            "the runner's C sources are not installed",
            f"reinstall mixnet-mobile; they belong in {toolchains.RUNNER}",
        )
    missing = []
    for each in known:
        lack = each.missing()
        if lack is None:
            return each
        missing.append(f"{each.describe}, which needs {lack}")
    raise MixnetError(f"the runner for {target} cannot be built here", "; or ".join(missing))


def _run(command: toolchains.Command, target: str) -> None:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TIMEOUT_S,
            check=False,
        )
    except OSError as error:
        raise MixnetError(f"cannot run {command[0]}: {error.strerror or error}") from error
    except subprocess.TimeoutExpired:
        raise MixnetError(f"{command[0]} did not end within {TIMEOUT_S:g} s") from None
    if done.returncode != 0:
        lines = done.stdout.decode(errors="replace").strip().splitlines()
        words = next((line for line in lines if "error" in line), lines[-1] if lines else "")
        raise MixnetError(
            f"building the runner for {target} failed: {words[:300]}",
            "the command was: " + " ".join(command)[:500],
        )
