"""The parent's side of a worker: a process that answers a request in time, or is ended.

Only the first word of a request matters here. A worker that dies, hangs or reports an error becomes
a MixnetError that names its target; no worker outlives ``alive``.
"""

import json
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Protocol

from mixnet_common import MixnetError, UsageError
from mixnet_runtimes.child import advice, describe_end, last_words

COMMAND = (sys.executable, "-P", "-m", "mixnet_bench.timing.worker")
"""``-P`` keeps the current directory, which may contain anything, out of the module search."""

DOING = {"load": "while opening it", "run": "while running it"}
"""Descriptions of a worker's requests."""

GRACE_S = 2.0
"""Time for a worker to end on request."""


class Worker(Protocol):
    """The interface of a worker for timing; tests have one that returns given numbers."""

    def ask(self, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """Send a request and wait for its answer."""
        ...

    def end(self) -> None:
        """End it; calling it again does nothing."""
        ...


class ProcessWorker:
    """A worker process that speaks JSON lines over its stdin and stdout."""

    def __init__(self, target: str, command: Sequence[str] = COMMAND) -> None:
        self.target = target
        self._asked = ""
        # A pipe cannot be read with a time limit on every system; a queue can.
        self._lines: queue.Queue[bytes] = queue.Queue()
        with ExitStack() as stack:
            self._stderr = stack.enter_context(tempfile.TemporaryFile())
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr
            )
            stack.callback(self.end)  # if no thread can be started
            threading.Thread(target=self._read, daemon=True).start()
            stack.pop_all()  # end() closes them

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def ask(self, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """Send a request and wait for its answer.

        Raises MixnetError (UsageError if the worker says so) when it reports an error, dies, or
        does not answer in ``timeout_s`` seconds.
        """
        self._asked = str(request.get("do"))
        self._send(request)
        try:
            line = self._lines.get(timeout=timeout_s)
        except queue.Empty:
            raise MixnetError(
                f"{self.target}: no answer in {timeout_s:.3g} s{self._last_words()}",
                "if the file is slow, raise --timeout; otherwise it hangs its runtime",
            ) from None
        if not line:
            raise self._death()
        return self._understand(line)

    def end(self) -> None:
        """Close its input, which ends it; kill it if it does not listen or we are interrupted."""
        assert self._process.stdin is not None
        with suppress(OSError):  # it may be gone already
            self._process.stdin.close()
        try:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(GRACE_S)
        finally:
            self._process.kill()
            self._process.wait()
            self._stderr.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        try:
            with self._process.stdout as lines:
                for line in lines:
                    self._lines.put(line)
        finally:
            self._lines.put(b"")

    def _send(self, request: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise self._death() from None

    def _understand(self, line: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(line)
        except ValueError:
            raise MixnetError(f"{self.target}: its process answered {line[:80]!r}") from None
        if "error" in answer:
            kind = UsageError if answer.get("exit_status") == 2 else MixnetError
            raise kind(answer["error"], answer.get("hint", ""))
        return dict(answer)

    def _death(self) -> MixnetError:
        try:
            status = self._process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            return MixnetError(f"{self.target}: its process stopped answering{self._last_words()}")
        how = describe_end(status, self._printed())
        doing = DOING.get(self._asked, "while waiting for it")
        hint = "the file may crash its runtime, or memory ran out; measure it alone to find out"
        return MixnetError(
            f"{self.target}: its process {how} {doing}{self._last_words()}",
            advice(self._printed(), hint),
        )

    def _last_words(self) -> str:
        last = last_words(self._printed())
        return f": {last}" if last else ""

    def _printed(self) -> str:
        self._stderr.seek(0)
        return self._stderr.read().decode(errors="replace")


StartWorker = Callable[[str], Worker]
"""Starts a worker for the named target."""


@contextmanager
def alive(targets: Sequence[str], start: StartWorker = ProcessWorker) -> Iterator[list[Worker]]:
    """One worker per target, all ended when the block is left, also by an error."""
    with ExitStack() as stack:
        workers = []
        for target in targets:
            worker = start(target)
            stack.callback(worker.end)
            workers.append(worker)
        yield workers
