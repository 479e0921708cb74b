"""A program on the phone that doesn't need the cable: started, watched, ended.

It runs in its own session, so that a lost cable or an ended host doesn't stop it, and a watchdog on
the phone ends it at its time limit. Its output stays in its folder until it is removed.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mixnet_android.adb.client import Phone
from mixnet_android.adb.errors import (
    AdbError,
    Lost,
    NoSpace,
    NotFound,
    Offline,
    TimedOut,
    explain,
)
from mixnet_android.adb.quoting import quote
from mixnet_android.parsers import clean
from mixnet_android.phone.clock import (
    Clock,
    SystemClock,
)
from mixnet_android.phone.store import BEAT, RUNS
from mixnet_android.runs.scripts import (
    JOB,
    KILL,
    MEMBERS,
    START,
    STATUS,
)
from mixnet_android.runs.status import (
    Phase,
    Rebooted,
    RunKilled,
    Status,
    parse_status,
    raise_for_status,
)

NO_PROGRAM = 9
"""Exit status of the script that starts a run, where the phone lacks a program; it prints which."""

BOOT_ID = "/proc/sys/kernel/random/boot_id"
POLL_S = 1.0
LOST_FOR_S = 300.0
"""Waiting time for a disconnected phone: enough to reconnect the cable."""

FRESH_S = 3600.0
"""Age up to which a measurement that ended unobserved is used."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}\Z")
GONE = (Lost, Offline, NotFound, TimedOut)
"""Errors after which the phone may come back, with its run still going on."""


@dataclass(frozen=True)
class Run:
    """A run on a phone, by its name. The folder is the program's working directory."""

    phone: Phone
    name: str

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise ValueError(f"{self.name!r} cannot name a run")

    @property
    def folder(self) -> str:
        """Its folder on the phone."""
        return f"{RUNS}/{self.name}"

    def start(self, command: Sequence[object], limit_s: int) -> None:
        """Start ``command`` in the run's folder; the phone itself ends it after ``limit_s``.

        Raises NoSpace if the phone's storage is full, AdbError if a run of this name exists
        already or the phone can't.
        """
        job = JOB.format(command=quote(*command), limit=int(limit_s))
        script = START.format(folder=self.folder, runs=RUNS, boot_id=BOOT_ID, job=quote(job))
        answer = self.phone.shell(script)
        if answer.status != 0:
            said = clean(answer.text.replace("\n", " "), 200)
            if answer.status == NO_PROGRAM:
                raise AdbError(
                    f"phone {self.phone.serial} has no {said}, needed to run without the cable",
                    "use another phone; Android has it since version 6",
                )
            if "no space left" in said.lower():
                raise explain(said, self.phone.serial)
            raise AdbError(
                f"phone {self.phone.serial}: cannot start {self.name}{': ' if said else ''}{said}",
                "mixnet-bench devices clean stops what is left of earlier runs",
            )

    def poll(self) -> Status:
        """Ask the phone where the run stands. Raises AdbError if it doesn't answer."""
        d = quote(self.folder)
        texts = self.phone.sections(
            {
                "there": f"[ -d {d} ] && echo yes",
                "boot": f"cat {d}/boot; cat {BOOT_ID}",
                "members": f"d={d}\n{MEMBERS}\nmembers",
                "status": STATUS.format(folder=d),
                "overdue": f"[ -f {d}/overdue ] && echo yes",
                "progress": f"tail -n 1 {d}/progress | head -c 2000",
                "complaint": f"tail -c 2000 {d}/stderr",
                "beat": BEAT,
            }
        )
        return parse_status(texts)

    def kill(self) -> None:
        """End it, politely and then not; returns when nothing of it runs. Raises AdbError."""
        answer = self.phone.shell(KILL.format(folder=self.folder, members=MEMBERS))
        if answer.status != 0:
            raise AdbError(
                f"phone {self.phone.serial}: {self.name} cannot be stopped", "restart it"
            )

    def remove(self) -> None:
        """Remove its folder, with all that it wrote."""
        self.phone.ask("rm", "-rf", self.folder)

    def wait(
        self,
        *,
        clock: Clock | None = None,
        lost_for_s: float = LOST_FOR_S,
        on_progress: Callable[[str], None] = lambda line: None,
        on_lost: Callable[[], None] = lambda: None,
    ) -> Status:
        """Poll until it has ended. Waits for a disconnected phone and polls it again.

        Raises RunKilled or Rebooted if it ended without an exit status, NoSpace where the disk
        was full at its end, TimedOut where its limit ended it, and Lost where the phone stays away:
        the run goes on there, and ``wait`` of the same name picks it up.
        """
        clock = clock or SystemClock()
        while True:
            status = self.poll_patiently(clock, lost_for_s, on_lost)
            if status.progress:
                on_progress(status.progress)
            if status.phase is not Phase.RUNNING:
                return raise_for_status(f"phone {self.phone.serial}", status)
            clock.sleep(POLL_S)

    def poll_patiently(
        self, clock: Clock, lost_for_s: float, on_lost: Callable[[], None]
    ) -> Status:
        """Poll; a phone that is gone is waited for. Raises Lost after ``lost_for_s``."""
        lost_at = None
        while True:
            try:
                return self.poll()
            except GONE as error:
                if lost_at is None:
                    lost_at = clock.now()
                    on_lost()
                left = lost_at + lost_for_s - clock.now()
                if left <= 0:
                    raise Lost(
                        f"phone {self.phone.serial} was disconnected and did not reconnect",
                        "the measurement continues on the phone: connect it and run the same"
                        " command within an hour",
                    ) from error
                self._reconnect(min(left, 10.0))
                clock.sleep(min(left, POLL_S))

    def _reconnect(self, timeout_s: float) -> None:
        """One try."""
        try:
            self.phone.reconnect(timeout_s)
        except AdbError:
            return


