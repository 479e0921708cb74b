"""Reads the output of the native runner: JSON lines, version 1, described in its README.

Pure: from lines to records. Everything is checked, so that a truncated or garbled file is refused
with its name and line and never becomes a latency; timings are not judged here.
"""

import json
from collections.abc import Iterator, Mapping

from mixnet_android.runner.fields import Fields
from mixnet_android.runner.result import (
    Burst,
    Canary,
    End,
    Header,
    Library,
    Memory,
    Model,
    Output,
    ProfiledRound,
    Progress,
    Result,
    Tensor,
    Thread,
)
from mixnet_common import MixnetError

PROTOCOL = 1
MOST_MODELS = 16
REASONS = ("complete", "failed", "signal", "stop-file", "max-time")
APIS = ("litert", "tflite", "onnxruntime")
HINT = "run the command again; if it fails again, run the runner directly and inspect its result"


def parse(text: str) -> Result:
    """Read a whole result.

    Raises MixnetError if it is garbled, truncated, or of another version. A result that tells
    of a failed job is a result: see ``end`` and ``errors``.
    """
    lines = list(_objects(text))
    if not lines or lines[-1].kind != "end":
        raise MixnetError("the runner's result is truncated: it has no end marker", HINT)
    stated = lines[-1].integer("lines", least=1)
    if stated != len(lines) - 1:
        raise MixnetError(
            f"the runner's result is truncated: {len(lines) - 1} of {stated} lines", HINT
        )
    return _collect(lines)


def salvage(text: str) -> Result:
    """Read what a killed runner left behind: all whole lines, with or without an end.

    Raises MixnetError if a line in the middle is garbled or the header is missing.
    """
    whole, newline, _ = text.rpartition("\n")
    return _collect(list(_objects(whole + newline)))


def parse_progress(text: str) -> Progress | None:
    """The latest whole line of a progress file; None if there is none yet."""
    found = None
    whole, _, _ = text.rpartition("\n")
    for line in whole.splitlines():
        try:
            fields = _object(0, line)
            if fields.kind == "progress":
                found = Progress(fields.number("done", most=1), fields.text("stage"))
        except MixnetError:
            continue  # a progress file is for looking at; it decides nothing
    return found


def _objects(text: str) -> Iterator[Fields]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield _object(number, line)


def _object(number: int, line: str) -> Fields:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict) or not isinstance(values.get("type"), str):
        raise MixnetError(f"line {number} of the runner's result is garbled: {line[:60]!r}", HINT)
    return Fields(f"line {number} of the runner's result", values["type"], values)


def _collect(lines: list[Fields]) -> Result:
    if not lines or lines[0].kind != "header":
        raise MixnetError("the runner's result does not begin with its header", HINT)
    version = lines[0].integer("protocol")
    if version != PROTOCOL:
        raise MixnetError(
            f"the runner speaks version {version} of its protocol, not {PROTOCOL}",
            "build the runner of this version: mixnet-bench devices build-runner",
        )
    if any(each.kind in ("header", "end") for each in lines[1:-1]):
        raise MixnetError("the runner's result holds a second header or an early end", HINT)
    by_kind: dict[str, list[Fields]] = {}
    for each in lines:
        by_kind.setdefault(each.kind, []).append(each)
    return _result(by_kind)


def _result(found: Mapping[str, list[Fields]]) -> Result:
    affinity = found.get("affinity", [None])[-1]
    libraries = tuple(_library(each) for each in found.get("library", []))
    return Result(
        header=_header(found["header"][0]),
        asked_cpus=None if affinity is None else affinity.cpus_or_none("asked"),
        cpus=None if affinity is None else affinity.cpus_or_none("cpus"),
        libraries=libraries,
        models=_models(found, len(libraries)),
        threads={
            each.text("when"): tuple(_thread(thread) for thread in each.records("threads"))
            for each in found.get("threads", [])
        },
        memory={
            each.text("when"): Memory(each.integer("peak_kb"), each.integer("now_kb"))
            for each in found.get("memory", [])
        },
        warnings=tuple(each.text("message") for each in found.get("warning", [])),
        errors=tuple(each.text("message") for each in found.get("error", [])),
        end=_end(found["end"][-1]) if "end" in found else None,
    )


def _header(fields: Fields) -> Header:
    return Header(
        runner=fields.text("runner"),
        machine=fields.text("machine"),
        system=fields.text("system"),
        pid=fields.integer("pid"),
        page_bytes=fields.integer("page_bytes", least=1),
        clock_ns=fields.integer("clock_ns"),
        unix_s=fields.number("unix_s"),
        arguments=fields.texts("arguments"),
    )


