"""``mixnet-bench devices selftest``: every assumption about phones, checked on this one.

Phones were only emulated where this was written: what is assumed of them is listed here, each
assumption with a check, and the answers make a file to attach to a report. It changes nothing on
the phone that it does not put back.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from mixnet_android.adb import Adb, Phone, quote
from mixnet_android.libraries.store import NoRuntime, find_runtime
from mixnet_android.parsers import clean
from mixnet_android.phone import store
from mixnet_android.phone.conditions import read_conditions
from mixnet_android.phone.device import (
    State,
    choose_phone,
    read_state,
)
from mixnet_android.phone.platform import platform_of
from mixnet_android.runner.build import NoRunner, find_runner
from mixnet_android.runs.detached import Run
from mixnet_android.runs.status import Phase
from mixnet_bench.phones.one_phone import measure_on
from mixnet_bench.phones.steps import PhoneOptions
from mixnet_bench.results.devices import AssumptionResult
from mixnet_bench.results.verdict import Verdict
from mixnet_bench.timing.latency import Plan
from mixnet_common import MixnetError, write_whole
from mixnet_common.console import json_text, print_json, print_table
from mixnet_common.outputs import check_output
from mixnet_common.progress import tracked
from mixnet_common.temporary import temporary_folder
from mixnet_runtimes.model_files import with_companions

COLUMNS = ("assumption", "holds", "what was found")
TOOLS = ("setsid", "nohup", "dumpsys", "getprop", "df")
"""Without these a phone cannot be measured, or it is unknown how."""
WORDS = {True: "yes", False: "NO", None: "not checked"}


@dataclass(frozen=True)
class Subject:
    """The phone under test, and the duration and file of the A/A run."""

    phone: Phone
    state: State
    plan: Plan
    model: Path | None


@dataclass(frozen=True)
class CheckedAssumption:
    """Whether an assumption holds; None if it could not be checked."""

    holds: bool | None
    detail: str


Check = Callable[[Subject], CheckedAssumption]


CLOSE, TELLING = 0.02, 0.20
"""A file's time over its own: accepted distance from 1, and largest conclusive interval."""

PLAN = Plan(paths=(), launches=6, min_count=60, min_time_s=6.0)
"""Plan of the A/A run: a minute or two on a phone."""


def run_selftest(
    serial: str | None, model: Path | None, as_json: bool, output: Path | None, plan: Plan = PLAN
) -> None:
    """Check everything and report. Raises MixnetError if an assumption does not hold.

    ``model`` is for the A/A run; None means MixNet-S with random weights.
    """
    if output is not None:
        check_output(output, with_companions([model] if model else []), like="selftest.json")
    phone = choose_phone(Adb.find(), serial)
    subject = Subject(phone, read_state(phone), plan, model)
    found = [
        (name, _ask(check, subject)) for name, check in tracked(list(CHECKS.items()), "checking")
    ]
    described = [describe_selftest(subject, name, answer) for name, answer in found]
    if output is not None:
        write_whole(output, json_text(described) + "\n")
    if as_json:
        print_json(described)
    else:
        rows = [(name, WORDS[answer.holds], answer.detail) for name, answer in found]
        print_table(COLUMNS, rows, caption="attach the file written by -o to a bug report")
    broken = [name for name, answer in found if answer.holds is False]
    if broken:
        raise MixnetError(
            f"{len(broken)} of {len(found)} assumptions do not hold on {phone.serial}: "
            f"{', '.join(broken)}",
            "latencies measured on this phone may be wrong; please report this with the file"
            " written by -o",
        )


def describe_selftest(subject: Subject, name: str, answer: CheckedAssumption) -> AssumptionResult:
    """One assumption as a record, with the phone it was checked on."""
    product = subject.state.product
    return AssumptionResult(
        name=name,
        holds=answer.holds,
        detail=answer.detail,
        serial=subject.phone.serial,
        model=product.model,
        soc=product.soc,
        android=product.android,
        build=product.build,
        emulated=bool(product.emulated),
    )


def _ask(check: Check, subject: Subject) -> CheckedAssumption:
    """One check's answer; an error is an answer too."""
    try:
        return check(subject)
    except (NoRunner, NoRuntime) as error:  # says nothing about the phone
        return CheckedAssumption(None, clean(f"{error.message}: {error.hint}", 300))
    except MixnetError as error:
        return CheckedAssumption(False, clean(f"{error.message} {error.hint}", 300))


def _exit_status(subject: Subject) -> CheckedAssumption:
    answer = subject.phone.shell("echo out; (exit 7)")
    found = (answer.text.strip(), answer.status)
    return CheckedAssumption(found == ("out", 7), f"printed {found[0]!r}, exit status {found[1]}")


def _tools(subject: Subject) -> CheckedAssumption:
    script = "\n".join(f"command -v {tool} >/dev/null || echo {tool}" for tool in TOOLS)
    missing = subject.phone.shell(script).text.split()
    return CheckedAssumption(
        not missing, f"missing: {', '.join(missing)}" if missing else ", ".join(TOOLS)
    )


def _executable(subject: Subject) -> CheckedAssumption:
    store.check_executable(subject.phone)
    return CheckedAssumption(True, f"a script in {store.ROOT} was run")


def _taskset(subject: Subject) -> CheckedAssumption:
    if subject.phone.shell("command -v taskset").status != 0:
        return CheckedAssumption(None, "taskset is missing; the runner sets its CPUs itself")
    answer = subject.phone.shell("taskset 1 grep Cpus_allowed_list /proc/self/status 2>&1")
    return CheckedAssumption(
        answer.text.split() == ["Cpus_allowed_list:", "0"], clean(answer.text, 100) or "no answer"
    )


