"""A report's figures: which there are, and what each says in words. Drawing is ``drawing``'s."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count
from math import isfinite
from typing import TypeVar

from mixnet_bench.report.comparisons import pairs
from mixnet_bench.report.record import Latency, Results
from mixnet_bench.report.tables import APART, kernel_times, of_device
from mixnet_common.numbers import three_digits
from mixnet_networks.paper import load_table

Row = TypeVar("Row")

MIXNETS = "MixNet"
OF_FLOAT32 = "Accuracies are the paper's, of float32 networks."
ACCURACY = "top-1 accuracy in percent, as the paper prints it"


@dataclass(frozen=True)
class Figure:
    """A drawing with its title; the description says in words what is to be seen."""

    title: str
    svg: str
    description: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Point:
    """A model in a plane of cost and accuracy."""

    model: str
    cost: float
    top1: float


FAR = 2.5
"""A point whose cost is so many times the upper quartile would press all others together."""

FEW = 5
"""Fewer points than this are all drawn."""


def apart(rows: Iterable[tuple[str, Row]]) -> dict[str, Row]:
    """Rows by label; a label that is taken gets a number, so that none takes another's place.

    >>> apart([("a", 1), ("b", 2), ("a", 3)])
    {'a': 1, 'b': 2, 'a (2)': 3}
    """
    found: dict[str, Row] = {}
    for label, row in rows:
        free = (f"{label} ({number})" if number > 1 else label for number in count(1))
        found[next(each for each in free if each not in found)] = row
    return found


@cache
def accuracy_by_model() -> dict[str, tuple[str, float]]:
    """By our network's name: the paper's model, and its top-1 accuracy as Table 2 prints it."""
    return {
        row.network: (row.model, float(row.top1))
        for row in load_table("table2").rows
        if row.network and row.top1.replace(".", "").isdigit()
    }


def split_far(points: list[Point]) -> tuple[list[Point], list[Point]]:
    """Points to draw, of one or more, and those that lie too far out on the axis of costs."""
    costs = sorted(point.cost for point in points)
    limit = FAR * costs[3 * (len(costs) - 1) // 4] if len(costs) >= FEW else costs[-1]
    near = [point for point in points if point.cost <= limit]
    return near, [point for point in points if point.cost > limit]


def figure7(results: Results) -> Iterator[Figure]:
    """Top-1 against multiply-adds, as ours are counted."""
    points = [
        Point(row.model, row.macs.ours / 1e6, float(row.top1))
        for row in results.papers
        if row.macs.ours and row.network and row.top1.replace(".", "").isdigit()
        if row.table == "Table 2"
    ]
    if len(points) > 1:
        yield _plane("figure7", "Figure 7: top-1 against multiply-adds", points, "million MACs")


@dataclass(frozen=True)
class Panel:
    """Timings that may be drawn on one axis: of one run on one device, in which they took turns."""

    key: str
    """Of the drawing, unique in the page."""
    where: str
    """The device, and which of its runs it is where there are several."""
    latencies: tuple[Latency, ...]
    notes: tuple[str, ...]
    """Why it is apart from others."""


def panels(results: Results) -> Iterator[Panel]:
    """All timings, by device and run."""
    for number, device in enumerate(results.devices):
        own = of_device(results, device)
        runs = list(dict.fromkeys(each.run for each in own))
        for index, run in enumerate(runs):
            latencies = tuple(each for each in own if each.run == run)
            if len(runs) == 1:
                yield Panel(f"{number}", device.label, latencies, ())
            else:
                where = f"{device.label}, run {index + 1} of {len(runs)}"
                yield Panel(f"{number}-{index}", where, latencies, (APART,))


def measured_planes(results: Results) -> Iterator[Figure]:
    """Top-1 against measured latency: one plane for each run on a device and kind of file.

    Networks with other classes or pixels than their own have other accuracies, and are left out.
    """
    accuracies = accuracy_by_model()
    for panel in panels(results):
        latencies = panel.latencies
        for index, kind in enumerate(dict.fromkeys(each.file.kind for each in latencies)):
            fastest = {
                each.file.network: each.median_ms
                for each in sorted(latencies, key=lambda each: -each.median_ms)
                if each.file.kind == kind and each.file.network in accuracies
                if each.file.has_own_sizes
            }
            points = [
                Point(accuracies[network][0], ms, accuracies[network][1])
                for network, ms in fastest.items()
            ]
            if len(points) > 1:
                name, unit = f"plane{panel.key}-{index}", f"milliseconds, {panel.where}"
                title = f"Top-1 against latency, {kind}, {panel.where}"
                notes = () if "float32" in kind else (OF_FLOAT32,)
                yield _plane(name, title, points, unit, notes + panel.notes)


def _plane(
    name: str, title: str, points: list[Point], unit: str, notes: tuple[str, ...] = ()
) -> Figure:
    from mixnet_bench.report.drawing import draw_plane

    near, far = split_far(points)
    beyond = tuple(
        f"{each.model} lies beyond the axis, at {three_digits(each.cost)} and {each.top1:g} %."
        for each in far
    )
    listed = "; ".join(
        f"{each.model} {three_digits(each.cost)}, {each.top1:g} %" for each in points
    )
    description = f"{ACCURACY}, against {unit}: {listed}."
    svg = draw_plane(name, title, description, near, unit, MIXNETS)
    return Figure(title, svg, description, beyond + notes)


def distributions(results: Results) -> Iterator[Figure]:
    """Every file's samples on each device: middle half, 5th to 95th percentile, median."""
    from mixnet_bench.report.drawing import draw_distributions

    for panel in panels(results):
        latencies = panel.latencies
        for index, kind in enumerate(dict.fromkeys(each.file.kind for each in latencies)):
            own = apart(
                (each.file.sized_network, each) for each in latencies if each.file.kind == kind
            )
            title = f"Distribution of latencies, {kind}, {panel.where}"
            described = "; ".join(
                f"{label} median {three_digits(each.median_ms)}, p90 {three_digits(each.p90_ms)}"
                for label, each in own.items()
            )
            description = f"Milliseconds: {described}."
            name = f"spread{panel.key}-{index}"
            rows = {label: each.samples_ms for label, each in own.items()}
            svg = draw_distributions(name, title, description, rows)
            yield Figure(title, svg, description, panel.notes)


