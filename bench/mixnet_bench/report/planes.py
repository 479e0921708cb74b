"""Figures of accuracy over cost: the paper's Figure 7, and the same over measured latency."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from mixnet_bench.report.axes import Axis, axis_of
from mixnet_bench.report.drawing import draw_plane
from mixnet_bench.report.figures import Figure
from mixnet_bench.report.panels import Panel, panels
from mixnet_bench.report.record import Results
from mixnet_common.numbers import three_digits
from mixnet_networks.paper import load_table, spelling_notes

MIXNETS = "MixNet"
OF_FLOAT32 = "Accuracies are the paper's, of float32 networks."
ACCURACY = "top-1 accuracy in percent, as the paper prints it"


@dataclass(frozen=True)
class ModelPoint:
    """A model in a plane of cost and accuracy."""

    model: str
    cost: float
    top1: float


FAR = 2.5
"""A point whose cost exceeds the upper quartile by this factor would compress all others."""

FEW = 5
"""Fewer points than this are all drawn."""


@cache
def accuracy_by_model() -> dict[str, tuple[str, float]]:
    """The paper's model and its top-1 accuracy as printed in Table 2, by our network's name."""
    return {
        row.network: (row.model, float(row.top1))
        for row in load_table("table2").rows
        if row.network and row.top1.replace(".", "").isdigit()
    }


def split_far(points: list[ModelPoint]) -> tuple[list[ModelPoint], list[ModelPoint]]:
    """Points to draw, of one or more, and those too far out on the axis of costs."""
    costs = sorted(point.cost for point in points)
    limit = FAR * costs[3 * (len(costs) - 1) // 4] if len(costs) >= FEW else costs[-1]
    near = [point for point in points if point.cost <= limit]
    return near, [point for point in points if point.cost > limit]


@dataclass(frozen=True)
class Plane:
    """A plane before it is drawn."""

    name: str
    title: str
    points: list[ModelPoint]
    unit: str
    notes: tuple[str, ...] = ()

    @property
    def near(self) -> list[ModelPoint]:
        """The points to draw."""
        return split_far(self.points)[0]


def figure7(results: Results) -> Iterator[Figure]:
    """Top-1 against multiply-adds, as ours are counted."""
    points = [
        ModelPoint(row.model, row.macs.ours / 1e6, float(row.top1))
        for row in results.papers
        if row.macs.ours and row.network and row.top1.replace(".", "").isdigit()
        if row.table == "Table 2"
    ]
    if len(points) > 1:
        title = "Figure 7: top-1 against multiply-adds"
        yield from _drawn([Plane("figure7", title, points, "million MACs")])


def measured_planes(results: Results) -> Iterator[Figure]:
    """Top-1 against measured latency: one plane for each run on a device and kind of file.

    Networks with other classes or pixels than their own have other accuracies, and are left out.
    Planes of one run have the same axes.
    """
    for panel in panels(results):
        yield from _drawn(list(_planes(panel)))


def _planes(panel: Panel) -> Iterator[Plane]:
    accuracies = accuracy_by_model()
    latencies = panel.latencies
    for index, kind in enumerate(dict.fromkeys(each.file.kind for each in latencies)):
        fastest = {
            each.file.network: each.median_ms
            for each in sorted(latencies, key=lambda each: -each.median_ms)
            if each.file.kind == kind and each.file.network in accuracies
            if each.file.has_own_sizes
        }
        points = [
            ModelPoint(accuracies[network][0], ms, accuracies[network][1])
            for network, ms in fastest.items()
        ]
        if len(points) > 1:
            name, unit = f"plane{panel.key}-{index}", "milliseconds"
            title = f"Top-1 against latency, {kind}, {panel.where}"
            notes = () if "float32" in kind else (OF_FLOAT32,)
            yield Plane(name, title, points, unit, notes + panel.notes)


def _drawn(planes: Sequence[Plane]) -> Iterator[Figure]:
    """All of them, on the same axes."""
    shown = [point for plane in planes for point in plane.near]
    if not shown:
        return
    lowest = math.floor(min(each.top1 for each in shown)) - 1
    axes = (
        axis_of([1.05 * each.cost for each in shown], least=0),
        axis_of([each.top1 + 0.2 for each in shown], least=lowest),
    )
    yield from (_figure(plane, axes) for plane in planes)


def _figure(plane: Plane, axes: tuple[Axis, Axis]) -> Figure:
    beyond = tuple(
        f"{each.model} is beyond the axis, at {three_digits(each.cost)} and {each.top1:g} %."
        for each in split_far(plane.points)[1]
    )
    listed = "; ".join(
        f"{each.model} {three_digits(each.cost)}, {each.top1:g} %" for each in plane.points
    )
    description = f"{ACCURACY}, against {plane.unit}: {listed}."
    words = (plane.name, plane.title, description)
    svg = draw_plane(words, plane.near, axes, plane.unit, MIXNETS)
    named = tuple(spelling_notes(each.model for each in plane.points))
    return Figure(plane.title, svg, description, beyond + named + plane.notes)
