"""Progress in a pipe or a log file: a line every ten seconds, in place of a bar. Prints nothing."""

import threading
import time
from collections.abc import Callable
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
    """What a bar of rich's is asked for, for streams that are not a terminal.

    ``say`` gets a line when something has advanced and the last line is ten seconds old; work that
    takes less says nothing. Threads may report to it.
    """

    say: Callable[[str], object]
    clock: Callable[[], float] = time.monotonic
    _tasks: list[_Task] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _last: float = 0.0

    def __enter__(self) -> "PlainProgress":
        self._last = self.clock()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave; there is nothing to clear."""

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
        self.say(", ".join(words))
