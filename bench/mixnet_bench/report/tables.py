"""A report's tables as data: the paper, latencies, kernels, delegation, counts, accuracy. Pure."""

from collections.abc import Iterator

from mixnet_bench.report.cells import (
    RANDOM,
    Cell,
    Table,
    between,
    milliseconds,
    number,
    signed,
    sum_up,
    text_cell,
    verdict,
)
from mixnet_bench.report.comparisons import doubts_of
from mixnet_bench.report.record import Count, Device, Latency, Parity, Results
from mixnet_common.numbers import three_digit_range
from mixnet_networks.paper import parse_printed, spelling_notes

# The paper

PAPER_COLUMNS = (
    "model", "parameters", "verdict", "paper", "deviation, %", "MACs", "verdict", "paper",
    "deviation, %",
    "top-1 of the paper, %", "top-1 of ours, %",
)  # fmt: skip


def paper_tables(results: Results) -> Iterator[Table]:
    """One table for each of the paper's."""
    for name in dict.fromkeys(row.table for row in results.papers):
        rows = [row for row in results.papers if row.table == name]
        cells = tuple(
            (
                text_cell(row.model),
                number(_millions(row.params.ours), "{:.2f}M"),
                verdict(row.params.verdict),
                _printed(row.params.paper),
                signed(row.params.deviation_percent, "{:+.1f}"),
                number(_millions(row.macs.ours), "{:,.1f}M"),
                verdict(row.macs.verdict),
                _printed(row.macs.paper),
                signed(row.macs.deviation_percent, "{:+.1f}"),
                _printed(row.top1),
                number(row.ours_top1, "{:.2f}"),
            )
            for row in rows
        )
        reasons = sum_up(
            (row.model, figure.reason)
            for row in rows
            for figure in (row.params, row.macs)
            if figure.verdict == "differs" or not row.network
        )
        about = (
            "MACs: multiply-adds of convolutions and dense layers, batch norm folded; the paper's"
            " FLOPS are multiply-adds, counted in a way that it does not state. Accuracies are the"
            " paper's, unless measured ones are given."
        )
        yield Table(
            f"{name} of the paper",
            PAPER_COLUMNS,
            cells,
            (about, *spelling_notes(row.model for row in rows), *reasons),
        )


def _millions(value: float | None) -> float | None:
    return None if value is None else value / 1e6


def _printed(figure: str) -> Cell:
    try:
        value = parse_printed(figure) if figure else None
    except ArithmeticError:  # Decimal's word for what is not a number
        return Cell(figure)
    return Cell(figure, None if value is None else float(value))


# Latency

LATENCY_COLUMNS = (
    "file", "median, ms", "verdict", "95 %, ms", "p90, ms", "first, ms", "loading, ms", "MB",
    "runtime",
)  # fmt: skip


APART = (
    "Files of different runs were not timed in turns: other programs on the device may cause most"
    " of the ratio of their times, so no ratio is shown, and they are not drawn on one axis."
)


def of_device(results: Results, device: Device) -> list[Latency]:
    """The timings on one device, in their order."""
    return [each for each in results.latencies if each.device == device]


def latency_table(results: Results, device: Device) -> Table:
    """Everything timed on one device."""
    latencies = of_device(results, device)
    rows = tuple(
        (
            text_cell(each.file.label),
            milliseconds(each.median_ms),
            verdict(each.verdict),
            Cell(three_digit_range(each.interval_ms), each.interval_ms[0]),
            milliseconds(each.p90_ms),
            milliseconds(each.first_ms),
            milliseconds(each.load_ms),
            number(each.size_bytes / 1e6, "{:.1f}"),
            text_cell(each.runtime),
        )
        for each in latencies
    )
    doubts = doubts_of(latencies)
    notes = (APART,) if len({each.run for each in latencies}) > 1 else ()
    return Table(f"Latency on {device.label}", LATENCY_COLUMNS, rows, notes, doubts)


PROGRAM_COLUMNS = (
    "network", "file", "mean, ms", "verdict", "95 %, ms", "first, ms", "ratio to the first file",
    "95 %", "MB", "delegated", "device",
)  # fmt: skip


def program_table(results: Results) -> Table | None:
    """Results of ``--runner``, LiteRT's own program."""
    rows = tuple(
        (
            text_cell(each.file.sized_network),
            text_cell(each.file.kind),
            milliseconds(each.mean_ms),
            verdict(each.verdict),
            text_cell(three_digit_range(each.interval_ms)),
            number(each.first_ms, "{:.3g}"),
            number(each.ratio, "{:.3f}"),
            text_cell(three_digit_range(each.ratio_interval)),
            number(each.size_bytes / 1e6, "{:.1f}"),
            text_cell(each.delegated),
            text_cell(each.device.label),
        )
        for each in results.programs
    )
    if not rows:
        return None
    programs = " and ".join(dict.fromkeys(each.program for each in results.programs))
    notes = (
        f"Measured by {programs}, which saves no samples: means of the launches' means. First file:"
        " that of the same run.",
    )
    doubts = sum_up((each.file.label, why) for each in results.programs for why in each.reasons)
    return Table("Latency by another runner", PROGRAM_COLUMNS, rows, notes, doubts)


def conditions_table(results: Results, device: Device) -> Table | None:
    """The circumstances of every run on a device; None if nothing is known of them."""
    runs = {each.run: each for each in reversed(of_device(results, device))}
    names = list(dict.fromkeys(name for each in runs.values() for name in each.conditions))
    if not names:
        return None
    rows = tuple(
        (
            text_cell(each.file.sized_network),
            *(_condition(each.conditions.get(name, "")) for name in names),
        )
        for each in reversed(runs.values())
    )
    title = f"Conditions on {device.label}"
    return Table(
        title, ("run that began with", *names), rows, ("Load: averages over 1, 5 and 15 minutes.",)
    )