def _library(fields: Fields) -> Library:
    return Library(
        path=fields.text("path"),
        api=fields.choice("api", APIS),
        version=fields.text_or_none("version"),
        interface=fields.text("interface"),
        load_ms=fields.number("load_ms"),
    )


def _models(found: Mapping[str, list[Fields]], libraries: int) -> dict[int, Model]:
    models: dict[int, Model] = {}
    for fields in found.get("model", []):
        index = fields.integer("model", most=MOST_MODELS - 1)
        if index in models:
            fields.refuse("model", f"describes model {index} a second time")
        models[index] = _model(fields, index, found, libraries)
    for kind in ("warmup", "burst", "profile", "profile_file", "output"):
        for fields in found.get(kind, []):
            if fields.integer("model", most=MOST_MODELS - 1) not in models:
                fields.refuse("model", "describes a model that was not loaded")
    return models


def _model(fields: Fields, index: int, found: Mapping[str, list[Fields]], libraries: int) -> Model:
    def of(kind: str) -> list[Fields]:
        return [each for each in found.get(kind, []) if each.values.get("model") == index]

    return Model(
        library=fields.integer("library", most=libraries - 1),
        path=fields.text("path"),
        size_bytes=fields.integer("size_bytes"),
        load_ms=fields.number("load_ms"),
        first_ms=fields.number("first_ms"),
        input_source=fields.choice("input_source", ("seed", "files")),
        settings=fields.mapping("settings"),
        inputs=tuple(_tensor(each) for each in fields.records("inputs")),
        outputs=tuple(_tensor(each) for each in fields.records("outputs")),
        warmup_ns=tuple(ns for each in of("warmup") for ns in each.integers("ns")),
        bursts=tuple(_burst(each) for each in of("burst")),
        profile=tuple(_profiled(each) for each in of("profile")),
        profile_file=next((each.text("path") for each in of("profile_file")), None),
        output_files=tuple(
            Output(_tensor(each), each.integer("index"), each.text("path")) for each in of("output")
        ),
        wholly_delegated=_switch(fields, "wholly_delegated"),
    )


def _switch(fields: Fields, key: str) -> bool | None:
    """0 or 1; None if it is not reported."""
    return None if key not in fields.values else bool(fields.integer(key, most=1))


def _tensor(fields: Fields) -> Tensor:
    return Tensor(
        name=fields.text("name"),
        dtype=fields.text("dtype"),
        shape=fields.integers("shape"),
        size_bytes=fields.integer("size_bytes"),
    )


def _burst(fields: Fields) -> Burst:
    burst = Burst(
        round=fields.integer("round"),
        turn=fields.integer("turn"),
        t_ns=fields.integers("t_ns"),
        ns=fields.integers("ns"),
        cpu=fields.integers("cpu", least=-1),
        khz=fields.integers("khz") if "khz" in fields.values else None,
        cpu_ns=fields.integer("cpu_ns"),
        preempted=fields.integer("preempted"),
        khz_before=fields.frequencies("khz_before"),
        khz_after=fields.frequencies("khz_after"),
        canary=_canary(fields),
    )
    lengths = {len(burst.t_ns), len(burst.ns), len(burst.cpu)}
    lengths |= set() if burst.khz is None else {len(burst.khz)}
    if lengths == {0} or len(lengths) != 1:
        fields.refuse("ns", f"has lists of different or zero length: {sorted(lengths)}")
    if any(later < earlier for earlier, later in zip(burst.t_ns, burst.t_ns[1:], strict=False)):
        fields.refuse("t_ns", "has times that decrease")
    return burst


def _canary(fields: Fields) -> Canary | None:
    """None before short bursts, and of earlier runners."""
    if "canary_ns" not in fields.values:
        return None
    found = Canary(
        ns=fields.integers("canary_ns"),
        cpu_ns=fields.integers("canary_cpu_ns"),
        cpu=fields.integer("canary_cpu", least=-1),
    )
    if not found.ns or len(found.ns) != len(found.cpu_ns):
        fields.refuse("canary_ns", "does not have the length of canary_cpu_ns")
    return found


def _profiled(fields: Fields) -> ProfiledRound:
    return ProfiledRound(fields.integer("round"), fields.integer("wall_ns"), fields.events())


def _thread(fields: Fields) -> Thread:
    return Thread(
        tid=fields.integer("tid"),
        name=fields.text("name"),
        allowed=fields.integers("allowed"),
        last_cpu=fields.integer("last_cpu", least=-1),
        cpu_ms=fields.integer("cpu_ms"),
        run_delay_ns=fields.integer_or_none("run_delay_ns"),
    )


def _end(fields: Fields) -> End:
    return End(
        fields.integer("status", most=255), fields.choice("reason", REASONS), fields.integer("t_ns")
    )
