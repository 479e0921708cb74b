"""One launch of the runner on a phone: sends files, runs, fetches results and outputs, cleans up.

Combines the store, the detached run and the runner's protocol. It chooses no phone, reads no
conditions and judges no timing.
"""

import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mixnet_android.adb import AdbError, Phone
from mixnet_android.parsers import clean, common_features, parse_cpuinfo
from mixnet_android.runner.protocol import parse, parse_progress, salvage
from mixnet_android.runner.result import Result
from mixnet_android.runs.detached import GONE, Run, discard, run_to_end
from mixnet_android.runs.status import SIGILL, RunKilled
from mixnet_android.runs.work import RESULT, Installed, Work, arguments
from mixnet_common import MixnetError

MOST_OUTPUT_BYTES = 256 * 2**20
MAYBE_FULL = "its storage may be full; mixnet-bench devices shows the free space"


class RunnerError(MixnetError):
    """The runner could not do something on the phone: a library, a model or an input is why."""


@dataclass(frozen=True)
class Trace:
    """The output of ONNX Runtime's profiler: every node's times, and the graph that it ran."""

    times: bytes
    graph: bytes


@dataclass(frozen=True)
class Launched:
    """The runner's result, and raw outputs by model and output number."""

    result: Result
    outputs: Mapping[tuple[int, int], bytes]
    text: str
    """The result as the runner wrote it."""
    traces: Mapping[int, Trace] = field(default_factory=dict)
    """Traces by model, if its runtime writes its profile into a file."""


def launch(
    phone: Phone,
    name: str,
    work: Work,
    installed: Installed,
    on_progress: Callable[[float, str], object] = lambda done, stage: None,
    on_lost: Callable[[], None] = lambda: None,
) -> Launched:
    """Run the work once, as the run ``name``, and bring back what it found.

    A run of this name that the phone has already is picked up. Raises MixnetError, with the
    runner's own words, where it failed or ended early; nothing of it stays on the phone then,
    unless it is the phone that went away.
    """

    def report(line: str) -> None:
        if found := parse_progress(line + "\n"):
            on_progress(found.done, found.stage)

    try:
        run = run_to_end(
            phone,
            name,
            arguments(work, installed),
            limit_s=work.longest_s + 60,
            on_progress=report,
            on_lost=on_lost,
            tell_rest=_tell_rest,
        )
    except RunKilled as error:
        if error.signal == SIGILL:
            error.hint = _about_features(phone, work)
        raise
    try:
        found = _bring_back(phone, work, run)
    except GONE:
        raise
    except MixnetError:
        discard(run)  # or the same would be found again
        raise
    run.remove()
    return found


WANTED_FEATURES = ("asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2", "sme")
"""Extensions of Arm's instruction set, as /proc/cpuinfo names them, that libraries have kernels
for; they should ask the phone before they use one."""


def _about_features(phone: Phone, work: Work) -> str:
    """The remedy for an unsupported instruction, with the extensions of the CPU."""
    try:
        found = common_features(parse_cpuinfo(phone.shell("cat /proc/cpuinfo").text))
    except AdbError:
        found = ()
    known = [each for each in WANTED_FEATURES if each in found]
    lacking = [each for each in WANTED_FEATURES if each not in found]
    told = f"of {', '.join(WANTED_FEATURES)} its CPUs have {', '.join(known) or 'none'} and lack "
    told = (
        f"{told}{', '.join(lacking) or 'none'}"
        if found
        else "the phone does not report the features of its CPUs"
    )
    libraries = ", ".join(dict.fromkeys(work.titles)) or "the library"
    return (
        f"{libraries} used an instruction that the phone does not have; {told}: use another build"
        " of it"
    )


def _bring_back(phone: Phone, work: Work, run: Run) -> Launched:
    with tempfile.TemporaryDirectory(prefix="mixnet-") as folder:
        text = _fetch_result(phone, run.folder, Path(folder))
        result = parse(text)
        _check(phone, work, result)
        outputs = _fetch_outputs(phone, run.folder, result, Path(folder)) if work.outputs else {}
        traces = {
            number: _fetch_trace(phone, run.folder, number, model.profile_file, Path(folder))
            for number, model in result.models.items()
            if model.profile_file is not None
        }
    return Launched(result, outputs, text, traces)


def _tell_rest(run: Run) -> str:
    """The progress of a runner that was killed; empty if unknown."""
    try:
        with tempfile.TemporaryDirectory(prefix="mixnet-") as folder:
            part = _fetch(run.phone, run.folder, f"{RESULT}.part", Path(folder), MOST_OUTPUT_BYTES)
        models = salvage(part.decode("utf-8", errors="replace")).models.values()
    except MixnetError:
        return ""
    counts = [len(model.samples_ms) for model in models]
    timed = f"{sum(counts)} inferences of {sum(map(bool, counts))} files"
    return f"it had timed {timed if any(counts) else 'nothing'} until then"


