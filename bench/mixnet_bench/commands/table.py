"""``mixnet-bench table``: times the blocks of a search space, and writes the latency table."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mixnet_bench.latency_tables.assembling import Circumstances, assemble
from mixnet_bench.latency_tables.blocks import network_key
from mixnet_bench.latency_tables.measuring import (
    PACE,
    Files,
    LaunchTimer,
    all_batches,
    measure,
)
from mixnet_bench.latency_tables.once_for_all import once_for_all
from mixnet_bench.latency_tables.partial import SUFFIX, PartialTable
from mixnet_bench.latency_tables.predictor import read_table
from mixnet_bench.latency_tables.request import TableRequest
from mixnet_bench.machine.affinity import pin
from mixnet_bench.phones.one_phone import serial_of
from mixnet_bench.results.latency_tables import LEFT_OUT, LatencyTable, TableBlock
from mixnet_bench.tuning.host import HostTimer
from mixnet_bench.tuning.phone import phone_timer
from mixnet_common import UsageError, write_whole
from mixnet_common.console import json_text, print_json, print_table, say, warn
from mixnet_common.cpu_lists import parse_cpus
from mixnet_common.files import write_all
from mixnet_common.outputs import check_outputs, named_files
from mixnet_common.progress import progress
from mixnet_common.temporary import temporary_folder
from mixnet_common.versions import package_version
from mixnet_export.lowering import DEFAULT, Plan, find_plan
from mixnet_export.writers import FORMATS
from mixnet_networks import load_network
from mixnet_networks.searchspace import load_space
from mixnet_runtimes.targets import Target

ONCE_FOR_ALL = "once-for-all"
FORMS = ("json", ONCE_FOR_ALL)


class TableTimer(LaunchTimer, Protocol):
    """A timer that can say what it is."""

    def conditions(self, content: bytes) -> str:
        """Say what bears on the times: runtime, processor, threads."""

    def target(self, content: bytes) -> Target | None:
        """The runtime for such a file, as far as its version is a known one."""


@dataclass(frozen=True)
class TableOptions:
    """The command's options, by their names."""

    space: str
    on: str
    form: str
    precision: str
    threads: int
    anchor: str
    passes: int
    networks: int
    seed: int
    budget: float | None
    interpolate: bool
    include: tuple[str, ...]
    pin: str | None
    fixed_performance: bool
    allow_emulated: bool
    written_as: str
    made_from: Path | None
    output: Path
    as_json: bool

    @property
    def files(self) -> list[Path]:
        """What is written."""
        suffix = self.output.suffix
        return [self.output, *([self.output.with_suffix(".yaml")] if self._yaml and suffix else [])]

    @property
    def _yaml(self) -> bool:
        return self.written_as == ONCE_FOR_ALL

    def request(self) -> TableRequest:
        """What to make. Raises UsageError for an unknown network, space or format."""
        return TableRequest(
            load_space(self.space),
            load_network(self.anchor),
            FORMATS[self.form],
            self.precision,
            self.threads,
            self.networks,
            self.seed,
            self.passes,
            None if self.budget is None else 60 * self.budget,
            self.interpolate,
            tuple(load_network(name) for name in self.include),
        )

    def timer(self) -> AbstractContextManager[TableTimer]:
        """The timer of a phone, or of this machine."""
        suffix = FORMATS[self.form].suffix
        if self.on == "host":
            return nullcontext(HostTimer(suffix, self.threads, pace=PACE))
        return phone_timer(
            serial_of(self.on),
            suffix,
            self.threads,
            self.pin,
            self.fixed_performance,
            self.allow_emulated,
        )


def run_table(asked: TableOptions) -> None:
    """Time, write and print. Raises MixnetError and UsageError."""
    _check(asked)
    if asked.made_from is not None:
        _rewrite(asked, asked.made_from)
        return
    if asked.pin is not None and asked.on == "host":
        pin(parse_cpus(asked.pin))
    request = asked.request()
    with asked.timer() as timer:
        table, finished = make_table(request, timer, asked.output)
    contents = {asked.output: json_text([table]) + "\n"}
    if asked.written_as == ONCE_FOR_ALL:
        contents[asked.files[-1]] = once_for_all(table)
    write_all(contents)
    if finished:
        PartialTable.at(asked.output).unlink(missing_ok=True)
    _report(asked, table, finished)


def make_table(request: TableRequest, timer: TableTimer, output: Path) -> tuple[LatencyTable, bool]:
    """The table, and whether everything asked for was timed.

    What was timed is kept beside ``output`` as it comes. Raises as ``measure`` and ``assemble``.
    """
    with temporary_folder() as folder:
        plan, where = _circumstances(request, timer)
        files = Files(folder, request.items(plan))
        partial = PartialTable(output, _conditions(request, where))
        total = sum(1 for _ in all_batches(list(files.writers), request.passes))
        with progress("timing", total) as step:
            finished = measure(
                files,
                request.write(request.anchor.graph, plan),
                timer,
                partial,
                request.passes,
                request.budget_s,
                step,
            )
    return assemble(request, where, partial.launches), finished