def run_names(phone: Phone) -> list[str]:
    """Names of all runs whose folders are on the phone, going or not."""
    answer = phone.shell(f"ls {RUNS} 2>/dev/null")
    return [name for name in answer.text.split() if _NAME.match(name)]


def end_all(phone: Phone) -> int:
    """End all our runs on the phone; how many there were, going or not."""
    names = run_names(phone)
    for name in names:
        Run(phone, name).kill()
    return len(names)


def end_others(phone: Phone, prefix: str) -> list[str]:
    """End and remove all our runs but those whose names begin so; the names of what was ended.

    What earlier commands left running would disturb what is measured next.
    """
    others = [name for name in run_names(phone) if not name.startswith(prefix)]
    for name in others:
        Run(phone, name).kill()
        Run(phone, name).remove()
    return others


def run_to_end(
    phone: Phone,
    name: str,
    command: Sequence[object],
    *,
    limit_s: int,
    clock: Clock | None = None,
    lost_for_s: float = LOST_FOR_S,
    on_progress: Callable[[str], None] = lambda line: None,
    on_lost: Callable[[], None] = lambda: None,
    tell_rest: Callable[[Run], str] = lambda run: "",
) -> Run:
    """Run a command on the phone to its end; the run, with its files still there.

    A run of this name that is there already, going or ended within ``FRESH_S``, is picked up
    instead of started. On every other way out than a phone that stays away, Ctrl-C too, nothing of
    it runs on and its folder is removed, so that the next try begins anew. Of a run that was ended
    before its time, ``tell_rest`` is asked first what it left, for the error's message.
    """
    run, clock = Run(phone, name), clock or SystemClock()
    status = run.poll_patiently(clock, lost_for_s, on_lost)
    there = status.phase is Phase.RUNNING or _is_fresh(status)
    if not there and status.phase is not Phase.ABSENT:
        run.remove()
    try:
        if not there:
            _start_surely(run, command, limit_s)
        run.wait(clock=clock, lost_for_s=lost_for_s, on_progress=on_progress, on_lost=on_lost)
    except Lost:
        raise
    except (RunKilled, Rebooted, TimedOut, NoSpace) as error:
        told = tell_rest(run)
        discard(run)
        fuller = type(error)(f"{error.message}{told and '; '}{told}", error.hint)
        if isinstance(error, RunKilled) and isinstance(fuller, RunKilled):
            fuller.signal = error.signal
        raise fuller from error
    except BaseException:
        discard(run)
        raise
    return run


def _is_fresh(status: Status) -> bool:
    """Whether it ended recently; unknown if the clock was set back in between."""
    age = status.age_s
    return status.phase is Phase.ENDED and age is not None and 0 <= age <= FRESH_S


def _start_surely(run: Run, command: Sequence[object], limit_s: int) -> None:
    """Start; where the connection breaks in that moment, ``wait`` finds out whether it did."""
    try:
        run.start(command, limit_s)
    except GONE:
        run.phone.reconnect(60)
        if run.poll().phase is Phase.ABSENT:
            run.start(command, limit_s)


def discard(run: Run) -> None:
    """End and remove it on the way out of an error, which matters more than one of this."""
    try:
        run.kill()
        run.remove()
    except AdbError:
        return