def _condition(value: str) -> Cell:
    try:
        return Cell(value, float(value.partition(",")[0]))
    except ValueError:
        return Cell(value)


# Kernels

KERNEL_COLUMNS = ("network", "file", "kernel", "µs", "% of all operators", "device")


def kernel_of(category: str) -> str:
    """The depthwise kernel size that a profile's category is about; empty for others.

    >>> kernel_of("depthwise 7×7, pieces"), kernel_of("SE")
    ('7×7', '')
    """
    word, _, rest = category.partition(" ")
    return rest.partition(",")[0] if word == "depthwise" else ""


def kernel_times(latency: Latency) -> dict[str, float]:
    """Microseconds by depthwise kernel size, small kernels first; none of a file that took none."""
    times: dict[str, float] = {}
    if not sum(latency.categories.values()):
        return times
    for category, time_us in latency.categories.items():
        if kernel := kernel_of(category):
            times[kernel] = times.get(kernel, 0) + time_us
    return dict(sorted(times.items(), key=lambda each: _kernel_order(each[0])))


def _kernel_order(kernel: str) -> tuple[int, str]:
    digits = kernel.partition("×")[0]
    return (int(digits) if digits.isascii() and digits.isdigit() else 0, kernel)


def kernel_table(results: Results) -> Table | None:
    """Time by depthwise kernel size, where files were profiled."""
    rows = tuple(
        (
            text_cell(each.file.sized_network),
            text_cell(each.file.kind),
            Cell(kernel, _kernel_order(kernel)[0]),
            number(time_us),
            number(100 * time_us / sum(each.categories.values()), "{:.1f}"),
            text_cell(each.device.label),
        )
        for each in results.latencies
        for kernel, time_us in kernel_times(each).items()
    )
    note = (
        "By the runtime's own profiler. Kernels in pieces count as the sizes that the file names;"
        " the sums of their pieces are operators of their own and not in here."
    )
    title = "Time by depthwise kernel size"
    return Table(title, KERNEL_COLUMNS, rows, (note,)) if rows else None


# Files

DELEGATION_COLUMNS = ("network", "file", "partitions", "operators inside", "outside", "which")


def delegation_table(results: Results) -> Table | None:
    """The delegated part of each file."""
    known = [each for each in results.counts if each.partitions is not None]
    rows = tuple(
        (
            text_cell(each.file.sized_network),
            text_cell(each.file.kind),
            number(each.partitions),
            number(each.inside),
            number(each.outside),
            text_cell(", ".join(f"{count} {kind}" for kind, count in each.kinds.items())),
        )
        for each in known
    )
    about = "Partitions: pieces that the delegate XNNPACK runs; one is best."
    reasons = sum_up(pair for each in known for pair in each.reasons.items())
    notes = (about, *reasons)
    return Table("Delegation", DELEGATION_COLUMNS, rows, notes) if rows else None


COUNT_COLUMNS = ("name", "file", "counted from", "parameters", "MACs")


def count_table(results: Results) -> Table | None:
    """Parameters and multiply-adds of networks and files."""
    rows = tuple(_count_row(each) for each in results.counts)
    note = (
        "Parameters: the trainable ones of a network; the stored weights and biases of a file."
        " MACs: multiply-adds of convolutions, dense layers and other products, for one image if"
        " the batch is known."
    )
    return Table("Counts", COUNT_COLUMNS, rows, (note,)) if rows else None


def _count_row(count: Count) -> tuple[Cell, ...]:
    return (
        text_cell(count.file.sized_network),
        text_cell(count.file.kind),
        text_cell(count.source),
        number(count.params),
        number(_millions(count.macs), "{:,.2f}M") if count.macs is not None else text_cell("–"),
    )


PARITY_COLUMNS = (
    "file", "top-1 lost, points", "agreement, %", "95 %, points", "top-1, %",
    "top-1 of the other, %", "images", "against",
)  # fmt: skip

MEANINGLESS = (
    "Random weights: accuracy means nothing; agreement says how near the outputs are to each other."
)
FLATTERED = "measured on images that also set the ranges of int8, so the loss may be larger"


def parity_table(results: Results) -> Table | None:
    """Losses of files against others on images."""
    rows = tuple(_parity_row(each) for each in results.parities)
    notes = (
        *([MEANINGLESS] if any(each.is_random for each in results.parities) else []),
        *sum_up(
            (each.file.label if each.file else each.second, FLATTERED)
            for each in results.parities
            if each.calibrated_on_data
        ),
    )
    return Table("Accuracy lost", PARITY_COLUMNS, rows, notes) if rows else None


def _parity_row(parity: Parity) -> tuple[Cell, ...]:
    name = text_cell(parity.file.label if parity.file else parity.second)
    agreement = number(parity.agreement_percent, "{:.2f}")
    if parity.is_random:
        loss, bounds, second, first = text_cell(RANDOM), *[text_cell("")] * 3
    else:
        loss, bounds = signed(parity.loss_points), between(parity.loss_interval)
        second = number(parity.second_percent, "{:.2f}")
        first = number(parity.first_percent, "{:.2f}")
    images, against = number(parity.images), text_cell(parity.first)
    return (name, loss, agreement, bounds, second, first, images, against)
