"""A report's figures and their descriptions. ``drawing`` draws them.

Figures of one kind and one device share their axis.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from math import isfinite
from statistics import median
from typing import TypeVar

from mixnet_bench.report.axes import axis_of
from mixnet_bench.report.comparisons import pairs
from mixnet_bench.report.drawing import (
    draw_courses,
    draw_distributions,
    draw_ratios,
    draw_stacks,
    draw_time_line,
)
from mixnet_bench.report.panels import Panel, panels, shared_axis
from mixnet_bench.report.record import Device, Latency, Results
from mixnet_bench.report.tables import kernel_times
from mixnet_common.numbers import three_digits

Row = TypeVar("Row")


@dataclass(frozen=True)
class Figure:
    """A drawing with its title; the description is its content in words."""

    title: str
    svg: str
    description: str
    notes: tuple[str, ...] = ()


def apart(rows: Iterable[tuple[str, Row]]) -> dict[str, Row]:
    """Rows by label; a repeated label gets a number, so that none replaces another.

    >>> apart([("a", 1), ("b", 2), ("a", 3)])
    {'a': 1, 'b': 2, 'a (2)': 3}
    """
    found: dict[str, Row] = {}
    for label, row in rows:
        free = (f"{label} ({number})" if number > 1 else label for number in count(1))
        found[next(each for each in free if each not in found)] = row
    return found


def distributions(results: Results) -> Iterator[Figure]:
    """Every file's samples: middle half, 5th to 95th percentile, median.

    A figure shows the files of one network, float32 beside int8; or all networks, where each has
    one file.
    """
    axes = shared_axis(results, lambda each: each.samples_ms)
    for panel in panels(results):
        for index, (what, own) in enumerate(_together(panel).items()):
            title = f"Distribution of latencies, {what}, {panel.where}"
            described = "; ".join(
                f"{label} median {three_digits(each.median_ms)}, p90 {three_digits(each.p90_ms)}"
                for label, each in own.items()
            )
            description = f"Milliseconds: {described}."
            words = (f"spread{panel.key}-{index}", title, description)
            rows = {label: each.samples_ms for label, each in own.items()}
            svg = draw_distributions(words, rows, axes[panel.device])
            yield Figure(title, svg, description, panel.notes)


def _together(panel: Panel) -> dict[str, dict[str, Latency]]:
    """The files of each figure by label, by the figure's subject."""
    networks = _by_network(panel.latencies)
    if len(networks) == 1 or any(len(own) > 1 for own in networks.values()):
        return networks
    kinds = dict.fromkeys(each.file.kind for each in panel.latencies)
    return {
        kind: apart(
            (each.file.sized_network, each) for each in panel.latencies if each.file.kind == kind
        )
        for kind in kinds
    }


def time_lines(results: Results) -> Iterator[Figure]:
    """Samples in their order, one figure for each network and device."""
    axes = shared_axis(results, lambda each: each.samples_ms)
    for panel in panels(results):
        for index, (network, own) in enumerate(_by_network(panel.latencies).items()):
            title = f"{network} in the order of time, {panel.where}"
            described = "; ".join(map(_launches_in_words, own.items()))
            description = f"Milliseconds, launch by launch; their medians are: {described}."
            clocks = {label: each.clocks_mhz for label, each in own.items() if each.clocks_mhz}
            if clocks:
                described = "; ".join(map(_clocks_in_words, own.items()))
                description += f" Clocks in MHz: {described}."
            words = (f"line{panel.key}-{index}", title, description)
            launches = {label: each.launches for label, each in own.items()}
            svg = draw_time_line(words, launches, clocks, axes[panel.device])
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
    axes = shared_axis(results, _plateaus)
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
            words = (f"course{panel.key}", title, description)
            svg = draw_courses(words, windows, slowed, axes[panel.device])
            yield Figure(title, svg, description, panel.notes)


def _plateaus(latency: Latency) -> list[float]:
    return [ms for _, ms in latency.sustained.windows] if latency.sustained else []


def kernel_costs(results: Results) -> Iterator[Figure]:
    """Time by depthwise kernel size, of every profiled file: a figure for each network."""
    tops: dict[Device, list[float]] = {}
    for each in results.latencies:
        times = kernel_times(each)
        tops.setdefault(each.device, []).append(sum(times.values()) / 1000)
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
                words = (f"kernels{panel.key}-{index}", title, description)
                svg = draw_stacks(words, rows, axis_of(tops[panel.device], least=0))
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


YARDSTICKS = (
    ("precision", "float32", "Other precisions against float32"),
    ("lowering", "reference", "Lowerings against the paper's literal form"),
)
"""The key in which pairs differ, its value in the first of each, and the figure's title."""


def ratios(results: Results) -> Iterator[Figure]:
    """int8 against float32, and lowerings against the literal form, as ratios with intervals."""
    found = {key: pairs(results, key, yardstick) for key, yardstick, _ in YARDSTICKS}
    for number, device in enumerate(results.devices):
        own = {
            key: [each for each in of_key if each.first.device == device]
            for key, of_key in found.items()
        }
        estimates = [each.estimate for of_key in own.values() for each in of_key]
        ends = [each.interval.high for each in estimates if each.interval is not None]
        axis = axis_of([1.05, *(each.value for each in estimates), *ends], least=0)
        for key, _, title in YARDSTICKS:
            rows = apart((each.second.file.label, each.estimate) for each in own[key])
            if rows:
                heading = f"{title}, {device.label}"
                listed = "; ".join(f"{label} {each.value:.2f}" for label, each in rows.items())
                description = f"Time over the yardstick's, less is faster: {listed}."
                svg = draw_ratios((f"{key}{number}", heading, description), rows, axis)
                yield Figure(heading, svg, description)
