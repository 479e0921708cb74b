"""``mixnet-bench devices clean``: a phone as it was before."""

from mixnet_android.adb import Adb
from mixnet_android.phone import settings, store
from mixnet_android.phone.device import choose_phone
from mixnet_android.runs import detached
from mixnet_common.console import say
from mixnet_common.errors import UsageError


def run_clean(on: str) -> None:
    """Restore settings, end our runs, remove our files. Raises AdbError, UsageError."""
    phone = choose_phone(Adb.find(), serial_of(on))
    if settings.restore(phone):  # first: a run that can't be ended must not leave them changed
        say(f"{phone.serial}: settings restored that a broken run had left changed")
    detached.end_all(phone)
    freed = store.clear(phone)
    say(f"{phone.serial}: removed {freed / 2**20:.1f} MiB")


def serial_of(on: str) -> str | None:
    """The serial in ``adb:SERIAL``; None for ``adb`` alone. Raises UsageError for anything else."""
    kind, colon, serial = on.partition(":")
    if kind != "adb" or (colon and not serial):
        raise UsageError(f"--on {on!r} names no phone", "write adb, or adb:SERIAL")
    return serial or None
