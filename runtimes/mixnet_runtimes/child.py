"""Queries on a model file that may crash its runtime, answered in a separate process.

A file can pass every check and still crash its runtime, never end, or request all memory. If the
child dies, the caller gets an error message with runtime, signal and stage. One JSON object goes
in, lines of JSON come out; the child's side is ``child_process``.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixnet_common import MixnetError, UsageError
from mixnet_common.printable import printable
from mixnet_common.readers import show
from mixnet_common.supervision import memory_limit
from mixnet_common.system_faults import MEMORY, THREADS, fault_in

COMMAND = (sys.executable, "-P", "-m", "mixnet_runtimes.child_process")
"""``-P`` keeps the current directory, which may contain anything, out of the module search."""

TIMEOUT_S = 60.0
"""For a small file; a second more for each ``BYTES_PER_S`` of it."""

BYTES_PER_S = 10_000_000

LEAST_MEMORY = 1 << 30
"""Minimum memory of a runtime, without its file."""

HINT = (
    "the file or its runtime is faulty: export the file again, or try another version of the"
    " runtime"
)

NOISE = ("INFO:", "WARNING:", "W0000", "I0000")
"""Prefixes of output lines that are unrelated to a runtime's death."""

KILLED = ("SIGKILL", "SIGTERM", "SIGINT", "SIGHUP")
"""Signals that come from outside; the first also from a system whose memory ran out."""

ADDRESS_SPACE = 1 << 40
"""Assumed if a machine does not report its memory."""


@dataclass(frozen=True)
class Limits:
    """The limits of a child; ``memory_bytes`` is its whole address space."""

    timeout_s: float
    memory_bytes: int


class CrashError(MixnetError):
    """A runtime died, hung or took too much: nothing that it reported itself."""


def limits_for(path: Path, timeout_s: float = TIMEOUT_S) -> Limits:
    """The limits of a child for a file."""
    try:
        size = path.stat().st_size
    except OSError:
        size = 0
    return Limits(timeout_s + size / BYTES_PER_S, memory_for(size))


