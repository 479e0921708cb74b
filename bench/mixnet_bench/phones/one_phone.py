"""``mixnet-bench latency --on adb``: sends files to a phone, times them, and judges the results.

Everything that can be refused is refused before the phone is used; measurements are saved launch by
launch, so that a lost phone costs one launch and the same command continues.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mixnet_android.adb import Phone
from mixnet_android.libraries.store import Runtime, find_for
from mixnet_android.phone.device import State, read_state
from mixnet_android.phone.platform import choose_cpus, platform_of
from mixnet_android.phone.records import device_record
from mixnet_android.runner.build import find_runner
from mixnet_android.runs.session import Launched, RunnerError, launch
from mixnet_android.runs.work import Installed, Work, digest_of, install
from mixnet_bench.phones.inputs import refuse_text, write_raw
from mixnet_bench.phones.model_check import refuse_foreign
from mixnet_bench.phones.parity import Difference, compare_with_host
from mixnet_bench.phones.profile import take_profiles
from mixnet_bench.phones.report import PhoneMeasurement, describe_machine_of, describe_phone
from mixnet_bench.phones.steps import PhoneOptions, Steps, take_steps, task_profile_of
from mixnet_bench.phones.unfinished import UnfinishedLaunches
from mixnet_bench.results.phones import PhoneLatencyResult
from mixnet_bench.timing.host import NO_COMPARISON, Comparer, foresee, with_profiles
from mixnet_bench.timing.latency import Plan
from mixnet_bench.timing.made_for import warn_of_other_targets
from mixnet_bench.timing.preparing import prepared
from mixnet_bench.timing.report import identify_all
from mixnet_common import MixnetError, UsageError
from mixnet_common.console import warn
from mixnet_common.hashing import sha256_of
from mixnet_common.temporary import temporary_folder
from mixnet_runtimes import Profile
from mixnet_runtimes.inputs import advice
from mixnet_runtimes.tflite.half_precision import half_precision_of

Report = Callable[[float], object]
Keep = Callable[[list[PhoneLatencyResult]], list[PhoneLatencyResult]]


def measure_on(
    phone: Phone,
    plan: Plan,
    phone_options: PhoneOptions,
    report: Report = lambda share: None,
    comparer: Comparer = NO_COMPARISON,
    keep: Keep = lambda targets: targets,
) -> list[PhoneLatencyResult]:
    """Time the plan's files on this phone; the results. Raises MixnetError and UsageError.

    ``report`` receives the share that is done; ``comparer`` may refuse before anything is measured;
    ``keep`` gets the results, and may add to them, before the launches that they are made of are
    forgotten.
    """
    if not plan.models:
        with prepared(plan) as ready:
            return measure_on(phone, ready, phone_options, report, comparer, keep)
    refuse_foreign(plan.paths)
    refuse_text(plan.models)
    state = read_state(phone)
    files = identify_all(plan, state.features)
    platform = platform_of(phone, state.product.abis)
    runner = find_runner(platform)
    libraries = [find_for(path.suffix.removeprefix("."), platform) for path in plan.paths]
    plan = replace(plan, cpus=choose_cpus(phone_options.pin, state.clusters, state.online))
    profile = task_profile_of(phone, phone_options)
    foreseen = foresee(
        plan,
        target=f"adb:{phone.serial}",
        machine=describe_machine_of(state, platform),
        features=state.features,
        emulated=bool(state.product.emulated),
        # A phone may lack the mode.
        fixed_performance=None if phone_options.fixed_performance else False,
        task_profile=profile,
        device=device_record(phone.serial, state),
    )
    comparer.check(foreseen)
    check_api_levels(phone, state, libraries)
    with temporary_folder() as folder:
        work = replace(_work(plan, runner, libraries, folder), task_profile=profile)
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


def check_api_levels(phone: Phone, state: State, libraries: Sequence[Runtime]) -> None:
    """Raise MixnetError if a library was built for a newer Android than the phone's."""
    for each in libraries:
        if each.api_level and state.product.sdk and state.product.sdk < each.api_level:
            raise MixnetError(
                f"{each.title} needs Android with API level {each.api_level}, and phone "
                f"{phone.serial} has {state.product.sdk}",
                "add an older build of it: mixnet-bench devices add-runtime FILE",
            )


