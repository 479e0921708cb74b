"""The results of the study of runtimes' versions: its rows and tables. Pure."""

from collections.abc import Iterable
from pathlib import Path

from mixnet_common.readers import read_json
from mixnet_common.result import (
    Count,
    Milliseconds,
    Number,
    Positive,
    ResultRecord,
    decode,
    known_as,
)

COLUMNS = (
    "runtime",
    "precision",
    "reference ms",
    "default / reference",
    "own rule / reference",
    "own rule / default",
    "outputs",
)


class Ratio(ResultRecord):
    """One file's time over another's, in turns in one process."""

    value: Positive
    """the geometric mean of the processes' ratios"""
    interval: tuple[Positive, Positive] | None = known_as()
    """Student's 95 % interval over processes; `null` with fewer than three"""


class Row(ResultRecord):
    """A version of a runtime, and three files of one network and precision."""

    target: str
    """its name for `--for`"""
    runtime: str
    """name and version"""
    cpu: str | None = known_as()
    """the CPU's name"""
    network: str
    """the network"""
    precision: str
    """`float32` or `int8`"""
    threads: Count
    """of the runtime; one is timed by CPU time, several by the clock"""
    launches: Count
    """processes"""
    default: str
    """the lowering for the newest version"""
    own: str
    """the lowering for this version"""
    reference_ms: Milliseconds
    """the literal form's time"""
    own_ms: Milliseconds
    """that of this version's own lowering"""
    default_to_reference: Ratio
    """the newest version's file / the literal form"""
    own_to_reference: Ratio
    """this version's own file / the literal form"""
    own_to_default: Ratio | None = known_as()
    """this version's own file / the newest version's; `null` if they are the same"""
    difference: Number
    """the largest difference of an output from the same file's on the newest version, over the \
largest value"""


def read_rows(path: Path) -> list[Row]:
    """Saved rows. Raises UsageError if the file is not one of this program's."""
    found = read_json(path)
    return [decode(Row, each) for each in (found if isinstance(found, list) else [found])]


def table(rows: Iterable[Row]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Columns and cells."""
    return COLUMNS, [_cells(row) for row in rows]


def markdown(rows: Iterable[Row]) -> list[str]:
    """The lines of a table in Markdown, below the CPUs that it was measured on."""
    found = list(rows)
    cpus = sorted({each.cpu or "an unknown CPU" for each in found})
    lines = [
        f"{', '.join(cpus)}; threads: {_several(each.threads for each in found)}, "
        f"processes: {_several(each.launches for each in found)}.",
        "",
        f"| {' | '.join(COLUMNS)} |",
        f"|{'--|' * len(COLUMNS)}",
    ]
    return lines + [f"| {' | '.join(_cells(row))} |" for row in found]


def _several(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(set(numbers))))


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.runtime,
        row.precision,
        f"{row.reference_ms:.1f}",
        _shown(row.default_to_reference),
        _shown(row.own_to_reference),
        "the same" if row.own_to_default is None else _shown(row.own_to_default),
        "equal" if row.difference == 0 else f"{row.difference:.0e}",
    )


def _shown(ratio: Ratio) -> str:
    if ratio.interval is None:
        return f"{ratio.value:.2f}"
    low, high = ratio.interval
    return f"{ratio.value:.2f} ({low:.2f} – {high:.2f})"
