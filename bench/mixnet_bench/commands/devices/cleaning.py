"""``mixnet-bench devices clean``: a phone as it was before."""

from mixnet_android.adb import Adb
from mixnet_android.phone import settings, store
from mixnet_android.phone.device import choose_phone
from mixnet_android.runs import detached
from mixnet_android.runs.hold import hold
from mixnet_common.console import say, warn
from mixnet_common.errors import UsageError


def run_clean(on: str, take_over: bool = False) -> None:
    """Restore settings, end our runs, remove our files. Raises AdbError, UsageError.

    A phone that another user measures on is refused, unless ``take_over`` ends that.
    """
    phone = choose_phone(Adb.find(), serial_of(on))
    with hold(phone, take_over):
        try:  # first: a run that can't be ended must not leave them changed
            if settings.restore(phone):
                say(f"{phone.serial}: restored settings that an aborted run had changed")
        except settings.UnreadableNote as error:
            warn(f"{error.message} ({error.hint})")
        detached.end_all(phone)
        freed = store.clear(phone)
    say(f"{phone.serial}: removed {freed / 2**20:.1f} MiB")


def serial_of(on: str) -> str | None:
    """The serial in ``adb:SERIAL``; None for ``adb`` alone. Raises UsageError for anything else."""
    kind, colon, serial = on.partition(":")
    if kind != "adb" or (colon and not serial):
        raise UsageError(f"--on {on!r} does not name a phone", "write adb, or adb:SERIAL")
    return serial or None
