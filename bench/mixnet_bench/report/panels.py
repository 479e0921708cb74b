"""Which timings may be drawn on one axis, and which results share axes. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from mixnet_bench.report.axes import Axis, axis_of
from mixnet_bench.report.record import Device, Latency, Results
from mixnet_bench.report.tables import APART, of_device

AxisOf = Mapping[Device, Axis]


@dataclass(frozen=True)
class Panel:
    """Timings that may be drawn on one axis: of one run on one device, in which they took turns."""

    key: str
    """Key of the drawing, unique in the page."""
    device: Device
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
                yield Panel(f"{number}", device, device.label, latencies, ())
            else:
                where = f"{device.label}, run {index + 1} of {len(runs)}"
                yield Panel(f"{number}-{index}", device, where, latencies, (APART,))


def shared_axis(results: Results, values: Callable[[Latency], Iterable[float]]) -> AxisOf:
    """The axis of each device's drawings of one kind, made from the values of all files."""
    return {
        device: axis_of(value for each in of_device(results, device) for value in values(each))
        for device in results.devices
    }