def _fetch_result(phone: Phone, folder: str, into: Path) -> str:
    """The runner's result; if it wrote none, the error from its stderr."""
    if phone.shell(f"[ -f {folder}/{RESULT} ]").status != 0:
        said = clean(phone.shell(f"tail -n 1 {folder}/stderr").text, 300)
        raise RunKilled(
            f"phone {phone.serial}: the runner wrote no result: {said or 'no message'}",
            "" if said and "cannot be written" not in said else MAYBE_FULL,
        )
    content = _fetch(phone, folder, RESULT, into, MOST_OUTPUT_BYTES)
    return content.decode("utf-8", errors="replace")


TOO_NEW = {
    "opset": re.compile(
        r"Opset (\d{1,4}) is under development.{0,2000}?till opset (\d{1,4})", re.S
    ),
    "IR version": re.compile(
        r"model IR version: (\d{1,4}), max supported IR version: (\d{1,4})", re.IGNORECASE
    ),
}
"""ONNX Runtime's message about a file that is too new: the file's number and its own."""


def _refusal(phone: Phone, work: Work, words: str) -> RunnerError:
    """The error for the runner's message."""
    for what, pattern in TOO_NEW.items():
        if found := pattern.search(words):
            file = re.search(r"cannot load (?:\S*/)?([^/:]+):", words)
            title = next((each for each in work.titles if "onnxruntime" in each), "onnxruntime")
            return RunnerError(
                f"phone {phone.serial}: {clean(file[1], 100) if file else 'a file'} is of {what} "
                f"{found[1]}, and {title} takes {what} {found[2]} at most",
                "add a newer one: mixnet-bench devices add-runtime FILE; or export the file "
                f"with an older {what}",
            )
    return RunnerError(f"phone {phone.serial}: {clean(words, 600)}")


def _check(phone: Phone, work: Work, result: Result) -> None:
    """Raise unless the runner did all that was asked."""
    if result.errors:
        raise _refusal(phone, work, result.errors[0])
    if result.end is None or result.end.reason != "complete":
        reason = "exit status unknown" if result.end is None else result.end.reason
        raise MixnetError(
            f"phone {phone.serial}: the runner exited early ({reason})",
            "measure fewer files or inferences at once" if reason == "max-time" else "run it again",
        )
    told = {number for number, model in result.models.items() if model.samples_ms}
    if told != set(range(len(work.models))):
        raise MixnetError(
            f"phone {phone.serial}: the runner's result has samples of {len(told)} files, and "
            f"{len(work.models)} were to be timed",
            "build the runner of this version: mixnet-bench devices build-runner",
        )


def _fetch_outputs(
    phone: Phone, folder: str, result: Result, into: Path
) -> dict[tuple[int, int], bytes]:
    found = {}
    for number, model in result.models.items():
        for output in model.output_files:
            size = output.tensor.size_bytes
            if size > MOST_OUTPUT_BYTES:
                raise MixnetError(f"{output.tensor.name} is too large to be copied from the phone")
            found[number, output.index] = _fetch(phone, folder, output.path, into, size)
    return found


def _fetch_trace(phone: Phone, folder: str, number: int, times: str, into: Path) -> Trace:
    graph = f"{RESULT}.profile{number}.onnx"
    if phone.shell(f"[ -f {folder}/{graph} ]").status != 0:
        raise MixnetError(
            f"phone {phone.serial}: the runner did not save the profiled graph",
            "build the runner of this version: mixnet-bench devices build-runner",
        )
    return Trace(*(_fetch(phone, folder, name, into, MOST_OUTPUT_BYTES) for name in (times, graph)))


def _fetch(phone: Phone, folder: str, path: str, into: Path, most_bytes: int) -> bytes:
    """A file that the runner reports; only in the run's folder, whatever it reports."""
    name = path.rpartition("/")[2]
    if not re.fullmatch(
        r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}", name
    ):  # not . or .., which are folders
        raise MixnetError(
            f"phone {phone.serial}: an output has the unusable name {clean(name, 80)!r}"
        )
    target = into / f"fetched-{name}"
    phone.pull(f"{folder}/{name}", target, most_bytes)
    if not target.is_file() or target.stat().st_size > most_bytes:
        raise MixnetError(
            f"phone {phone.serial}: {name} is not a file with at most {most_bytes} bytes",
            "run it again",
        )
    return target.read_bytes()
