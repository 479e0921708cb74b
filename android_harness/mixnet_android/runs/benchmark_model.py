"""LiteRT's own ``benchmark_model``: its command line, and its output as a record.

Pure: from text to a record; it runs nothing. The program saves no samples, only their number and
spread, so less is known about its runs than about this software's own.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mixnet_android.parsers.text import clean, lines_of
from mixnet_common import MixnetError

NAME = "benchmark_model"
MOST_TEXT = 4 * 2**20
"""Characters that are read; with its profile a run prints some ten thousand."""

_NUMBER = r"(\d{1,15}(?:\.\d{1,15})?(?:e[+-]?\d{1,2})?)"
_COUNT = re.compile(rf"\bcount=(\d{{1,12}})((?: \w{{1,12}}={_NUMBER}(?:\(all same\))?){{1,12}})")
_PAIR = re.compile(rf"(\w+)={_NUMBER}")
_SUMMARY = re.compile(
    rf"Inference timings in us: Init: {_NUMBER},(?: First inference: {_NUMBER},)?"
    rf" Warmup \(avg\): {_NUMBER}, Inference \(avg\): {_NUMBER}"
)
_OLD_SUMMARY = re.compile(
    rf"Average inference timings in us: Warmup: {_NUMBER}, Init: {_NUMBER},"
    rf" (?:Inference|no stats): {_NUMBER}"
)
_ROW = re.compile(
    r"\b(Model initialization|(?:Warmup|Inference) \((?:first|avg|min|max|std)\)):\s{1,20}"
    rf"{_NUMBER}(?: ms)?(?: \((\d{{1,12}}) runs\))?"
)
_MEMORY = re.compile(
    rf"(?:footprint (?:delta from the start of the tool )?\(MB\): init={_NUMBER} overall="
    rf"|Overall footprint:\s{{1,20}}){_NUMBER}"
)
_DELEGATED = re.compile(
    r"\b(\w{1,40}) delegate(?: is explicitly applied)?,(?: and)? the model graph will (?:be )?"
    r"(completely|partially|not)\b"
)
SHARES = {"completely": "all", "partially": "part", "not": "none"}
"""The delegated part of a network, in the program's words and in ours."""


@dataclass(frozen=True)
class Spread:
    """Inferences in short, in milliseconds; None is what this version of the program leaves out."""

    count: int
    mean_ms: float
    min_ms: float | None = None
    max_ms: float | None = None
    deviation_ms: float | None = None
    median_ms: float | None = None
    p95_ms: float | None = None


@dataclass(frozen=True)
class Report:
    """One run of the program; ``timed`` leaves out the warm-up.

    ``delegate`` and ``delegated`` say which delegate took how much of the network: ``all``,
    ``part`` or ``none``; both are None if the output doesn't contain them.
    """

    init_ms: float
    first_ms: float | None
    warmup: Spread | None
    timed: Spread
    delegate: str | None
    delegated: str | None
    memory_mb: float | None


@dataclass(frozen=True)
class Options:
    """The settings of a run; named as for this software's own runner."""

    threads: int
    min_count: int
    min_time_s: float
    warmup: int
    limit_s: int
    cpus: tuple[int, ...] | None = None


def arguments(program: str, model: str, options: Options) -> list[str]:
    """The command line. Its inputs are random and it saves no outputs; neither can be changed.

    >>> arguments("./benchmark_model", "a.tflite", Options(1, 50, 1.0, 10, 60, (4, 5)))[:3]
    ['taskset', '30', './benchmark_model']
    """
    # toybox's taskset wants hexadecimal digits without 0x.
    mask = sum(1 << cpu for cpu in options.cpus or ())
    return [
        *(("taskset", f"{mask:x}") if mask else ()),
        program,
        f"--graph={model}",
        f"--num_threads={options.threads}",
        f"--num_runs={options.min_count}",
        f"--min_secs={options.min_time_s:.6f}",
        f"--max_secs={options.limit_s}",
        f"--warmup_runs={max(1, options.warmup)}",
        "--warmup_min_secs=0",
        "--use_xnnpack=true",
    ]


