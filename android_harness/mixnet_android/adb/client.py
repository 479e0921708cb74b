"""Calls phones through the adb program: one process per call, always with a time limit.

It runs commands and returns their output; parsers interpret it.
"""

import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from mixnet_android.adb import quoting
from mixnet_android.adb.binary import find_adb
from mixnet_android.adb.errors import (
    OFFLINE,
    AdbError,
    AdbMissing,
    Lost,
    NoSpace,
    NotFound,
    Offline,
    TimedOut,
    explain,
)
from mixnet_android.adb.process import Output, run_program
from mixnet_android.adb.quoting import Answer
from mixnet_android.adb.server import check_server
from mixnet_android.parsers.devices import Listed, parse_devices
from mixnet_android.parsers.text import SERIAL, clean
from mixnet_common.errors import MixnetError

SHELL_TIMEOUT_S = 30.0
START_TIMEOUT_S = 20.0
RECONNECT_EVERY_S = 0.5
SLOWEST_PUSH = 500_000
"""Bytes a second, below which a transfer counts as stuck: USB 2 reaches 30 million."""


@dataclass(frozen=True)
class Adb:
    """The adb program of this machine."""

    binary: Path

    @classmethod
    def find(cls) -> "Adb":
        """The usual one. Raises AdbMissing, and AdbError if it would end another's server."""
        binary = find_adb()
        check_server(binary)
        return cls(binary)

    def run(self, *arguments: str, timeout_s: float = START_TIMEOUT_S) -> Output:
        """Run adb. Raises AdbMissing if it doesn't start, TimedOut where it doesn't end."""
        try:
            output = run_program([str(self.binary), *arguments], timeout_s)
        except OSError as error:
            raise AdbMissing(
                f"cannot run {self.binary}: {error.strerror}", "reinstall it, or set $ADB"
            ) from error
        if output.too_much:
            raise AdbError(
                f"adb {arguments[0]} printed output without end",
                "restart the phone, or run: adb kill-server",
            )
        if output.timed_out:
            raise TimedOut(
                f"adb {' '.join(arguments[:3])[:80]} did not answer within {timeout_s:g} s",
                "reconnect the phone, or run: adb kill-server",
            )
        return output

    def devices(self) -> tuple[Listed, ...]:
        """All phones that adb knows, whatever their state. Raises AdbError."""
        output = self.run("devices", "-l")
        if "List of devices" not in output.stdout:
            raise explain(output.stderr or output.stdout, None)
        return parse_devices(output.stdout)

    def connect(self, address: str) -> bool:
        """Connect to ``host:port``; adb exits with 0 even where that fails, so its words count."""
        output = self.run("connect", address)
        return "connected to" in output.stdout.lower()


def _argument(local: Path) -> str:
    """A path that adb does not mistake for an option, whatever its first character."""
    return str(local.absolute())


