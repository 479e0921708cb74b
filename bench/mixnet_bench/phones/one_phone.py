"""``mixnet-bench latency --on adb``: the files on a phone, timed there, brought back and judged.

Everything that can be refused is refused before the phone is touched; what was measured is kept
launch by launch, so that a lost phone costs one launch and the same command goes on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mixnet_android.adb import Phone
from mixnet_android.libraries.store import Runtime, find_for
from mixnet_android.phone.conditions import Conditions, Cooled, read_conditions, wait_until_cool
from mixnet_android.phone.device import State, read_state
from mixnet_android.phone.records import device_record
from mixnet_android.phone.settings import Wanted, settings
from mixnet_android.runner.build import find_runner
from mixnet_android.runs.detached import end_others
from mixnet_android.runs.session import (
    Installed,
    Launched,
    RunnerError,
    Work,
    choose_cpus,
    digest_of,
    install,
    launch,
    platform_of,
)
from mixnet_bench.phones.caveats import caveats_of_start
from mixnet_bench.phones.inputs import refuse_text, write_raw
from mixnet_bench.phones.parity import Difference, compare_with_host
from mixnet_bench.phones.profile import take_profiles
from mixnet_bench.phones.report import PhoneMeasurement, describe_machine_of, describe_phone
from mixnet_bench.phones.unfinished import UnfinishedLaunches
from mixnet_bench.results.phones import PhoneLatencyResult
from mixnet_bench.timing.host import NO_COMPARISON, Comparer, foresee, with_profiles
from mixnet_bench.timing.latency import Plan
from mixnet_bench.timing.made_for import warn_of_other_targets
from mixnet_bench.timing.preparing import prepared
from mixnet_bench.timing.report import identify_all
from mixnet_common import UsageError
from mixnet_common.console import say, warn
from mixnet_common.hashing import sha256_of
from mixnet_common.temporary import temporary_folder
from mixnet_runtimes import Profile
from mixnet_runtimes.inputs import advice

Report = Callable[[float], object]
Keep = Callable[[list[PhoneLatencyResult]], list[PhoneLatencyResult]]


@dataclass(frozen=True)
class PhoneOptions:
    """What is asked of phones beyond the plan."""

    pin: str | None = None
    """``big``, ``little``, CPUs or None."""
    fixed_performance: bool = False
    """Clocks that the phone can sustain, by its own mode for that, instead of its fastest."""
    profile: bool = False


def measure_on(
    phone: Phone,
    plan: Plan,
    phone_options: PhoneOptions,
    report: Report = lambda share: None,
    comparer: Comparer = NO_COMPARISON,
    keep: Keep = lambda targets: targets,
) -> list[PhoneLatencyResult]:
    """Time the plan's files on this phone; the results. Raises MixnetError and UsageError.

    ``report`` is told the share that is done; ``comparer`` may refuse before anything is measured;
    ``keep`` takes the results, and may add to them, before the launches that they are made of are
    forgotten.
    """
    if not plan.models:
        with prepared(plan) as ready:
            return measure_on(phone, ready, phone_options, report, comparer, keep)
    refuse_text(plan.models)
    files = identify_all(plan)
    state = read_state(phone)
    platform = platform_of(phone, state.product.abis)
    runner = find_runner(platform)
    libraries = [find_for(path.suffix.removeprefix("."), platform) for path in plan.paths]
    plan = replace(plan, cpus=choose_cpus(phone_options.pin, state.clusters))
    foreseen = foresee(
        plan,
        target=f"adb:{phone.serial}",
        machine=describe_machine_of(state, platform),
        emulated=bool(state.product.emulated),
        # A phone may lack the mode.
        fixed_performance=None if phone_options.fixed_performance else False,
        device=device_record(phone.serial, state),
    )
    comparer.check(foreseen)
    with temporary_folder() as folder:
        work = _work(plan, runner, libraries, folder)
        try:
            measured, kept = _measure(
                phone, plan, work, state, platform, libraries, phone_options, report
            )
        except RunnerError as error:
            hints = [advice(each.inputs, each.values) for each in plan.models]
            error.hint = error.hint or "; ".join(dict.fromkeys(filter(None, hints)))
            raise
    targets = with_profiles(describe_phone(plan, files, measured), measured.profiles)
    warn_of_other_targets(targets)
    targets = keep(targets)
    kept.forget()
    return targets


def _work(plan: Plan, runner: Path, libraries: Sequence[Runtime], folder: Path) -> Work:
    """One launch's part of the plan; the first launch brings outputs back, the others need not.

    Files of inputs go into ``folder``.
    """
    return Work(
        runner=runner,
        models=plan.files,
        libraries=tuple(each.path for each in libraries),
        threads=plan.threads,
        cpus=plan.cpus,
        warmup=plan.warmup,
        min_count=plan.count_share,
        min_time_s=plan.time_share_ms / 1000,
        burst_ms=plan.burst_ms,
        seed=plan.seed,
        outputs=True,
        data={number: each.data for number, each in enumerate(plan.models) if each.data},
        inputs=write_raw(plan.models, plan.seed, folder),
    )


def _measure(
    phone: Phone,
    plan: Plan,
    work: Work,
    state: State,
    platform: str,
    libraries: Sequence[Runtime],
    phone_options: PhoneOptions,
    report: Report,
) -> tuple[PhoneMeasurement, UnfinishedLaunches]:
    """What was measured, and its launches, which are kept until the caller forgets them."""
    hashes = [sha256_of(file) for file in work.files]
    wanted = Wanted(stay_awake=True, fixed_performance=phone_options.fixed_performance)

    def look() -> Conditions:
        report(0.0)  # raises where the command was interrupted: the wait may be long
        return read_conditions(phone)

    with settings(phone, wanted) as applied:
        installed = install(phone, work)
        hashes.append("fixed" if applied.fixed_performance else "free")
        digest = digest_of(work, [*hashes, look().boot_id or ""])
        for name in end_others(phone, f"latency-{digest[:16]}-"):
            warn(f"phone {phone.serial}: ended an earlier run, {name}")
        cooled = cool_down(phone, look)
        digest = digest_of(work, [*hashes, cooled.conditions.boot_id or ""])
        kept = UnfinishedLaunches(phone.serial, digest)
        profiles = _profiles(phone, plan, digest, work, installed) if phone_options.profile else []
        launches = [
            _launch_or_recall(phone, kept, digest, work, installed, number, plan.launches, report)
            for number in range(plan.launches)
        ]
        after = read_conditions(phone)
    for words in dict.fromkeys(each for one in launches for each in one.result.warnings):
        warn(f"phone {phone.serial}: {words}")
    measured = PhoneMeasurement(
        serial=phone.serial,
        state=state,
        platform=platform,
        cooled=cooled,
        after=after,
        launches=tuple(launches),
        libraries=tuple(libraries),
        parity=_parity(plan, launches[0]),
        fixed_performance=applied.fixed_performance,
        profiles=tuple(profiles),
    )
    return measured, kept


def cool_down(phone: Phone, look: Callable[[], Conditions]) -> Cooled:
    """Wait for the phone to cool, when nothing of ours runs on it; a word where it stays warm."""
    cooled = wait_until_cool(look, say=lambda words: say(f"{phone.serial}: {words}"))
    for caveat in caveats_of_start(cooled):
        warn(f"phone {phone.serial}: {caveat.sentence}")
    return cooled


def _profiles(
    phone: Phone, plan: Plan, digest: str, work: Work, installed: Installed
) -> list[Profile]:
    """Taken before anything is timed: what cannot be profiled fails before the long part."""
    name = f"latency-{digest[:16]}-profile"
    return take_profiles(
        phone, name, work, installed, plan.min_count, on_lost=lambda: _waiting(phone)
    )


def _waiting(phone: Phone) -> None:
    warn(f"phone {phone.serial} is gone: waiting for it")


def _launch_or_recall(
    phone: Phone,
    kept: UnfinishedLaunches,
    digest: str,
    work: Work,
    installed: Installed,
    number: int,
    launches: int,
    report: Report,
) -> Launched:
    """One launch, or what an interrupted command has measured of it already."""
    # Another seed, another order of turns; outputs are compared once.
    work = replace(work, outputs=number == 0, seed=work.seed + number)
    found = kept.recall(number)
    if found is None:
        found = launch(
            phone,
            _name(digest, number),
            work,
            installed,
            on_progress=lambda done, stage: report((number + done) / launches),
            on_lost=lambda: _waiting(phone),
        )
        kept.save(number, found)
    report((number + 1) / launches)
    return found


def _name(digest: str, number: int) -> str:
    return f"latency-{digest[:16]}-{number}"


def _parity(plan: Plan, first: Launched) -> tuple[tuple[Difference, ...], ...]:
    """Each file's outputs on the phone against the same file's on this machine."""
    return tuple(
        tuple(
            compare_with_host(
                model,
                plan.seed,
                {output: each for (model, output), each in first.outputs.items() if model == index},
            )
        )
        for index, model in enumerate(plan.models)
    )


def serial_of(on: str) -> str | None:
    """The serial in ``adb:SERIAL``; None for ``adb``. Raises UsageError for anything else."""
    kind, colon, serial = on.partition(":")
    if kind != "adb" or (colon and not serial):
        raise UsageError(f"--on {on!r} is no target", "write host, adb, adb:SERIAL or all")
    return serial or None
