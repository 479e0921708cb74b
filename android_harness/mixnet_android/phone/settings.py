"""Changes settings of a phone for a while, and puts them back on every way out.

What they were is noted on the phone before they are changed: where the host dies or the cable is
lost, the next run, or ``devices clean``, puts them back.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from mixnet_android.adb.client import Phone
from mixnet_android.adb.errors import AdbError
from mixnet_android.adb.quoting import quote
from mixnet_android.phone.store import ROOT
from mixnet_common.console import warn

NOTE = f"{ROOT}/settings-to-restore"
STAY_ON = "settings get global stay_on_while_plugged_in"
FIXED = "cmd power set-fixed-performance-mode-enabled"

RECONNECT_S = 20.0

_NOTED = re.compile(r"stay_on (null|\d{1,3})\nfixed_performance (false|untouched)\n?")


@dataclass(frozen=True)
class Wanted:
    """Settings for the time of a run. Fixed performance means sustained clocks, not peak ones."""

    stay_awake: bool = False
    fixed_performance: bool = False


@dataclass(frozen=True)
class Noted:
    """What the settings were; ``stay_on`` is None where there was none.

    Android doesn't tell whether the fixed-performance mode is on; off is what every phone is in
    unless someone is measuring on it, so it is switched off where it was switched on.
    """

    stay_on: int | None
    fixed_performance: bool


@contextmanager
def settings(phone: Phone, wanted: Wanted) -> Iterator[Wanted]:
    """Settings as wanted inside the block, as before after it; yields what is in effect.

    A phone that doesn't know the fixed-performance mode (before Android 11, or without the maker's
    support) goes on without it, with a warning. Raises AdbError.
    """
    restore(phone)
    if wanted == Wanted():
        yield wanted
        return
    try:
        yield _change(phone, wanted)
    finally:
        _restore_surely(phone)


def restore(phone: Phone) -> bool:
    """Put back what a note on the phone tells; whether there was one. Raises AdbError."""
    answer = phone.shell(f"cat {NOTE} 2>/dev/null")
    if answer.status != 0:
        return False
    noted = parse_note(answer.text)
    if noted is not None:
        _put_back(phone, noted)
    phone.ask("rm", "-f", NOTE)
    return noted is not None


def parse_note(text: str) -> Noted | None:
    """The note; None unless it is just what was written, since its values go into commands."""
    match = _NOTED.fullmatch(text)
    if match is None or (match[1] != "null" and int(match[1]) > 15):
        return None
    return Noted(None if match[1] == "null" else int(match[1]), match[2] == "false")


def _change(phone: Phone, wanted: Wanted) -> Wanted:
    before = phone.shell(STAY_ON).text.strip()
    stay_on = before if re.fullmatch(r"\d|1[0-5]", before) else "null"
    fixed = "false" if wanted.fixed_performance else "untouched"
    note = f"stay_on {stay_on}\nfixed_performance {fixed}\n"
    new = f"{NOTE}.new"
    written = phone.shell(
        f"mkdir -p {ROOT} && printf %s {quote(note)} > {new} && mv -f {new} {NOTE}"
    )
    if written.status != 0:
        raise AdbError(
            f"phone {phone.serial}: its settings cannot be noted, and so not changed",
            "make room on it, or measure without changing settings",
        )
    if wanted.stay_awake:
        phone.ask("svc", "power", "stayon", "true")
    supported = wanted.fixed_performance and phone.shell(f"{FIXED} true").status == 0
    if wanted.fixed_performance and not supported:
        warn(f"phone {phone.serial} has no fixed-performance mode: clocks are as they come")
    return Wanted(wanted.stay_awake, supported)


def _put_back(phone: Phone, noted: Noted) -> None:
    key = ("global", "stay_on_while_plugged_in")
    if noted.stay_on is None:
        phone.ask("settings", "delete", *key)
    else:
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
                f"settings of phone {phone.serial} are still changed ({error.message}): plug it in"
                " and run mixnet-bench devices clean, or measure again"
            )
