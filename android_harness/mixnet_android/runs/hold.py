"""One measurement per phone: a lock on the phone with the name of its user and the time.

A second user is refused, wherever both are: on this machine, on another, by cable or wireless. A
lock whose process has ended, or that has not been renewed for ten minutes, is ignored.
"""

import getpass
import os
import platform
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from mixnet_android.adb.client import Phone
from mixnet_android.adb.errors import AdbError
from mixnet_android.adb.quoting import quote
from mixnet_android.parsers.text import integer
from mixnet_android.phone.store import HOLD, ROOT, hint_of_writing
from mixnet_android.runs.detached import Run, end_all, run_names
from mixnet_android.runs.status import Phase
from mixnet_common.console import warn

STALE_S = 600
"""Age after which a lock that was not renewed is ignored: longer than any push takes."""

_OWNER = re.compile(r"hold ([0-9a-f]{16}) (\S{1,64}) (\S{1,64}) (\d{1,10}) (\d{0,12})")
_TOKEN = secrets.token_hex(8)
_held: set[str] = set()
"""Serials of the phones that this process holds."""


class InUse(AdbError):  # noqa: N818 - named after what is the matter, as all of adb's errors are
    """Another user measures on the phone."""


class TakenOver(AdbError):  # noqa: N818
    """Another user has ended this measurement."""


@dataclass(frozen=True)
class Holder:
    """Who holds a phone; ``since_s`` and ``beat_s`` are seconds before now, None where unknown."""

    token: str
    user: str
    host: str
    pid: int
    since_s: float | None
    beat_s: float | None

    @property
    def words(self) -> str:
        """Who, from where and since when."""
        since = ""
        if self.since_s is not None:
            at = time.strftime("%H:%M", time.localtime(time.time() - self.since_s))
            since = f" since {at}, {self.since_s / 60:.0f} minutes ago"
        return f"{self.user} on {self.host} (process {self.pid}){since}"


@contextmanager
def hold(phone: Phone, take_over: bool = False) -> Iterator[None]:
    """Hold the phone inside the block; inside a block of the same process that holds it, nothing.

    Raises InUse if another user does, unless ``take_over`` ends their measurement; TakenOver
    if another user has ended this measurement; and AdbError.
    """
    if phone.serial in _held:
        yield
        return
    _take(phone, take_over)
    _held.add(phone.serial)
    try:
        yield
    except AdbError as error:
        _tell_of_loss(phone, error)
        raise
    finally:
        _held.discard(phone.serial)
        with suppress(AdbError):  # a phone that is gone is freed by the end of this process
            phone.shell(_release(), 10)


def holder_of(phone: Phone) -> Holder | None:
    """Who holds the phone, living or not; None if it is free. Raises AdbError."""
    return parse_holder(phone.shell(f"cat {HOLD}/owner {HOLD}/beat\necho now $(date +%s)").text)


def parse_holder(text: str) -> Holder | None:
    r"""The holder from the mark, its last beat and the phone's time.

    >>> parse_holder("hold 0123456789abcdef ann lab-1 77 100\n160\nnow 220").beat_s
    60.0
    """
    match = _OWNER.search(text)
    if match is None:
        return None
    rest, _, now = text[match.end() :].partition("now")
    times = integer(match[5] or None), integer(rest.strip() or None), integer(now)
    since, beat = (_ago(each, times[2]) for each in times[:2])
    last = since if beat is None else beat
    return Holder(match[1], match[2], match[3], int(match[4]), since, last)


def _ago(then: int | None, now: int | None) -> float | None:
    return None if then is None or now is None else max(0.0, float(now - then))


def _take(phone: Phone, take_over: bool) -> None:
    owner = f"hold {_TOKEN} {_word(_user())} {_word(platform.node())} {os.getpid()}"
    mark = f'echo "{owner} $(date +%s)" > {HOLD}/owner && date +%s > {HOLD}/beat; exit 0'
    script = f"exec 2>&1\nmkdir -p {ROOT} || exit 4\nif mkdir {HOLD}; then {mark}; fi\nexit 3"
    answer = phone.shell(script)
    if answer.status == 0:
        return
    holder = holder_of(phone)
    if answer.status == 4 or (holder is None and "exists" not in answer.text):
        why = " ".join(answer.text.split())[:200] or "no message"
        raise AdbError(
            f"phone {phone.serial}: {ROOT} cannot be written: {why}",
            f"{hint_of_writing(why)}; nothing was changed on the phone",
        )
    if holder is not None and _is_alive(phone, holder):
        if not take_over:
            raise InUse(
                f"phone {phone.serial} is in use by {holder.words}",
                "wait, use another phone, or stop that measurement with --take-over",
            )
        end_all(phone)
        for name in run_names(phone):
            Run(phone, name).remove()
        warn(f"phone {phone.serial}: stopped the measurement of {holder.words}")
    phone.shell(f"rm -rf {HOLD}")
    if phone.shell(script).status != 0:
        raise InUse(
            f"phone {phone.serial} is in use: another measurement has just started", "run it again"
        )


def _is_alive(phone: Phone, holder: Holder) -> bool:
    """Whether anybody measures there: not a process that has ended, nor a mark that is old.

    A run that still continues belongs to a holder that may return for it.
    """
    if holder.token == _TOKEN:
        return False
    if holder.host == _word(platform.node()):
        return _runs_here(holder.pid)
    if holder.beat_s is None or holder.beat_s < STALE_S:
        return True
    return any(Run(phone, name).poll().phase is Phase.RUNNING for name in run_names(phone))


def _runs_here(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True


def _tell_of_loss(phone: Phone, error: AdbError) -> None:
    """Raise TakenOver if another user holds the phone now, which explains the error."""
    if isinstance(error, InUse):
        return
    try:
        holder = holder_of(phone)
    except AdbError:
        return
    if holder is not None and holder.token != _TOKEN:
        raise TakenOver(
            f"phone {phone.serial} was taken over by {holder.words}: this measurement was "
            f"stopped ({error.message})",
            "finished launches are saved: run the same command when the phone is free",
        ) from error


def _release() -> str:
    return f'read -r a token rest < {HOLD}/owner; [ "$token" != {_TOKEN} ] || rm -rf {quote(HOLD)}'


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        return "somebody"


def _word(text: str) -> str:
    """Text as one harmless word.

    >>> _word("my host")
    'my_host'
    """
    return re.sub(r"[^A-Za-z0-9._-]", "_", text)[:64] or "unknown"
