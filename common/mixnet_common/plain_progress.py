"""Progress in a pipe or a log file: a line every ten seconds instead of a bar. Prints nothing.

The line is printed even without progress, so that a log shows that the work continues.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType

EVERY_S = 10.0


@dataclass
class _Task:
    description: str
    total: int
    done: float = 0


@dataclass
class PlainProgress:
    """The interface of a rich bar, for streams that are not a terminal.

    ``say`` gets a line when the last one is ten seconds old, from a separate thread if nothing
    advances; shorter work prints nothing. Threads may report to it. ``wait`` waits the given
    seconds, and returns early, with True, when the work has ended.
    """

    say: Callable[[str], object]
    clock: Callable[[], float] = time.monotonic
    wait: Callable[[float], bool] | None = None
    _tasks: list[_Task] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _last: float = 0.0
    _ended: threading.Event = field(default_factory=threading.Event)
    _watch: threading.Thread | None = None

    def __enter__(self) -> "PlainProgress":
        self._last = self.clock()
        watch = threading.Thread(target=self._keep_telling, name="progress", daemon=True)
        with suppress(RuntimeError):  # no thread is to be had: lines come when something advances
            watch.start()
            self._watch = watch
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave; there is nothing to clear, and nothing is said from now on."""
        self._ended.set()
        if self._watch is not None and self._watch is not threading.current_thread():
            self._watch.join()

    def add_task(self, description: str, total: int) -> int:
        """Start a piece of work with this number of steps; return its number."""
        with self._lock:
            self._tasks.append(_Task(description, total))
            return len(self._tasks) - 1

    def advance(self, task: int, steps: float = 1) -> None:
        """Some steps more are done."""
        with self._lock:
            self._tasks[task].done += steps
        self._tell()

    def update(
        self, task: int, completed: float | None = None, description: str | None = None
    ) -> None:
        """So many steps are done."""
        with self._lock:
            found = self._tasks[task]
            found.done = found.done if completed is None else completed
            found.description = found.description if description is None else description
        self._tell()

    def _keep_telling(self) -> None:
        """Say a line in time where nothing advances, until the work has ended."""
        wait = self.wait or self._ended.wait
        with suppress(OSError, ValueError):  # stderr is gone; the work itself will meet it
            while not wait(max(0.0, self._last + EVERY_S - self.clock())):
                self._tell()

    def _tell(self) -> None:
        with self._lock:
            now = self.clock()
            if now - self._last < EVERY_S:
                return
            self._last = now
            words = [
                f"{each.description.strip()} {100 * each.done / each.total:.0f} %"
                for each in self._tasks
                if each.total
            ]
        if words:
            self.say(", ".join(words))
