"""Writes docs/json.md from the records of results: ``python docs/write_json.py``.

A field's docstring describes its key; a test fails when the page is stale.
"""

import ast
import inspect
import types
import typing
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from mixnet_bench.results import (
    count,
    devices,
    inspection,
    latency,
    latency_tables,
    paper,
    parity,
    peers,
    phones,
    program,
    search,
    small,
    studies,
)
from mixnet_common.result import ResultRecord
from mixnet_export import results as exports
from mixnet_export.optimize import results as optimized

PAGE = Path(__file__).with_name("json.md")

INTRODUCTION = """# The JSON documents, format 1

Generated from the records by `python docs/write_json.py`; do not edit it.

`--json` prints one document to standard output and nothing else; `mixnet-bench latency -o FILE` saves the same document.

```json
{"format": 1, "targets": [{"name": "mixnet-s", "params": 4134606, "macs": 239173360}]}
```

`format` is the version of this description: it increases when a key changes its meaning or is removed, but not when one is added. `targets` has one object for each target, in the order of the command line; its content depends on the command.

Names end in their units: `_ms` milliseconds, `_s` seconds, `_bytes` bytes. Below, `[]` means each entry of a list, `*` keys that depend on the content. A value that this machine does not report is `null`. Keys marked *tflite* exist for `.tflite` files only.

Documents are read strictly: a value of another type or out of range is an error that names its key, and so is a missing or misspelled key. Keys that an earlier version did not write may be missing, and keys of a later version are ignored.
"""

HISTORY = """## History

- Format 1: the first.
"""


class Section(NamedTuple):
    """A command's section: its records; keys of earlier records are not repeated."""

    title: str
    records: tuple[type[ResultRecord], ...]
    text: str = ""


LAUNCHES = """A *launch* is one fresh process per file, all of them alive at the same time; within it the files take turns in *bursts*. `launches[].bursts[]` contains the whole order of the run. With `--against` every compared file has `against`; the baseline, if it ran side by side, is the last target. `sustained` exists with `--sustained`, `profile` with `--profile`, `origin` in a campaign's results."""

SECTIONS = (
    Section("mixnet-export list", (exports.ListedNetwork,)),
    Section("mixnet-export show", (exports.ShownNetwork,)),
    Section(
        "mixnet-export tflite, onnx",
        (exports.ExportResult,),
        "The `.json` beside a file has the same keys, except `name` and `path`.",
    ),
    Section(
        "mixnet-export optimize",
        (optimized.OptimizeResult,),
        "`….json` beside the written file has its provenance; its metadata contain the original's"
        " hash and the target under `mixnet_optimize`.",
    ),
    Section(
        "mixnet-bench count", (count.CountResult, count.FileCountResult, count.TfliteCountResult)
    ),
    Section(
        "mixnet-bench inspect", (inspection.InspectionResult, inspection.TfliteInspectionResult)
    ),
    Section("mixnet-bench latency", (latency.LatencyResult,), LAUNCHES),
    Section(
        "mixnet-bench latency --on adb",
        (phones.PhoneLatencyResult,),
        "The keys of the host (including `profile`, with the same categories, for the graph that"
        " the phone's runtime ran), and the following. A launch is one process on the phone, which"
        " runs all files in turns; `load_average_*` and other keys that do not apply to phones are"
        " `null`, and `machine` describes the phone.",
    ),
    Section(
        "mixnet-bench latency --on adb --runner FILE",
        (program.ProgramResult,),
        "Measured by LiteRT's own `benchmark_model`, which saves no samples: a file's time is the"
        " mean of its launches' means. A launch is one process per file.",
    ),
    Section(
        "mixnet-bench classify",
        (small.ClassifyResult,),
        "One object for each image that could be read.",
    ),
    Section(
        "mixnet-bench parity",
        (parity.CampaignParityResult,),
        "One object for the comparison; `first` and `second` are the two files, in the order of"
        " the command line. [parity.md](parity.md) explains the figures.",
    ),
    Section(
        "mixnet-bench paper",
        (paper.PaperRowResult, paper.ClaimResult),
        "One object for each row of a table or figure of the paper, and one for each of its"
        " claims. A row has `params`, `macs` and `accuracy`; a claim, or a figure of a data set,"
        " has `claim` instead.",
    ),
    Section("mixnet-bench tune", (small.TuneResult,)),
    Section("mixnet-bench tune FILE", (small.TunedFile,)),
    Section(
        "mixnet-bench table",
        (latency_tables.LatencyTable,),
        "The same document is written to `-o`. [latency-tables.md](latency-tables.md) explains it.",
    ),
    Section(
        "mixnet-bench predict",
        (latency_tables.Prediction,),
        "One object for each network, in the order of the command line.",
    ),
    Section(
        "mixnet-bench search",
        (search.SearchResult,),
        "The same document is `search.json` in the folder of `-o`. [search.md](search.md) explains"
        " it.",
    ),
    Section(
        "candidates.jsonl of mixnet-bench search",
        (search.SearchTrial,),
        "One object per line for each candidate, in the order of evaluation; the first line"
        " identifies the search.",
    ),
    Section(
        "mixnet-bench run",
        (small.StepResult,),
        "One object for each step of the campaign, in their order. The results themselves are the"
        " files named in `result`: documents of the step's command, with a `step` beside `targets`"
        " that lists what the result depends on, and with an `origin` in each target of a file.",
    ),
    Section(
        "mixnet-bench devices",
        (devices.DeviceResult,),
        "One object for each phone in adb's list. The keys are the same for all; if a phone does"
        " not answer, or does not report a value, they are `null` or empty.",
    ),
    Section("mixnet-bench devices setup", (devices.PartResult,)),
    Section(
        "mixnet-bench devices selftest",
        (devices.AssumptionResult,),
        "One object for each assumption.",
    ),
    Section("mixnet-bench devices add-runtime", (devices.KeptRuntime,)),
    Section("mixnet-bench devices build-runner", (devices.BuiltRunner,)),
    Section(
        "python -m mixnet_bench.studies.exporters",
        (peers.ComparedResult, peers.SkippedResult),
        "A timed file has the keys of `mixnet-bench latency`, and the following.",
    ),
    Section("python -m mixnet_bench.studies.runner", (studies.RunnerComparison,)),
    Section("python -m mixnet_bench.studies.export_cost", (studies.ExportCostResult,)),
    Section("python -m mixnet_bench.studies.comparison_trial", (studies.TrialResult,)),
    Section("python -m mixnet_bench.studies.canary", (studies.CanaryTrial,)),
    Section("python -m mixnet_bench.studies.prediction", (latency_tables.PredictionStudy,)),
    Section("python -m mixnet_bench.studies.search_front", (search.FrontStudy,)),
)


