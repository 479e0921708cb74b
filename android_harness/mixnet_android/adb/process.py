"""Runs one program with a limit of time and of output; leaves no process behind."""

import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

MAX_BYTES = 64 * 2**20
"""Limit of each output: endless output of a phone must not fill this machine's memory."""


@dataclass(frozen=True)
class Output:
    """The result of a program: exit status, both outputs, and whether a limit ended it."""

    status: int
    stdout: str
    stderr: str
    timed_out: bool
    too_much: bool


class _Reader(threading.Thread):
    """Collects a stream up to the limit; then ends the program."""

    def __init__(self, stream: IO[bytes], process: subprocess.Popen[bytes], limit: int) -> None:
        super().__init__(daemon=True)
        self.stream, self.process, self.limit = stream, process, limit
        self.content = bytearray()
        self.full = False

    def run(self) -> None:
        while block := self.stream.read1(65536):  # type: ignore[attr-defined]
            self.content += block
            if len(self.content) > self.limit:
                self.full = True
                self.process.kill()
                return

    def text(self) -> str:
        """The output read, even if a daemon keeps the stream open after the program's end.

        The stream is closed then, unless it is still being read.
        """
        self.join(timeout=2)
        if not self.is_alive():
            self.stream.close()
        return bytes(self.content[: self.limit]).decode("utf-8", errors="replace")


def run_program(command: Sequence[str], timeout_s: float, limit: int = MAX_BYTES) -> Output:
    """Run to the end, or until ``timeout_s`` have passed. Its stdin is empty.

    Raises OSError if the program can't be started.
    """
    process = subprocess.Popen(
        list(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    readers = [_Reader(each, process, limit) for each in (process.stdout, process.stderr)]
    timed_out = False
    try:
        for reader in readers:
            reader.start()
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        timed_out = True
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    texts = [reader.text() for reader in readers]
    too_much = any(reader.full for reader in readers)
    return Output(process.returncode, texts[0], texts[1], timed_out, too_much)