def _circumstances(request: TableRequest, timer: TableTimer) -> tuple[Plan, Circumstances]:
    """The target's own lowering, and what the times are of."""
    form, precision = request.form.name, request.precision
    example = request.write(
        next(iter(request.distinct.values())).graph, find_plan("reference", form)
    )
    plan = find_plan(DEFAULT, form, precision=precision, target=timer.target(example))
    return plan, Circumstances(f"{timer.conditions(example)}, {precision}", plan.name)


def _conditions(request: TableRequest, where: Circumstances) -> Mapping[str, Any]:
    """What must be the same for launches to be of one table, in the words of the message."""
    return {
        "space": request.space.name,
        "the space's choices": request.space.fingerprint[:16],
        "anchor": request.anchor.name,
        "the anchor's graph": network_key(request.anchor),
        "what was measured": where.measured,
        "lowering": where.lowering,
        "software": package_version("mixnet-mobile"),
        "format": request.form.name,
        "precision": request.precision,
        "threads": request.threads,
        "--networks": request.networks,
        "--seed": request.seed,
        "--interpolate": request.interpolate,
        "--include": [each.name for each in request.include],
    }


def _check(asked: TableOptions) -> None:
    if asked.output.suffix != ".json":
        raise UsageError(f"-o {asked.output} must end in .json", "predict and search read it")
    if asked.fixed_performance and asked.on == "host":
        raise UsageError("--fixed-performance is a mode of phones", "add --on adb, or leave it out")
    if asked.made_from is not None and asked.written_as != ONCE_FOR_ALL:
        raise UsageError("--from writes a table in another form", f"add --form {ONCE_FOR_ALL}")
    inputs = named_files(asked.space, asked.anchor, *asked.include, asked.made_from)
    if asked.made_from is None:
        check_outputs([*asked.files, PartialTable.at(asked.output)], inputs, like="table.json")
    else:
        check_outputs(asked.files[1:], inputs, like="table.json")


def _rewrite(asked: TableOptions, source: Path) -> None:
    """The YAML of a table that is there; nothing is timed."""
    table = read_table(source)
    write_whole(asked.files[-1], once_for_all(table))
    if asked.as_json:
        print_json([table])
    else:
        say(f"wrote {asked.files[-1]}")


# Reports


def _report(asked: TableOptions, table: LatencyTable, finished: bool) -> None:
    left_out = [each for each in table.blocks if each.how == LEFT_OUT]
    if not finished:
        warn(
            f"the time was up after {table.passes} of {asked.passes} passes:"
            f" {len(left_out)} of {len(table.blocks)} blocks have no time;"
            f" run it again to go on from {asked.output}{SUFFIX}"
        )
    if table.seams is None:
        warn("too few whole networks were timed: nothing can be predicted from this table yet")
    if asked.as_json:
        print_json([table])
        return
    print_blocks(table)
    for path in asked.files:
        say(f"wrote {path}")
    say(f"use it with mixnet-bench predict NETWORK --table {asked.output}")


def print_blocks(table: LatencyTable) -> None:
    """A table for people: every block, in the order of a network."""
    print_table(
        ("where", "block", "milliseconds", "% of anchor", "95 %", "launches"),
        [_row(each, table) for each in table.blocks],
        title="EMULATED: the times of no phone" if table.emulated else "",
        caption=list(_captions(table)),
        left=2,
    )


def _row(block: TableBlock, table: LatencyTable) -> tuple[str, ...]:
    where = block.places[0] + (f" +{len(block.places) - 1}" if len(block.places) > 1 else "")
    if block.ratio is None:
        return where, block.label, block.how, "–", "–", "0"
    bounds = block.interval and f"{100 * block.interval[0]:.2f}–{100 * block.interval[1]:.2f}"
    return (
        where,
        block.label,
        f"{block.ratio * table.anchor_latency_ms:.3f}",
        f"{100 * block.ratio:.2f}",
        bounds or "–",
        str(len(block.log_ratios)) if block.log_ratios else block.how,
    )


def _captions(table: LatencyTable) -> Iterator[str]:
    yield f"anchor: {table.anchor}, {table.anchor_latency_ms:.3f} ms; {table.measured}"
    if table.seams is not None:
        seams, each = table.seams, 100 * table.seams.per_block
        yield (
            f"a network takes {seams.scale:.3f} times the sum of its blocks and {each:+.3f} % of"
            f" the anchor's time a block; {len(table.networks)} networks lie within"
            f" {seams.residual:.1%} of that (standard deviation)"
        )