class Row(NamedTuple):
    """A key's path and its meaning."""

    path: str
    meaning: str


def render() -> str:
    """The whole page."""
    return "\n".join([INTRODUCTION, *map(_section, SECTIONS), HISTORY])


def rows(section: Section) -> list[Row]:
    """Every key of a section, once."""
    found: dict[str, Row] = {}
    for record in section.records:
        for row in _rows(record, "", {}, own=_is_told_elsewhere(section, record)):
            found.setdefault(row.path, row)
    return list(found.values())


def _is_told_elsewhere(section: Section, record: type[ResultRecord]) -> bool:
    """Whether the keys that a record inherits are described in another section."""
    return latency.LatencyResult in record.__mro__[1:] and record is not section


def _section(section: Section) -> str:
    lines = [f"| `{row.path}` | {row.meaning} |" for row in rows(section)]
    table = "\n".join(["| key | meaning |", "|--|--|", *lines])
    text = f"{section.text}\n\n" if section.text else ""
    return f"## `{section.title}`\n\n{text}{table}\n"


def _rows(
    record: type[ResultRecord], path: str, told: dict[type, str], *, own: bool = False
) -> Iterator[Row]:
    """The keys of a record; for a record nested in itself, a reference to its description."""
    told = {**told, record: path}
    meanings = _meanings(record)
    for field in msgspec.structs.fields(record):
        if own and field.name not in record.__annotations__:
            continue
        here = f"{path}.{field.encode_name}" if path else field.encode_name
        meaning = meanings.get(field.name, "")
        inner, steps = _inner(field.type)
        if inner is None:
            yield Row(here + steps, meaning)
        elif inner in told:
            again = f"with the keys of `{told[inner]}`" if told[inner] else "likewise"
            yield Row(here + steps, f"{meaning}; {again}" if meaning else again)
        else:
            if meaning:
                yield Row(here, meaning)
            yield from _rows(inner, here + steps, told)


def _inner(kind: Any) -> tuple[type[ResultRecord] | None, str]:
    """The record within a type, and how its path goes on: ``[]`` in a list, ``.*`` by name."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return _inner(arguments[0])
    if origin in (typing.Union, types.UnionType):
        found = [_inner(each) for each in arguments if each is not type(None)]
        return next((each for each in found if each[0]), found[0])
    if origin is dict:
        record, steps = _inner(arguments[1])
        return record, f".*{steps}" if record else ".*"
    if origin is tuple:
        record, steps = _inner(arguments[0])
        return (record, f"[]{steps}") if record else (None, "")
    is_record = isinstance(kind, type) and issubclass(kind, ResultRecord)
    return (kind, "") if is_record else (None, "")


@cache
def _meanings(record: type[ResultRecord]) -> dict[str, str]:
    """The docstrings of a record's fields, those that it inherits included."""
    found: dict[str, str] = {}
    for each in reversed(record.__mro__):
        if issubclass(each, ResultRecord) and each is not ResultRecord:
            found |= _own_meanings(each)
    return found


@cache
def _own_meanings(record: type[ResultRecord]) -> dict[str, str]:
    module = ast.parse(inspect.getsource(inspect.getmodule(record)))  # type: ignore[arg-type]
    (node,) = (
        each
        for each in module.body
        if isinstance(each, ast.ClassDef) and each.name == record.__name__
    )
    found = {}
    for field, text in zip(node.body, node.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
        ):
            found[field.target.id] = str(text.value.value)
    return found


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
