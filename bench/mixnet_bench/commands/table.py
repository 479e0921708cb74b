"""``mixnet-bench table``: times the blocks of a search space, and writes the latency table."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from mixnet_bench.latency_tables.making import make_table
from mixnet_bench.latency_tables.once_for_all import once_for_all
from mixnet_bench.latency_tables.partial import SUFFIX, PartialTable
from mixnet_bench.latency_tables.predictor import read_table
from mixnet_bench.latency_tables.request import TableRequest
from mixnet_bench.latency_tables.state import doubts_of
from mixnet_bench.latency_tables.timers import PhoneChoice, TableTimer, timer_on
from mixnet_bench.machine.affinity import pin
from mixnet_bench.results.latency_tables import LEFT_OUT, LatencyTable, TableBlock
from mixnet_common import UsageError, write_whole
from mixnet_common.console import json_text, print_json, print_table, say, warn
from mixnet_common.cpu_lists import parse_cpus
from mixnet_common.files import write_all
from mixnet_common.outputs import check_outputs, named_files
from mixnet_export.writers import FORMATS
from mixnet_networks import load_network
from mixnet_networks.searchspace import load_space

ONCE_FOR_ALL = "once-for-all"
FORMS = ("json", ONCE_FOR_ALL)


@dataclass(frozen=True)
class TableOptions:
    """The command's options, by their names."""

    space: str | None
    on: str
    form: str
    precision: str
    threads: int
    anchor: str
    passes: int
    networks: int
    seed: int
    minutes: float | None
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
        """The outputs: the table and its YAML; for an existing table, the YAML."""
        both = self.written_as == ONCE_FOR_ALL and self.made_from is None and self.output.name
        return [self.output, *([self.output.with_suffix(".yaml")] if both else [])]

    def request(self) -> TableRequest:
        """The requested table. Raises UsageError for an unknown network, space or format."""
        if self.space is None:
            raise UsageError("there is no --space", "give mixnet, or the path of a space's .toml")
        return TableRequest(
            load_space(self.space),
            load_network(self.anchor),
            FORMATS[self.form],
            self.precision,
            self.threads,
            self.networks,
            self.seed,
            self.passes,
            None if self.minutes is None else 60 * self.minutes,
            self.interpolate,
            tuple(load_network(name) for name in self.include),
        )

    def timer(self) -> AbstractContextManager[TableTimer]:
        """The timer of a phone, or of this machine."""
        suffix = FORMATS[self.form].suffix
        phone = PhoneChoice(self.pin, self.fixed_performance, self.allow_emulated)
        return timer_on(self.on, suffix, self.threads, phone)


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


def _check(asked: TableOptions) -> None:
    source = asked.made_from
    inputs = named_files(asked.space, asked.anchor, *asked.include, source)
    like, suffix = ("table.json", ".json") if source is None else ("table.yaml", ".yaml")
    partial = [PartialTable.at(asked.output)] if source is None and asked.output.name else []
    check_outputs([*asked.files, *partial], inputs, like=like)
    if asked.output.suffix != suffix:
        raise UsageError(f"-o {asked.output} must end in {suffix}", f"name it like {like}")
    if asked.fixed_performance and asked.on == "host":
        raise UsageError("--fixed-performance applies to phones", "add --on adb, or omit it")
    if source is not None and asked.written_as != ONCE_FOR_ALL:
        raise UsageError("--from writes a table in another form", f"add --form {ONCE_FOR_ALL}")


def _rewrite(asked: TableOptions, source: Path) -> None:
    """The YAML of a table that is there; nothing is timed."""
    table = read_table(source)
    write_whole(asked.output, once_for_all(table))
    if asked.as_json:
        print_json([table])
    else:
        say(f"wrote {asked.output}")


# Reports


def _report(asked: TableOptions, table: LatencyTable, finished: bool) -> None:
    left_out = [each for each in table.blocks if each.how == LEFT_OUT]
    if not finished:
        count = f"{len(left_out)} of {len(table.blocks)}" if left_out else "none"
        warn(
            f"--minutes ended after {table.passes} of {asked.passes} passes; blocks without a time:"
            f" {count}; the same command continues from {asked.output}{SUFFIX}"
        )
    if table.seams is None:
        warn("too few whole networks were timed: this table cannot predict latencies yet")
    for doubt in doubts_of(table.anchor_ms):
        warn(doubt)
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
        title="EMULATED: these are not times of a phone" if table.emulated else "",
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