def time_lines(results: Results) -> Iterator[Figure]:
    """Samples in their order, one figure for each network and device."""
    from mixnet_bench.report.drawing import draw_time_line

    for panel in panels(results):
        for index, (network, own) in enumerate(_by_network(panel.latencies).items()):
            title = f"{network} in the order of time, {panel.where}"
            described = "; ".join(map(_launches_in_words, own.items()))
            description = f"Milliseconds, launch by launch; their medians are: {described}."
            name = f"line{panel.key}-{index}"
            clocks = {label: each.clocks_mhz for label, each in own.items() if each.clocks_mhz}
            if clocks:
                described = "; ".join(map(_clocks_in_words, own.items()))
                description += f" Clocks in MHz: {described}."
            launches = {label: each.launches for label, each in own.items()}
            svg = draw_time_line(name, title, description, launches, clocks)
            notes = _conditions(next(iter(own.values()))) + panel.notes
            yield Figure(title, svg, description, notes)


def _by_network(latencies: Sequence[Latency]) -> dict[str, dict[str, Latency]]:
    """Timings by kind, by the network in its size."""
    networks = dict.fromkeys(each.file.sized_network for each in latencies)
    return {
        network: apart(
            (each.file.kind, each) for each in latencies if each.file.sized_network == network
        )
        for network in networks
    }


def _launches_in_words(own: tuple[str, Latency]) -> str:
    from statistics import median

    label, latency = own
    return f"{label} {', '.join(three_digits(median(launch)) for launch in latency.launches)}"