def parse(text: str) -> Report:
    """Read what the program printed, stdout and stderr together, of any version since 2018.

    Raises MixnetError if it contains no result, or several, or contradicts itself.
    """
    text = "\n".join(lines_of(text[-MOST_TEXT:]))
    spreads = [spread for spread in map(_spread, _COUNT.finditer(text)) if spread is not None]
    rows = {match[1]: match for match in _ROW.finditer(text)}
    found = [*_SUMMARY.finditer(text), *_OLD_SUMMARY.finditer(text)]
    if len(found) > 1 or len(spreads) > 2:
        raise MixnetError(f"{NAME} printed several results", "run the command once per file")
    if found and spreads:
        return _from_lines(text, found[0], spreads)
    if "Inference (avg)" in rows and rows["Inference (avg)"][3]:
        return _from_table(text, rows)
    raise MixnetError(
        f"{NAME} printed no result: {_last_words(text)}", "run it directly to see why"
    )


def _from_lines(text: str, summary: re.Match[str], spreads: Sequence[Spread]) -> Report:
    """TensorFlow Lite's: a line for each of two rounds, ``count=50 first=... avg=...``, then one.

    Raw line: ``Inference timings in us: Init: 855, First inference: 49060, Warmup (avg): 34825.1,
    Inference (avg): 33209.4``; before 2020 ``Average inference timings in us: Warmup: 76605.9,
    Init: 9933, no stats: 66767.6``.
    """
    if summary.re is _SUMMARY:
        init, first, _, mean = summary.groups()
    else:
        _, init, mean = summary.groups()
        first = None
    timed = spreads[-1]
    if not math.isclose(timed.mean_ms, _ms(mean), rel_tol=1e-4):
        raise MixnetError(f"{NAME} contradicts itself: mean {timed.mean_ms:g} and {_ms(mean):g} ms")
    delegate, delegated = _delegate(text)
    return Report(
        init_ms=_ms(init),
        first_ms=None if first is None else _ms(first),
        warmup=spreads[0] if len(spreads) == 2 else None,
        timed=timed,
        delegate=delegate,
        delegated=delegated,
        memory_mb=_memory(text),
    )


def _from_table(text: str, rows: dict[str, re.Match[str]]) -> Report:
    """LiteRT's since 2.1: a table in milliseconds.

    Raw line: ``INFO: [benchmark_litert_model.h:100] Inference (avg):      7430.20 ms (10 runs)``.
    """

    def value(name: str) -> float | None:
        return float(rows[name][2]) if name in rows else None

    timed, warmup = rows["Inference (avg)"], rows.get("Warmup (avg)")
    delegate, delegated = _delegate(text)
    return Report(
        init_ms=value("Model initialization") or 0.0,
        first_ms=value("Warmup (first)"),
        warmup=Spread(int(warmup[3]), float(warmup[2])) if warmup and warmup[3] else None,
        timed=Spread(
            count=int(timed[3]),
            mean_ms=float(timed[2]),
            min_ms=value("Inference (min)"),
            max_ms=value("Inference (max)"),
            deviation_ms=value("Inference (std)"),
        ),
        delegate=delegate,
        delegated=delegated,
        memory_mb=_memory(text),
    )


def _spread(match: re.Match[str]) -> Spread | None:
    """Parse ``count=50 first=... min=... avg=... std=...``, or ``count=1 curr=...``."""
    count = int(match[1])
    fields = {name: _ms(value) for name, value in _PAIR.findall(match[2])}
    mean = fields.get("avg", fields.get("curr"))
    if count == 0 or mean is None:
        return None
    same = None if "avg" in fields else mean
    return Spread(
        count=count,
        mean_ms=mean,
        min_ms=fields.get("min", same),
        max_ms=fields.get("max", same),
        deviation_ms=fields.get("std", None if same is None else 0.0),
        median_ms=fields.get("median", same),
        p95_ms=fields.get("p95", same),
    )


def _delegate(text: str) -> tuple[str | None, str | None]:
    """The delegate and its part of the network.

    Raw line: ``Explicitly applied XNNPACK delegate, and the model graph will be completely executed
    by the delegate.``
    """
    found = _DELEGATED.search(text)
    return (found[1], SHARES[found[2]]) if found else (None, None)


def _memory(text: str) -> float | None:
    """MB that the whole run took; raw line: ``Peak memory footprint (MB): init=0 overall=12.8``."""
    found = _MEMORY.search(text)
    return float(found[2]) if found else None


def _ms(microseconds: str) -> float:
    return round(float(microseconds) / 1000, 9)


def _last_words(text: str) -> str:
    """Its last complaint, else its last line."""
    lines = text.splitlines()
    complaints = [line for line in lines if re.search(r"\b(ERROR|FATAL|Failed|Aborted)\b", line)]
    return clean((complaints or lines or ["it printed nothing"])[-1], 200)
