"""Times small models on this machine, one after another in rounds, in this process."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mixnet_bench.machine.description import cpu_model
from mixnet_common.temporary import temporary_folder
from mixnet_runtimes import Selection, Session, open_session
from mixnet_runtimes.inputs import seeded_input
from mixnet_runtimes.targets import Target, target_of
from mixnet_runtimes.turns import Pace, time_in_turns

ROUNDS = 40
LONGEST_S = 0.6
"""Time budget of a candidate; big blocks get fewer rounds, but never fewer than LEAST."""
LEAST = 12

PACE = Pace(launches=5)
"""Number of deciding measurements; a process takes a second to start."""


class HostTimer:
    """Times the contents of model files of one format, with a number of threads."""

    def __init__(self, suffix: str, threads: int, *, fp16: bool = False, pace: Pace = PACE) -> None:
        self.suffix = suffix
        self.threads = threads
        self.fp16 = fp16
        self.pace = pace
        """Pace of ``launches``."""

    def __call__(self, contents: Sequence[bytes]) -> list[list[float]]:
        """Seconds of each inference, for each file; A B C, A B C, and so on.

        Raises MixnetError if a runtime refuses a file.
        """
        with temporary_folder() as folder:
            sessions = [self._open(folder, index, each) for index, each in enumerate(contents)]
            slowest = max(_time_once(session) for session in sessions)
            rounds = int(min(ROUNDS, max(LEAST, LONGEST_S / max(slowest, 1e-9))))
            samples = [[_time_once(session) for session in sessions] for _ in range(rounds)]
            del sessions  # some systems don't remove files that are open
        return [list(column) for column in zip(*samples, strict=True)]

    def launches(self, contents: Sequence[bytes], first_seed: int = 0) -> list[list[list[float]]]:
        """The same in several processes, each of which has all files open."""
        with temporary_folder() as folder:
            paths = [self._write(folder, index, each) for index, each in enumerate(contents)]
            return time_in_turns(
                paths, self.threads, self.pace, fp16=self.fp16, first_seed=first_seed
            )

    def launch(self, contents: Sequence[bytes], seed: int) -> list[list[float]]:
        """The first of such launches, in an order drawn from ``seed``."""
        return self.launches(contents, seed)[0]

    def conditions(self, content: bytes) -> str:
        """The conditions of the times: the runtime for such files, the CPU, the threads."""
        runtime = " ".join(self._runtime(content))
        threads = f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        half = ", in float16" if self.fp16 else ""
        return f"{runtime} on {cpu_model() or 'an unknown CPU'}, {threads}{half}"

    def target(self, content: bytes) -> Target | None:
        """The runtime for such a file; None if its version is unknown."""
        return target_of(*self._runtime(content))

    def _runtime(self, content: bytes) -> tuple[str, str]:
        with temporary_folder() as folder:
            session = self._open(folder, 0, content)
            runtime = session.runtime, session.version
            del session  # some systems don't remove files that are open
        return runtime

    def _open(self, folder: Path, index: int, content: bytes) -> Session:
        path = self._write(folder, index, content)
        session = open_session(path, threads=self.threads, selection=Selection(fp16=self.fp16))
        rng = np.random.default_rng(0)
        session.set_inputs(
            {entry.name: seeded_input(entry.shape, entry.dtype, rng) for entry in session.inputs}
        )
        session.invoke()
        return session

    def _write(self, folder: Path, index: int, content: bytes) -> Path:
        path = folder / f"{index}{self.suffix}"
        path.write_bytes(content)
        return path


def _time_once(session: Session) -> float:
    start = time.perf_counter()
    session.invoke()
    return time.perf_counter() - start
