"""Changes settings of a phone temporarily, and restores them in every case.

Their values are noted on the phone before they are changed: if the host dies or the cable is lost,
the next run, or ``devices clean``, restores them.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from mixnet_android.adb.client import Phone
from mixnet_android.adb.errors import AdbError
from mixnet_android.adb.quoting import quote
from mixnet_android.parsers import clean
from mixnet_android.phone.store import NOTE, ROOT, hint_of_writing
from mixnet_common.console import warn

STAY_ON = "settings get global stay_on_while_plugged_in"
FIXED = "cmd power set-fixed-performance-mode-enabled"

RECONNECT_S = 20.0

UNTOUCHED = "untouched"
_NOTED = re.compile(r"stay_on (null|\d{1,3}|untouched)\nfixed_performance (false|untouched)\n?")


@dataclass(frozen=True)
class Wanted:
    """Settings for the time of a run. Fixed performance means sustained clocks, not peak ones."""

    stay_awake: bool = False
    fixed_performance: bool = False


@dataclass(frozen=True)
class Noted:
    """The old settings; ``stay_on`` is None if it was unset, or UNTOUCHED.

    Android doesn't report whether the fixed-performance mode is on; it is off on every phone
    unless someone is measuring on it, so it is switched off where it was switched on.
    """

    stay_on: int | str | None
    fixed_performance: bool


class UnreadableNote(AdbError):  # noqa: N818 - named after what is the matter
    """A note of earlier settings is on the phone, and it cannot be read."""


@contextmanager
def settings(phone: Phone, wanted: Wanted) -> Iterator[Wanted]:
    """Settings as wanted inside the block, as before after it; yields what is in effect.

    A phone that doesn't know the fixed-performance mode (before Android 11, or without the maker's
    support) goes on without it, with a warning; so does one with a note of earlier settings that
    cannot be read, whose settings stay as they are. Raises AdbError.
    """
    if not _restore_or_warn(phone) or wanted == Wanted():
        yield Wanted()
        return
    try:
        yield _change(phone, wanted)
    finally:
        _restore_surely(phone)


def restore(phone: Phone) -> bool:
    """Restore the settings in a note on the phone; whether there was one.

    Raises UnreadableNote, and keeps the note, where it cannot be read, and AdbError.
    """
    answer = phone.shell(f"[ -e {NOTE} ] || exit 3\ncat {NOTE} 2>&1")
    if answer.status == 3:
        return False
    noted = parse_note(answer.text)
    if answer.status != 0 or noted is None:
        raise UnreadableNote(
            f"phone {phone.serial}: the file with its original settings cannot be read and is not"
            " deleted: "
            f"{clean(answer.text, 80) or 'it is empty'}",
            f"set stay_on_while_plugged_in yourself, then run: adb shell rm {NOTE}",
        )
    _put_back(phone, noted)
    phone.ask("rm", "-f", NOTE)
    return True


def _restore_or_warn(phone: Phone) -> bool:
    """Restore; False, with a warning, where a note cannot be read."""
    try:
        restore(phone)
    except UnreadableNote as error:
        warn(f"{error.message}; no setting was changed ({error.hint})")
        return False
    return True


def parse_note(text: str) -> Noted | None:
    """The note; None unless it is just what was written, since its values go into commands."""
    match = _NOTED.fullmatch(text)
    if match is None or (match[1].isdecimal() and int(match[1]) > 15):
        return None
    known: dict[str, str | None] = {"null": None, UNTOUCHED: UNTOUCHED}
    return Noted(known[match[1]] if match[1] in known else int(match[1]), match[2] == "false")


def _change(phone: Phone, wanted: Wanted) -> Wanted:
    before = phone.shell(STAY_ON).text.strip()
    known = wanted.stay_awake and re.fullmatch(r"\d|1[0-5]|null", before) is not None
    if wanted.stay_awake and not known:
        warn(
            f"phone {phone.serial} reports {clean(before, 40)!r} for"
            " stay_on_while_plugged_in: it is not changed, and the screen may turn off"
        )
    stay_on = before if known else UNTOUCHED
    fixed = "false" if wanted.fixed_performance else UNTOUCHED
    note = f"stay_on {stay_on}\nfixed_performance {fixed}\n"
    new = f"{NOTE}.new"
    written = phone.shell(
        f"exec 2>&1\nmkdir -p {ROOT} && printf %s {quote(note)} > {new} && mv -f {new} {NOTE}"
    )
    if written.status != 0:
        why = clean(written.text.replace("\n", " "), 200) or "no message"
        raise AdbError(
            f"phone {phone.serial}: its settings cannot be saved in {ROOT} and are therefore not"
            " changed: "
            f"{why}",
            f"{hint_of_writing(why)}; --keep-settings measures without changing settings",
        )
    if known:
        phone.ask("svc", "power", "stayon", "true")
    supported = wanted.fixed_performance and phone.shell(f"{FIXED} true").status == 0
    if wanted.fixed_performance and not supported:
        warn(f"phone {phone.serial} has no fixed-performance mode; its clocks are not controlled")
    return Wanted(known, supported)


def _put_back(phone: Phone, noted: Noted) -> None:
    key = ("global", "stay_on_while_plugged_in")
    if noted.stay_on is None:
        phone.ask("settings", "delete", *key)
    elif noted.stay_on != UNTOUCHED:
        phone.ask("settings", "put", *key, noted.stay_on)
    if noted.fixed_performance:
        phone.shell(f"{FIXED} false")


def _restore_surely(phone: Phone) -> None:
    """Restore; where the phone has gone, wait for it a little, and else say what is left to do."""
    try:
        restore(phone)
    except AdbError:
        try:
            phone.reconnect(RECONNECT_S)
            restore(phone)
        except AdbError as error:
            warn(
                f"settings of phone {phone.serial} are still changed ({error.message}): connect it"
                " and run mixnet-bench devices clean, or measure again"
            )