def _work(plan: Plan, runner: Path, libraries: Sequence[Runtime], folder: Path) -> Work:
    """One launch's part of the plan; only the first launch returns outputs.

    Files of inputs go into ``folder``.
    """
    return Work(
        runner=runner,
        models=plan.files,
        libraries=tuple(each.path for each in libraries),
        titles=tuple(each.title for each in libraries),
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
        fp16=frozenset(number for number, each in enumerate(plan.models) if each.fp16),
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
    """The measurement, and its launches, which are saved until the caller forgets them."""
    hashes = [sha256_of(file) for file in work.files]

    def digest(installed: Installed, fixed: bool, boot: str) -> str:
        return digest_of(work, [*hashes, "fixed" if fixed else "free", boot])

    def measure(installed: Installed, digest: str) -> tuple[list[Profile], list[Launched]]:
        profiles = []
        if phone_options.profile:  # before anything is timed: what cannot be profiled fails soon
            name = steps.name(digest, "profile")
            profiles = take_profiles(
                phone, name, work, installed, plan.min_count, on_lost=lambda: _waiting(phone)
            )
        kept = UnfinishedLaunches(phone.serial, digest)
        launcher = _Launcher(phone, kept, work, installed, plan.launches, report)
        return profiles, [
            launcher.launch_or_recall(steps.name(digest, number), number)
            for number in range(plan.launches)
        ]

    steps = Steps("latency", lambda: install(phone, work), digest, measure)
    taken = take_steps(phone, phone_options, steps, report)
    profiles, launches = taken.found
    for words in dict.fromkeys(each for one in launches for each in one.result.warnings):
        warn(f"phone {phone.serial}: {words}")
    for number, model in launches[0].result.models.items():
        if model.wholly_delegated is False:
            warn(
                f"{plan.paths[number].name}: XNNPACK of {libraries[number].title} did not run all"
                " its operators, which is slow; mixnet-bench count lists those that it did not run"
            )
    measured = PhoneMeasurement(
        serial=phone.serial,
        state=state,
        platform=platform,
        cooled=taken.cooled,
        after=taken.after,
        launches=tuple(launches),
        libraries=tuple(libraries),
        parity=_parity(plan, launches[0], state.features),
        fixed_performance=taken.fixed_performance,
        profiles=tuple(profiles),
        task_profile=work.task_profile,
    )
    return measured, UnfinishedLaunches(phone.serial, taken.digest)


def _waiting(phone: Phone) -> None:
    warn(f"phone {phone.serial} is disconnected: waiting for it")


@dataclass(frozen=True)
class _Launcher:
    """Launches some work again and again, but for what an interrupted command has measured."""

    phone: Phone
    kept: UnfinishedLaunches
    work: Work
    installed: Installed
    launches: int
    report: Report

    def launch_or_recall(self, name: str, number: int) -> Launched:
        """One launch, or what an interrupted command has measured of it already."""
        # Another seed, another order of turns; outputs are compared once.
        work = replace(self.work, outputs=number == 0, seed=self.work.seed + number)
        found = self.kept.recall(number)
        if found is None:
            found = launch(
                self.phone,
                name,
                work,
                self.installed,
                on_progress=lambda done, stage: self.report((number + done) / self.launches),
                on_lost=lambda: _waiting(self.phone),
            )
            self.kept.save(number, found)
        self.report((number + 1) / self.launches)
        return found


def _parity(
    plan: Plan, first: Launched, features: Sequence[str]
) -> tuple[tuple[Difference, ...], ...]:
    """Each file's outputs on the phone against the same file's on this machine.

    ``features`` are those of the phone, which may compute in float16.
    """
    return tuple(
        tuple(
            compare_with_host(
                model,
                plan.seed,
                {output: each for (model, output), each in first.outputs.items() if model == index},
                half=half_precision_of(model.source, features, forced=model.fp16) is not None,
            )
        )
        for index, model in enumerate(plan.models)
    )


def serial_of(on: str) -> str | None:
    """The serial in ``adb:SERIAL``; None for ``adb``. Raises UsageError for anything else."""
    kind, colon, serial = on.partition(":")
    if kind != "adb" or (colon and not serial):
        raise UsageError(f"--on {on!r} is not a target", "write host, adb, adb:SERIAL or all")
    return serial or None