def _cpufreq(subject: Subject) -> CheckedAssumption:
    clusters = subject.state.clusters
    known = [each for each in clusters if each.max_khz and each.current_khz]
    shown = [f"CPUs {_list(each.cpus)}: {each.current_khz} of {each.max_khz} kHz" for each in known]
    return CheckedAssumption(
        bool(clusters) and len(known) == len(clusters),
        "; ".join(shown) or "no clusters are reported",
    )


def _list(cpus: tuple[int, ...]) -> str:
    return ",".join(map(str, cpus))


def _conditions(subject: Subject) -> CheckedAssumption:
    now = read_conditions(subject.phone)
    told = {
        "thermal status": now.thermal.status,
        "temperature": now.celsius,
        "battery": now.battery.level_percent,
        "screen": now.screen_on,
        "boot": now.boot_id,
    }
    missing = [name for name, value in told.items() if value is None]
    shown = ", ".join(f"{name} {value}" for name, value in told.items())
    return CheckedAssumption(not missing, shown)


def _detached(subject: Subject) -> CheckedAssumption:
    """A program continues after the end of the shell that started it, and its status is found."""
    run = Run(subject.phone, f"selftest-{time.time_ns()}")
    run.start(["sh", "-c", "sleep 1; exit 9"], 30)
    try:
        started = run.poll().phase
        limit = time.monotonic() + 20
        while (status := run.poll()).phase is Phase.RUNNING and time.monotonic() < limit:
            time.sleep(0.2)
    finally:
        run.kill()
        run.remove()
    found = (started, status.phase, status.exit_status)
    return CheckedAssumption(
        found == (Phase.RUNNING, Phase.ENDED, 9),
        f"{found[0].value}, then {found[1].value} with exit status {found[2]}",
    )


def _dlopen(api: str) -> Check:
    def check(subject: Subject) -> CheckedAssumption:
        platform = platform_of(subject.phone, subject.state.product.abis)
        library = find_runtime(api, platform)
        if library is None:
            return CheckedAssumption(
                None, f"no {api} for {platform} here: mixnet-bench devices setup"
            )
        program = store.put(subject.phone, find_runner(platform)).path
        pushed = store.put(subject.phone, library.path).path
        command = f"{quote(program, '--library', pushed, '--check')} 2>&1"
        answer = subject.phone.shell(command, 60)
        found = re.search(r'"interface": "([^"]{1,40})"', answer.text)
        detail = f"{api} {library.version}, interface {found[1]}" if found else answer.text
        return CheckedAssumption(answer.status == 0 and found is not None, clean(detail, 200))

    return check


def _a_a(subject: Subject) -> CheckedAssumption:
    """The same file twice, side by side on the fast cores: equal, and where they were asked."""
    speeds = {(each.capacity or 0, each.max_khz or 0) for each in subject.state.clusters}
    with temporary_folder() as folder:
        model = subject.model or write_model(folder)
        plan = replace(subject.plan, paths=(model, model))
        phone_options = PhoneOptions(pin="big" if len(speeds) > 1 else None)
        targets = measure_on(subject.phone, plan, phone_options)
    second = targets[1]
    ratio = second.ratio_to_first
    if ratio is None or ratio.interval is None:
        return CheckedAssumption(None, "the ratio has no interval")
    low, high = ratio.interval
    equal = as_fast(low, high)
    words = sorted({each.verdict for each in targets} - {Verdict.VALID})
    parity = all(each.parity is not None and each.parity.within for each in targets)
    detail = (
        f"median {second.median_ms:.3g} ms, ratio {ratio.value:.3f} "
        f"({low:.3f} to {high:.3f}); outputs {'equal' if parity else 'DIFFER'}"
        f"{'; ' + ', '.join(words) if words else ''}"
    )
    if not parity or Verdict.WRONG_CORES in words:
        return CheckedAssumption(False, detail)
    return CheckedAssumption(
        equal, detail if equal is not None else f"{detail}; too noisy to decide"
    )


def as_fast(low: float, high: float) -> bool | None:
    """Whether a ratio with this interval may be 1, to 2 %; None if it may be anything.

    >>> as_fast(0.99, 1.03), as_fast(1.05, 1.08), as_fast(0.8, 1.2)
    (True, False, None)
    """
    if low > 1 + CLOSE or high < 1 - CLOSE:
        return False
    return True if high / low < 1 + TELLING else None


def write_model(folder: Path) -> Path:
    """MixNet-S for LiteRT with random weights: no accuracy, but all its work."""
    from mixnet_export.job.exporting import Options, export
    from mixnet_export.writers import FORMATS
    from mixnet_networks import load_network
    from mixnet_networks.weights import seeded_weights

    network = load_network("mixnet-s")
    weights = seeded_weights(network)
    return export(network, weights, FORMATS["tflite"], folder, Options(verify=False)).path


CHECKS: dict[str, Check] = {
    "exit statuses come back": _exit_status,
    "the tools are there": _tools,
    "programs may be run": _executable,
    "taskset pins": _taskset,
    "clocks can be read": _cpufreq,
    "conditions can be read": _conditions,
    "programs run on without the shell": _detached,
    "LiteRT can be loaded": _dlopen("litert"),
    "onnxruntime can be loaded": _dlopen("onnxruntime"),
    "a file is as fast as itself": _a_a,
}
"""The assumptions on every phone, in the order of their dependencies."""