def _clocks_in_words(own: tuple[str, Latency]) -> str:
    label, latency = own
    known = [each for launch in latency.clocks_mhz for each in launch if isfinite(each)]
    return f"{label} {min(known):.0f} to {max(known):.0f}" if known else f"{label} unknown"


def _conditions(latency: Latency) -> tuple[str, ...]:
    listed = "; ".join(f"{name} {value}" for name, value in latency.conditions.items())
    return (f"Conditions: {listed}.",) if listed else ()


def courses(results: Results) -> Iterator[Figure]:
    """Latency over minutes, of everything that ran on and on: a figure for each run."""
    from mixnet_bench.report.drawing import draw_courses

    for panel in panels(results):
        own = apart(
            (each.file.label, each.sustained)
            for each in panel.latencies
            if each.sustained and each.sustained.windows
        )
        if own:
            title = f"Sustained load, {panel.where}"
            described = "; ".join(
                f"{label} {three_digits(each.burst_ms)} at first,"
                f" {three_digits(each.plateau_ms)} at last"
                for label, each in own.items()
            )
            description = f"Milliseconds: {described}."
            windows = {label: each.windows for label, each in own.items()}
            slowed = {
                label: each.throttled_after_s
                for label, each in own.items()
                if each.throttled_after_s is not None
            }
            svg = draw_courses(f"course{panel.key}", title, description, windows, slowed)
            yield Figure(title, svg, description, panel.notes)


def kernel_costs(results: Results) -> Iterator[Figure]:
    """Time by depthwise kernel size, of every profiled file: a figure for each network."""
    from mixnet_bench.report.drawing import draw_stacks

    for panel in panels(results):
        for index, (network, own) in enumerate(_by_network(panel.latencies).items()):
            rows = {
                label: _by_side(times)
                for label, each in own.items()
                if (times := kernel_times(each))
            }
            if rows:
                title = f"{network}, time by depthwise kernel size, {panel.where}"
                description = f"Milliseconds: {'; '.join(map(_stack_in_words, rows.items()))}."
                svg = draw_stacks(f"kernels{panel.key}-{index}", title, description, rows)
                note = "By the kernel's larger side; of a large kernel in pieces, by its pieces'."
                yield Figure(title, svg, description, (note, *panel.notes))


def _by_side(times: Mapping[str, float]) -> dict[str, float]:
    """Milliseconds by the larger side of the kernel, from microseconds by kernel.

    >>> _by_side({"3×7": 500, "7×7": 1000})
    {'7': 1.5}
    """
    sides: dict[str, float] = {}
    for kernel, time_us in times.items():
        side = max(kernel.split("×"), key=lambda each: (len(each), each))
        sides[side] = sides.get(side, 0) + time_us / 1000
    return sides


def _stack_in_words(row: tuple[str, Mapping[str, float]]) -> str:
    label, times = row
    parts = ", ".join(f"{kernel} {three_digits(ms)}" for kernel, ms in times.items())
    return f"{label}: {parts}"


def ratios(results: Results) -> Iterator[Figure]:
    """int8 against float32, and lowerings against the literal form, as ratios of medians."""
    from mixnet_bench.report.drawing import draw_ratios

    for number, device in enumerate(results.devices):
        for key, yardstick, title in (
            ("precision", "float32", "Other precisions against float32"),
            ("lowering", "reference", "Lowerings against the paper's literal form"),
        ):
            found = [each for each in pairs(results, key, yardstick) if each.first.device == device]
            rows = apart((each.second.file.label, each.ratio) for each in found)
            if rows:
                own = f"{title}, {device.label}"
                listed = "; ".join(f"{label} {ratio:.2f}" for label, ratio in rows.items())
                description = f"Time over the yardstick's, less is faster: {listed}."
                svg = draw_ratios(f"{key}{number}", own, description, rows)
                yield Figure(own, svg, description)