def memory_for(size: int = 0) -> int:
    """Half of the machine's memory, or four times a file's size where that is more and is there."""
    machine = memory_of_machine()
    wanted = max(machine // 2, 4 * size + LEAST_MEMORY)
    return min(wanted, max(machine, LEAST_MEMORY))


def memory_of_machine() -> int:
    """Bytes of memory that this machine, or the container around us, has."""
    found = [ADDRESS_SPACE]
    with suppress(AttributeError, ValueError, OSError):  # Windows has no sysconf
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with suppress(ValueError, OSError):  # "max" where the group has no limit
        found.append(int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    return min(each for each in found if each > 0)


_inside = False


def enter(memory_bytes: int) -> None:
    """Called first in a process that may crash: it bounds its memory and needs no child itself."""
    global _inside  # noqa: PLW0603 - a process is one or the other, for good
    _inside = True
    limit_memory(memory_bytes)


def is_inside() -> bool:
    """Whether this process may crash, so that nothing need be asked in a further one."""
    return _inside


def limit_memory(size: int) -> None:
    """Bound this process's address space, where the system can; never raises a bound."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for kind, most in ((resource.RLIMIT_AS, size), (resource.RLIMIT_CORE, 0)):
        soft, hard = resource.getrlimit(kind)
        known = [each for each in (soft, hard, most) if each != resource.RLIM_INFINITY]
        with suppress(ValueError, OSError):  # macOS knows the limit and does not let it be set
            resource.setrlimit(kind, (min(known), hard))


class Question:
    """A question that a child works on from the moment that this is made."""

    def __init__(
        self,
        question: str,
        path: Path,
        request: Mapping[str, Any],
        limits: Limits | None = None,
        command: Sequence[str] = COMMAND,
    ) -> None:
        """Run ``question``, one of our ``module:function``, with a request of JSON values."""
        self._path = path
        self._limits = limits or limits_for(path)
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        memory_bytes = self._limits.memory_bytes
        asked = {"question": question, "request": request, "memory_bytes": memory_bytes}
        assert self._process.stdin is not None
        with suppress(OSError):  # it is dead already, which its answer will show
            self._process.stdin.write(json.dumps(asked).encode())
        with suppress(OSError):
            self._process.stdin.close()
        self._process.stdin = None
        self.stderr = ""
        """Whatever the child and its runtime printed, once the answer is there."""

    @property
    def pid(self) -> int:
        """The child's number."""
        return self._process.pid

    def answer(self) -> dict[str, Any]:
        """Wait for the answer.

        Raises MixnetError (UsageError if the child says so) for an error that the child
        reports, and CrashError if it dies, or does not answer in time.
        """
        late = ""
        try:
            output, errors = self._process.communicate(timeout=self._limits.timeout_s)
        except subprocess.TimeoutExpired as expired:
            output, errors = expired.output or b"", expired.stderr or b""
            late = f"did not answer within {self._limits.timeout_s:.3g} s"
        finally:
            self.end()
        self.stderr = errors.decode(errors="replace")
        said = list(_objects(output))
        last = said[-1] if said else {}
        if late or not {"error", "answer"} & last.keys():
            raise self._crash(late, said)
        if "error" in last:
            kind = UsageError if last.get("exit_status") == 2 else MixnetError
            raise kind(last["error"], last.get("hint", ""))
        return dict(last["answer"])

    def end(self) -> None:
        """End the child; calling it again does nothing."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def _crash(self, late: str, said: Sequence[Mapping[str, Any]]) -> CrashError:
        stage: Mapping[str, Any] = next((each for each in reversed(said) if "doing" in each), {})
        runtime = stage.get("runtime", "its runtime")
        how = late or describe_end(self._process.returncode, self.stderr)
        words = f": {last_words(self.stderr)}" if last_words(self.stderr) else ""
        what = f"{runtime} {how} while {stage.get('doing', 'opening')} {show(self._path)}{words}"
        return CrashError(what[:1].upper() + what[1:], advice(self.stderr, HINT))


def ask(
    question: str,
    path: Path,
    request: Mapping[str, Any],
    limits: Limits | None = None,
    command: Sequence[str] = COMMAND,
) -> dict[str, Any]:
    """Ask and wait; see ``Question``."""
    return Question(question, path, request, limits, command).answer()


def describe_end(status: int, stderr: str = "") -> str:
    """How a process died: by its signal, or its exit status; what it printed may say why.

    >>> describe_end(-11), describe_end(3), describe_end(-6, "what():  std::bad_alloc")
    ('crashed (SIGSEGV)', 'ended (exit status 3)', 'ran out of memory (SIGABRT)')
    """
    how = f"exit status {status}"
    if status < 0:  # subprocess gives a signal's number as a negative status
        known = {each.value: each.name for each in signal.Signals}
        how = known.get(-status, f"signal {-status}")
    fault = fault_in(stderr)
    if fault in (MEMORY, THREADS):
        return f"{'ran out of memory' if fault is MEMORY else 'could start no thread'} ({how})"
    if status >= 0:
        return f"ended ({how})"
    return f"{'was killed' if how in KILLED else 'crashed'} ({how})"


def last_words(stderr: str) -> str:
    r"""The line with the reason why a process died, made printable; empty if there is none.

    That is one about memory, threads or open files, and else the last one.

    >>> last_words("INFO: a\npthread_create failed for thread 1 of 2\nKeyboardInterrupt\n\n")
    'pthread_create failed for thread 1 of 2'
    """
    lines = [line.strip() for line in stderr.splitlines()]
    said = [line for line in reversed(lines) if line and not line.startswith(NOISE)]
    return printable(next(filter(fault_in, said), said[0] if said else "")[:300])


def advice(stderr: str, otherwise: str) -> str:
    """The remedy for a process that died: that for the system's error in its output, if any.

    A lack of memory is the file's own doing where only the child's bounds limit it.
    """
    fault = fault_in(stderr)
    if fault is None or (fault is MEMORY and memory_limit() is None):
        return otherwise
    return fault.hint


def _objects(output: bytes) -> Iterator[dict[str, Any]]:
    """The JSON objects in the lines of a child; it may die within one."""
    for line in output.splitlines():
        with suppress(ValueError):
            found = json.loads(line)
            if isinstance(found, dict):
                yield found
