"""Schedulers and workers of Dask as processes of their own, to be killed; and slow images."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from PIL import Image

DASK = (sys.executable, "-m", "dask")
QUIET = {"DASK_LOGGING__DISTRIBUTED": "error", "DASK_DISTRIBUTED__ADMIN__TICK__LIMIT": "1h"}
WAIT_S = 60.0


def wait_for(what: Callable[[], object], wait_s: float = WAIT_S) -> None:
    """Return once it is true. Raises AssertionError where it stays false."""
    end = time.monotonic() + wait_s
    while not what():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.02)


class Processes:
    """Processes that are ended with the block; each is in a process group of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.all: list[subprocess.Popen[bytes]] = []

    def start(
        self,
        words: Sequence[object],
        environment: Mapping[str, str] | None = None,
        prefix: Sequence[str] = (),
    ) -> subprocess.Popen[bytes]:
        """Start a program; what it prints goes into a file, of which ``said`` tells."""
        with (self.folder / f"log-{len(self.all)}").open("wb") as log:
            process = subprocess.Popen(
                [*prefix, *map(str, words)],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **QUIET, **(environment or {})},
                cwd=self.folder,
                start_new_session=True,
            )
        self.all.append(process)
        return process

    def said(self, process: subprocess.Popen[bytes]) -> str:
        """What a program has printed so far."""
        return (self.folder / f"log-{self.all.index(process)}").read_text(errors="replace")

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """Kill a program and all that it has started."""
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)


@contextmanager
def processes(folder: Path) -> Iterator[Processes]:
    """Processes for the block."""
    folder.mkdir(exist_ok=True)
    started = Processes(folder)
    try:
        yield started
    finally:
        for process in reversed(started.all):
            started.kill(process)


class Lab:
    """A scheduler on loopback, and workers."""

    def __init__(self, started: Processes, port: int, tls: Mapping[str, str] | None = None) -> None:
        self.started, self.tls = started, tls
        self.address = f"{'tls' if tls else 'tcp'}://127.0.0.1:{port}"
        words = [*DASK, "scheduler", "--host", self.address, "--port", port, "--no-dashboard"]
        self.scheduler = started.start(words, tls)
        wait_for(lambda: reachable(port))

    def worker(
        self, *options: object, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """A worker with one thread and no nanny: killed, it stays away."""
        plain = ("--no-nanny", "--nthreads", 1, "--no-dashboard", "--death-timeout", 60)
        where = ("--local-directory", self.started.folder / f"scratch-{len(self.started.all)}")
        words = [*DASK, "worker", self.address, *plain, *where, *options]
        return self.started.start(words, {**(self.tls or {}), **(environment or {})})


def reachable(port: int) -> bool:
    """Whether something listens on a port of loopback."""
    import socket

    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def free_port() -> int:
    """A port that are not in use."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def slow_images(folder: Path, count: int, pixels: int) -> Path:
    """Images that take their time to be decoded, each another by name alone."""
    folder.mkdir()
    noise = np.random.default_rng(2).integers(0, 256, (pixels, pixels, 3), dtype=np.uint8)
    first = folder / "000.png"
    Image.fromarray(noise).save(first, compress_level=1)
    for index in range(1, count):
        os.link(first, folder / f"{index:03}.png")
    return folder
