"""The state of a run on a phone, from the phone's answers, and the meaning of its end.

Pure: from text to records and errors.
"""

import re
from dataclasses import dataclass, replace
from enum import Enum

from mixnet_android.adb.errors import NO_SPACE, AdbError, NoSpace, TimedOut
from mixnet_android.parsers import clean
from mixnet_android.parsers.text import integer, lines_of

SIGILL, SIGBUS, SIGKILL, SIGSEGV = 4, 7, 9, 11

NAMES = {SIGILL: "SIGILL", SIGBUS: "SIGBUS", SIGKILL: "SIGKILL", SIGSEGV: "SIGSEGV", 6: "SIGABRT"}

CHATTER = re.compile(r"(INFO|DEBUG|VERBOSE|WARNING)\b|[IDVW](/|\s+\S+\s*:)")
"""Prefixes of informational lines by libraries and Android's linker."""

OUT_OF_MEMORY = "it may be out of memory; finished launches are saved: run the same command again"

HINTS = {
    SIGILL: (
        "the library may use instructions that the phone's CPU does not have: use another build"
        " of it"
    ),
    SIGBUS: "a file on the phone may be damaged or its storage full: mixnet-bench devices clean, "
    "then run it again",
    SIGKILL: OUT_OF_MEMORY,
}
"""Remedies by signal."""


class RunKilled(AdbError):  # noqa: N818 - named after what happened
    """The program on the phone ended without having been asked to; by ``signal``, if known."""

    signal: int | None = None


class Rebooted(AdbError):  # noqa: N818
    """The phone was started anew in the middle of a run."""


class Phase(Enum):
    """The state of a run."""

    ABSENT = "absent"
    RUNNING = "running"
    ENDED = "ended"
    KILLED = "killed"
    REBOOTED = "rebooted"


@dataclass(frozen=True)
class Status:
    """A run as the phone reports it.

    ``exit_status`` is the program's own, once it has ended; ``overdue`` says that its limit ended
    it. ``age_s`` is the time since then by the phone's clock, None if it is not reported.
    ``unsaved`` says that the disk was full when the exit status was to be written.
    ``progress`` is the last line of the file ``progress`` in its folder, ``complaint`` the end
    of its stderr.
    """

    phase: Phase
    exit_status: int | None = None
    age_s: float | None = None
    unsaved: bool = False
    overdue: bool = False
    progress: str = ""
    complaint: str = ""


def _killed(who: str, number: int, status: Status) -> RunKilled:
    name = f"{number} ({NAMES[number]})" if number in NAMES else str(number)
    error = RunKilled(
        f"{who}: the program was killed by signal {name}{_said(status)}",
        HINTS.get(number, "report this, with the files"),
    )
    error.signal = number
    return error


def _said(status: Status) -> str:
    """The last line of what it complained; what it merely informed of is not a reason."""
    lines = [line for line in lines_of(status.complaint) if not CHATTER.match(line)]
    return f": {clean(lines[-1], 200)}" if lines else ""


def parse_status(texts: dict[str, str]) -> Status:
    """The state of a run from the answers to ``poll``'s questions, by name."""
    boots = texts["boot"].split()
    exit_status, age_s = _parse_end(texts["status"])
    status = Status(
        Phase.RUNNING,
        exit_status=exit_status,
        age_s=age_s,
        unsaved="unsaved" in texts["status"],
        overdue=texts["overdue"].strip() == "yes",
        progress=clean(texts["progress"], 2000),
        complaint=texts["complaint"],
    )
    if texts["there"].strip() != "yes":
        return replace(status, phase=Phase.ABSENT)
    if status.exit_status is not None:
        return replace(status, phase=Phase.ENDED)
    if len(boots) == 2 and boots[0] != boots[1]:
        return replace(status, phase=Phase.REBOOTED)
    return status if texts["members"].split() else replace(status, phase=Phase.KILLED)


def _parse_end(text: str) -> tuple[int | None, float | None]:
    """Exit status and seconds since then, None if the phone doesn't report them.

    >>> _parse_end("3 1700000000 now 1700000060"), _parse_end("3 now"), _parse_end("now 1700000060")
    ((3, 60.0), (3, None), (None, None))
    """
    status, then, *_ = [*text.partition("now")[0].split(), "", ""]
    times = integer(then), integer(text.partition("now")[2])
    age_s = None if times[0] is None or times[1] is None else float(times[1] - times[0])
    return integer(status, 0, 255), age_s


def raise_for_status(who: str, status: Status) -> Status:
    """The status of a run that ended normally; else the error that its end means.

    Raises RunKilled, Rebooted, NoSpace and TimedOut; ``who`` is for their messages.
    """
    match status.phase:
        case Phase.KILLED if status.unsaved:
            raise NoSpace(
                f"{who} has no space left, so the exit status of the run is unknown", NO_SPACE
            )
        case Phase.KILLED:
            raise RunKilled(
                f"{who}: the run was stopped by another program",
                OUT_OF_MEMORY,
            )
        case Phase.REBOOTED:
            raise Rebooted(
                f"{who} was restarted during the run",
                "run the same command again; it starts a new measurement",
            )
        case Phase.ABSENT:
            raise RunKilled(f"{who}: the folder of the run was deleted", "run the same again")
    if status.overdue:
        raise TimedOut(
            f"{who}: the run took too long and was stopped",
            "measure fewer files or inferences at once",
        )
    if (status.exit_status or 0) > 128:
        raise _killed(who, (status.exit_status or 0) - 128, status)
    return status