@dataclass(frozen=True)
class Phone:
    """One phone, by its serial."""

    adb: Adb
    serial: str

    def __post_init__(self) -> None:
        if not SERIAL.match(self.serial):
            raise NotFound(
                f"{clean(self.serial)!r} is not a serial number of a phone",
                "mixnet-bench devices lists them",
            )

    def run(self, *arguments: str, timeout_s: float = SHELL_TIMEOUT_S) -> Output:
        """Run adb on this phone. Raises NotFound for one without a usable serial that is gone."""
        return self.adb.run(*self._named(), *arguments, timeout_s=timeout_s)

    def _named(self) -> tuple[str, str]:
        """adb's option for this phone: its serial, or, if that contains a space, its transport.

        A transport's number changes with every reconnect, so it is asked for each time.
        """
        if " " not in self.serial:
            return "-s", self.serial
        listed = (each for each in self.adb.devices() if each.serial == self.serial)
        number = next((each.details.get("transport_id", "") for each in listed), "")
        if not number.isdecimal():
            raise NotFound(
                f"phone {self.serial} is not connected", "mixnet-bench devices lists all"
            )
        return "-t", number

    def shell(self, script: str, timeout_s: float = SHELL_TIMEOUT_S) -> Answer:
        """Run a script in the phone's shell, to its end.

        Raises Lost if the end of its output didn't come back: it may or may not have run.
        """
        mark = f"mixnet-{secrets.token_hex(8)}"
        output = self.run("shell", quoting.wrap(script, mark), timeout_s=timeout_s)
        answer = quoting.unwrap(output.stdout, mark)
        if answer is None:
            raise self._why(output)
        return answer

    def ask(self, *words: object, timeout_s: float = SHELL_TIMEOUT_S) -> str:
        """The output of one command. Raises AdbError if its exit status is not 0."""
        answer = self.shell(f"{quoting.quote(*words)} 2>&1", timeout_s)
        if answer.status != 0:
            said = clean(answer.text.replace("\n", " "), 200) or "it printed nothing"
            if "no space left" in said.lower():
                raise explain(said, self.serial)
            raise AdbError(f"phone {self.serial}: {words[0]} failed ({answer.status}): {said}")
        return answer.text

    def sections(
        self, commands: dict[str, str], timeout_s: float = SHELL_TIMEOUT_S
    ) -> dict[str, str]:
        """The output of several commands by name, in one call; that of one that fails is empty."""
        mark = f"section-{secrets.token_hex(8)}"
        answer = self.shell(quoting.sections(commands, mark), timeout_s)
        found = quoting.split_sections(answer.text, mark)
        return {name: found.get(name, "") for name in commands}

    def push(self, local: Path, remote: str) -> None:
        """Copy a file to the phone. Raises AdbError, NoSpace or Lost."""
        self._transfer("push", _argument(local), remote, local.stat().st_size)

    def pull(self, remote: str, local: Path, size: int = 0) -> None:
        """Copy a file from the phone; ``size`` in bytes stretches the limit of time.

        Raises AdbError or Lost, and MixnetError if this machine can't write it.
        """
        try:
            self._transfer("pull", remote, _argument(local), size)
        except NoSpace as error:  # it is this disk that is full, in the same words
            raise MixnetError(
                f"cannot write {local}: no space left", "free some space there"
            ) from error

    def _transfer(self, verb: str, source: str, target: str, size: int) -> None:
        """adb 34 and 36 print "1 file pushed" even where it failed: only the status counts."""
        output = self.run(verb, source, target, timeout_s=30 + size / SLOWEST_PUSH)
        if output.status != 0:
            raise explain(f"{output.stdout}\n{output.stderr}", self.serial)

    def state(self) -> str:
        """Its state in adb's words; ``missing`` where adb doesn't know it."""
        listed = (each.state for each in self.adb.devices() if each.serial == self.serial)
        return next(listed, "missing")

    def reconnect(self, timeout_s: float) -> None:
        """Wait until the phone answers again. Raises Offline after ``timeout_s``.

        A phone on the network has to be connected to anew; one on a cable comes by itself.
        """
        end = time.monotonic() + timeout_s
        while True:
            state = self.state()
            if state == "device" and self._answers():
                return
            if time.monotonic() >= end:
                raise Offline(f"phone {self.serial} did not reconnect: {state}", OFFLINE)
            if ":" in self.serial and state != "device":
                self.adb.run("disconnect", self.serial)
                self.adb.connect(self.serial)
            time.sleep(RECONNECT_EVERY_S)

    def _answers(self) -> bool:
        """adb still lists a phone as ``device`` for a moment after its cable was disconnected."""
        try:
            return self.shell("true", 10).status == 0
        except MixnetError:
            return False

    def _why(self, output: Output) -> MixnetError:
        """Why an answer was cut off: adb's message, or else the connection."""
        if output.stderr.strip():
            error = explain(output.stderr, self.serial)
            if type(error) is not AdbError:
                return error
        return Lost(
            f"phone {self.serial} was disconnected during a command",
            "check the cable or the network, then run the command again: finished work is saved",
        )
