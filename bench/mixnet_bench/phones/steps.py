"""The steps of every measurement on a phone, whichever program times there.

The phone is locked, its settings are changed temporarily, files are sent, processes of earlier
commands are ended, the phone cools down, the program runs, and conditions are read before and
after. Judges nothing.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from mixnet_android.adb import Phone
from mixnet_android.phone.conditions import Conditions, Cooled, read_conditions, wait_until_cool
from mixnet_android.phone.settings import Wanted, settings
from mixnet_android.runs.detached import end_others
from mixnet_android.runs.hold import hold
from mixnet_bench.phones.caveats import caveats_of_start, not_judged
from mixnet_common import UsageError
from mixnet_common.console import say, warn
from mixnet_common.printable import shown

Placed = TypeVar("Placed")
Found = TypeVar("Found")


@dataclass(frozen=True)
class PhoneOptions:
    """Further settings for phones."""

    pin: str | None = None
    """``big``, ``little``, CPUs or None."""
    fixed_performance: bool = False
    """Clocks that the phone can sustain, by its own mode for that, instead of its fastest."""
    profile: bool = False
    keep_settings: bool = False
    """Change no setting of the phone, not even for the time of the measurement."""
    take_over: bool = False
    """End another user's measurement on the phone."""
    task_profile: str | None = None
    """The name of an Android task profile that the runner is put into, where the phone can."""


_PROFILE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


def check_phone_options(phone_options: PhoneOptions, on: str) -> None:
    """Raise UsageError for options that contradict each other or what is measured ``on``."""
    options = {
        "--fixed-performance applies to phones": phone_options.fixed_performance,
        "--keep-settings applies to phones": phone_options.keep_settings,
        "--take-over applies to phones": phone_options.take_over,
        "--task-profile applies to phones": phone_options.task_profile is not None,
    }
    for words, asked in options.items():
        if asked and on == "host":
            raise UsageError(words, "add --on adb, or omit it")
    if phone_options.keep_settings and phone_options.fixed_performance:
        raise UsageError("--fixed-performance is a setting, and --keep-settings changes none")
    if phone_options.task_profile is not None and not _PROFILE.fullmatch(
        phone_options.task_profile
    ):
        raise UsageError(
            f"--task-profile {shown(phone_options.task_profile)} is not the name of a task profile",
            "examples: MaxPerformance, HighPerformance",
        )


def task_profile_of(phone: Phone, phone_options: PhoneOptions) -> str | None:
    """The task profile that runs there; None, with a warning, where the phone has none."""
    if phone_options.task_profile is None:
        return None
    if phone.shell("command -v settaskprofile").status == 0:
        return phone_options.task_profile
    warn(f"phone {phone.serial} has no settaskprofile (Android 13): the run continues without")
    return None


@dataclass(frozen=True)
class Steps(Generic[Placed, Found]):
    """The differences between programs.

    ``title`` begins the names of its runs. ``place`` puts files on the phone; ``digest`` hashes all
    that a result depends on: what was placed, whether the fixed-performance mode is on, the phone's
    boot id. ``measure`` runs what was placed, by that digest.
    """

    title: str
    place: Callable[[], Placed]
    digest: Callable[[Placed, bool, str], str]
    measure: Callable[[Placed, str], Found]

    def name(self, digest: str, which: object = "") -> str:
        """A run's name; without ``which``, the begin of all names of this measurement."""
        return f"{self.title}-{digest[:16]}-{which}"


@dataclass(frozen=True)
class Taken(Generic[Found]):
    """The results of the steps."""

    found: Found
    digest: str
    cooled: Cooled
    after: Conditions
    fixed_performance: bool


@contextmanager
def in_hand(phone: Phone, phone_options: PhoneOptions) -> Iterator[Wanted]:
    """The phone held, with its settings changed as asked; both end with the block."""
    wanted = Wanted(
        stay_awake=not phone_options.keep_settings,
        fixed_performance=phone_options.fixed_performance,
    )
    with hold(phone, phone_options.take_over), settings(phone, wanted) as applied:
        yield applied


def take_steps(
    phone: Phone,
    phone_options: PhoneOptions,
    steps: Steps[Placed, Found],
    report: Callable[[float], object] = lambda share: None,
) -> Taken[Found]:
    """Measure on a phone. ``report`` may raise to interrupt the wait. Raises AdbError."""

    def look() -> Conditions:
        report(0.0)  # raises where the command was interrupted: the wait may be long
        return read_conditions(phone)

    with in_hand(phone, phone_options) as applied:
        fixed = applied.fixed_performance
        placed = steps.place()
        digest = steps.digest(placed, fixed, look().boot_id or "")
        for name in end_others(phone, steps.name(digest)):
            warn(f"phone {phone.serial}: stopped an earlier run, {name}")
        cooled = cool_down(phone, look)
        digest = steps.digest(placed, fixed, cooled.conditions.boot_id or "")
        found = steps.measure(placed, digest)
        taken = Taken(found, digest, cooled, read_conditions(phone), fixed)
    if missing := not_judged(cooled.conditions, taken.after):
        warn(
            f"phone {phone.serial} reports no {', '.join(missing)}: the verdict does not take them "
            "into account"
        )
    return taken


def cool_down(phone: Phone, look: Callable[[], Conditions]) -> Cooled:
    """Wait for the phone to cool, when none of our programs runs on it; report if it stays warm."""
    cooled = wait_until_cool(look, say=lambda words: say(f"{phone.serial}: {words}"))
    for caveat in caveats_of_start(cooled):
        warn(f"phone {phone.serial}: {caveat.sentence}")
    return cooled
