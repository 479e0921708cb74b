"""``mixnet-bench latency --on adb --runner FILE``: LiteRT's own ``benchmark_model`` on a phone.

The second runner, for users who have it: the same files, options and conditions, one process per
file and launch, in an order shuffled for each launch. It saves no samples and no outputs, so its
results are labelled and judged separately from those of this software's own runner.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from mixnet_android.adb import Phone
from mixnet_android.libraries.elf import parse_elf
from mixnet_android.phone import store
from mixnet_android.phone.device import read_state
from mixnet_android.phone.platform import choose_cpus, platform_of
from mixnet_android.runs.benchmark_model import NAME, Options, Report, arguments, parse
from mixnet_android.runs.detached import Run, run_names, run_to_end
from mixnet_bench.phones.benchmark_model_report import ProgramMeasurement
from mixnet_bench.phones.steps import PhoneOptions, Steps, take_steps
from mixnet_bench.timing.latency import Plan
from mixnet_common import MixnetError, UsageError
from mixnet_common.console import warn
from mixnet_common.hashing import sha256, sha256_of
from mixnet_common.readers import is_file, read_bytes
from mixnet_runtimes import NOTHING_GIVEN

MOST_PROGRAM_BYTES = 512 * 2**20
Reports = tuple[Report, ...]
"""The reports of a file, launch by launch."""

LIMIT_S = 3600
"""Time limit of one process."""

OUTPUT = "head -c 1000000 stdout; echo; head -c 1000000 stderr"
WHERE = "download it for android_arm64 from the releases of LiteRT, and give its path"


def refuse(on: str, against: str | None, sustained: str | None) -> None:
    """Raise UsageError for what can't go with ``--runner``."""
    if on == "host":
        raise UsageError("--runner applies to phones", "add --on adb, or omit it")
    if on == "all":
        raise UsageError("--runner applies to one phone at a time", "write --on adb:SERIAL")
    if against is not None or sustained is not None:
        option = "--sustained" if against is None else "--against"
        raise UsageError(
            f"{option} needs all samples, and {NAME} saves none", f"omit {option} or --runner"
        )


def check_program_request(plan: Plan, program: Path, phone_options: PhoneOptions) -> None:
    """Raise UsageError for what this runner cannot do, before the phone is touched."""
    for path in plan.paths:
        if path.suffix != ".tflite":
            raise UsageError(f"{NAME} runs .tflite files only, not {path}", "omit --runner")
    if plan.inputs != NOTHING_GIVEN:
        raise UsageError(f"{NAME} generates its inputs", "omit --input or --runner")
    if phone_options.profile:
        raise UsageError(f"--profile does not work with {NAME}", "omit --profile or --runner")
    if not is_file(program):
        raise UsageError(f"--runner {program} is not a file", WHERE)
    if program.stat().st_size > MOST_PROGRAM_BYTES:
        raise UsageError(f"--runner {program} is too large for {NAME}", WHERE)


def check_program(program: Path, platform: str) -> str:
    """The program's SHA-256. Raises MixnetError if it is for another processor or system."""
    elf = parse_elf(read_bytes(program, limit=MOST_PROGRAM_BYTES), str(program))
    system, _, machine = platform.partition("-")
    # A program that needs no C library does not identify its system.
    if elf.machine != machine or elf.system not in (system, "unknown"):
        raise MixnetError(f"{program} is for {elf.platform}, and the phone is {platform}", WHERE)
    return sha256_of(program)


def measure_on(
    phone: Phone, plan: Plan, program: Path, phone_options: PhoneOptions, step: Callable[[], object]
) -> tuple[Plan, ProgramMeasurement]:
    """Time the files on this phone; the plan with its CPUs, and the results.

    ``step`` is called after each process. Raises MixnetError and UsageError.
    """
    state = read_state(phone)
    platform = platform_of(phone, state.product.abis)
    program_hash = check_program(program, platform)
    plan = replace(plan, cpus=choose_cpus(phone_options.pin, state.clusters, state.online))
    asked = asdict(replace(plan, models=()))  # the copies are known by their hashes

    def place() -> tuple[str, list[store.Stored]]:
        store.check_executable(phone)
        return store.put(phone, program).path, [store.put(phone, path) for path in plan.files]

    def digest(placed: tuple[str, list[store.Stored]], fixed: bool, boot: str) -> str:
        what = [program_hash, *(each.sha256 for each in placed[1]), asked, fixed, boot]
        return sha256(repr(what))

    def measure(placed: tuple[str, list[store.Stored]], digest: str) -> tuple[Reports, ...]:
        commands = [arguments(placed[0], each.path, options(plan)) for each in placed[1]]
        return _take_turns(phone, plan, steps.name(digest), commands, step)

    steps = Steps(NAME, place, digest, measure)
    taken = take_steps(phone, phone_options, steps)
    _forget(phone, steps.name(taken.digest))
    return plan, ProgramMeasurement(
        serial=phone.serial,
        state=state,
        platform=platform,
        program_sha256=program_hash,
        cooled=taken.cooled,
        after=taken.after,
        reports=taken.found,
        fixed_performance=taken.fixed_performance,
    )


def options(plan: Plan) -> Options:
    """One launch's share of the plan."""
    return Options(
        threads=plan.threads,
        min_count=plan.count_share,
        min_time_s=plan.time_share_ms / 1000,
        warmup=plan.warmup,
        limit_s=LIMIT_S,
        cpus=plan.cpus,
    )


def _take_turns(
    phone: Phone,
    plan: Plan,
    prefix: str,
    commands: Sequence[Sequence[str]],
    step: Callable[[], object],
) -> tuple[Reports, ...]:
    """Every file once a launch, in a shuffled order; reports by file, then by launch."""
    found: list[list[Report]] = [[] for _ in commands]
    for launch in range(plan.launches):
        order = list(range(len(commands)))
        random.Random(plan.seed + launch).shuffle(order)
        for index in order:
            found[index].append(_launch(phone, f"{prefix}{launch}-{index}", commands[index]))
            step()
    return tuple(map(tuple, found))


def _launch(phone: Phone, name: str, command: Sequence[str]) -> Report:
    """One process on the phone; one that an interrupted command has left there is not repeated."""
    run = run_to_end(
        phone,
        name,
        command,
        limit_s=LIMIT_S + 60,
        on_lost=lambda: warn(f"phone {phone.serial} is disconnected: waiting for it"),
    )
    text = phone.shell(f"cd {run.folder} && {{ {OUTPUT}; }}").text
    status = run.poll().exit_status
    try:
        report = parse(text)
    except MixnetError as error:
        run.remove()  # or the same would be found again
        raise MixnetError(f"phone {phone.serial}: {error.message}", error.hint) from error
    if status != 0:
        run.remove()
        raise MixnetError(f"phone {phone.serial}: {NAME} ended with exit status {status}")
    return report


def _forget(phone: Phone, prefix: str) -> None:
    """Remove the launches' folders, which are there until all is measured."""
    for name in run_names(phone):
        if name.startswith(prefix):
            Run(phone, name).remove()
