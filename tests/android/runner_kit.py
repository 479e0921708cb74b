"""Compiles the runner and its stand-in runtimes once a session, and runs them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mixnet_android.runner.protocol import parse
from mixnet_android.runner.result import Result
from mixnet_android.runner.toolchains import (
    COMPILE,
    RUNNER,
    sources,
)

STUBS = {
    "litert": ("stub_litert.c", "-DSTUB_2_1_6"),
    "litert215": ("stub_litert.c", "-DSTUB_MEMORY=16"),
    "litert32": ("stub_litert.c", "-DSTUB_2_1_6", "-DSTUB_MEMORY=32"),
    "tflite": ("stub_tflite.c",),
    "tflite-runtime-flags": ("stub_tflite.c", "-DSTUB_RUNTIME_FLAGS"),
    "tflite-no-flags": ("stub_tflite.c", "-DSTUB_FLAGS=0"),
    "hanging": ("stub_tflite.c", "-DSTUB_HANGS"),
    "tflite-old": ("stub_tflite.c", '-DSTUB_VERSION="2.12.0"'),
}

SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g")
"""Both report to stderr and end the process with 99 or by a signal, see ``run``."""


@dataclass(frozen=True)
class Done:
    """A run of the runner: exit status, what it wrote, and its result where it is whole."""

    status: int
    stderr: str
    result: Path

    def parsed(self) -> Result:
        return parse(self.result.read_text())


QUICK = ("--min-time", "0", "--min-count", "20", "--burst-ms", "0.001")
"""Arguments for what is over at once."""

Run = Callable[..., Done]
"""``run(library, model_text, *arguments)``."""


@dataclass(frozen=True)
class Kit:
    """The compiled programs and libraries, in one folder."""

    folder: Path
    program: Path

    def library(self, name: str) -> str:
        return str(self.folder / f"lib{name}.so")

    def command(self, *arguments: str | Path) -> list[str]:
        return [str(self.program), *map(str, arguments)]

    def run(self, folder: Path, *arguments: str | Path, timeout_s: float = 120) -> Done:
        result = folder / "result.jsonl"
        done = subprocess.run(
            [*self.command(*arguments), "-o", str(result)],
            cwd=folder,
            capture_output=True,
            timeout=timeout_s,
            check=False,
            env=environment(),
        )
        stderr = done.stderr.decode(errors="replace")
        assert "Sanitizer" not in stderr, stderr
        assert "runtime error" not in stderr, stderr
        return Done(done.returncode, stderr, result)


def environment() -> dict[str, str]:
    """The sanitizers' settings; the vendors' libraries leak at exit, and that is theirs."""
    leaks = Path(__file__).parent / "data" / "leaks.txt"
    return os.environ | {
        "ASAN_OPTIONS": "exitcode=99:detect_leaks=1",
        "LSAN_OPTIONS": f"exitcode=99:suppressions={leaks}:print_suppressions=0",
        "UBSAN_OPTIONS": "print_stacktrace=1",
    }


def compiler() -> str | None:
    """A C compiler for this machine, which must be one that the runner runs on."""
    if not sys.platform.startswith("linux"):
        return None
    return next(filter(shutil.which, ("gcc", "clang", "cc")), None)


def make(folder: Path, *flags: str) -> Kit:
    """Compile everything into ``folder``, the runner with ``flags`` too."""
    program = folder / "mixnet-runner"
    chosen = compiler()
    assert chosen is not None
    objects = {source: str(folder / f"{Path(source).stem}.o") for source in sources()}
    jobs = [[*COMPILE, *flags, "-c", source, "-o", made] for source, made in objects.items()]
    jobs += [
        ["-O2", "-fPIC", "-shared", "-Wall", "-Wextra", "-Werror", *more,
         str(RUNNER / "stubs" / source), "-o", str(folder / f"lib{name}.so")]
        for name, (source, *more) in STUBS.items()
    ]  # fmt: skip
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(partial(_compile, chosen), jobs))
    _compile(chosen, [*flags, *objects.values(), "-o", str(program), "-ldl"])
    return Kit(folder, program)


def _compile(chosen: str, arguments: list[str]) -> None:
    done = subprocess.run([chosen, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
