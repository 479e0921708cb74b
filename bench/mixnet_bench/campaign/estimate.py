"""The expected duration of a step: that of an earlier run, else an estimate from multiply-adds.

Every estimate states which of the two it is. The constants are from one x86-64 core and only show
whether a campaign takes minutes or hours.
"""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from mixnet_bench.campaign.record import Campaign, Timing
from mixnet_bench.campaign.step import Step
from mixnet_networks import Network

EARLIER = "earlier result"
GUESS = "estimate"

FLOAT32_MACS_PER_MS = 25e6
"""Multiply-adds in a millisecond of one thread, float32: MixNet-S has 239M and takes 10 ms."""

SPEEDUP = {"int8": 1.7, "int8-dynamic": 1.5}
"""Approximate speed of other precisions relative to float32."""

PROCESS_S = 2.0
"""Until a fresh process has loaded its runtime."""

STEP_S = {"count": 0.3, "file": 0.2, "inspect": 1.5, "paper": 5.0}
"""Kinds whose time depends little on the network."""

WRITE_S = 2.5
WRITE_S_PER_PARAM = 0.25e-6
QUANTIZE_S = 3.0
CALIBRATE_S_PER_MAC = 1.2e-9
"""Time per image: activations are read one by one, so it is slower than an inference."""

PARITY_S_PER_MAC = 1.2e-10
"""Time per image in two files."""


MOST_S = 1e9
"""Largest plausible time of an earlier result: thirty years."""


@dataclass(frozen=True)
class Estimate:
    """Seconds that a step may take, and how they are known."""

    seconds: float
    source: str


@dataclass(frozen=True)
class Size:
    """The data of an estimate."""

    params: int
    macs: int


ANYONES = Size(5_000_000, 300_000_000)
"""For a file whose size is unknown before it is read: a small network."""

Earlier = Mapping[tuple[str, str, str], float]
"""Seconds by kind, name and settings."""


def read_earlier(about: Iterable[Mapping[str, Any]]) -> Earlier:
    """Durations of steps, from the results in a folder."""
    found = {}
    for each in about:
        seconds = each.get("seconds")
        if isinstance(seconds, int | float) and 0 <= seconds < MOST_S:
            inputs = each.get("inputs")
            kind, name = str(each.get("kind")), str(each.get("name"))
            found[likeness(kind, name, inputs if isinstance(inputs, dict) else {})] = float(seconds)
    return found


def likeness(kind: str, name: str, inputs: Mapping[str, Any]) -> tuple[str, str, str]:
    """The properties by which two steps take about as long."""
    return kind, name, json.dumps(inputs.get("settings"), sort_keys=True)


def estimate(step: Step, earlier: Earlier) -> Estimate:
    """The expected duration of the step."""
    known = earlier.get(likeness(step.kind, step.name, step.inputs))
    if known is not None:
        return Estimate(known, EARLIER)
    return Estimate(_guess(step), GUESS)


def _guess(step: Step) -> float:
    if step.kind == "export":
        return guess_export(_size(step), step.inputs["precision"], _images(step))
    if step.kind == "latency":
        return guess_latency(
            [(_size(each), each.inputs.get("precision", "float32")) for each in step.needs],
            step.campaign.latency,
        )
    if step.kind == "parity":
        return PROCESS_S + PARITY_S_PER_MAC * _size(step.needs[0]).macs * int(step.inputs["images"])
    return STEP_S[step.kind]


def guess_export(size: Size, precision: str, images: int) -> float:
    """Seconds to write, quantize and verify a file."""
    seconds = WRITE_S + WRITE_S_PER_PARAM * size.params
    if precision != "int8":
        return seconds
    return seconds + QUANTIZE_S + CALIBRATE_S_PER_MAC * size.macs * images


def least_seconds(campaign: Campaign, files: int) -> float:
    """The minimum time for this number of files of a campaign, however small they are."""
    nothing = Size(0, 0)
    timed = guess_latency([(nothing, "float32")], campaign.latency) * len(campaign.devices)
    return files * (guess_export(nothing, "float32", 0) + timed)


def guess_latency(files: Iterable[tuple[Size, str]], settings: Timing) -> float:
    """Seconds to time files side by side."""
    seconds = 0.0
    for size, precision in files:
        each_s = size.macs / FLOAT32_MACS_PER_MS / SPEEDUP.get(precision, 1) / 1000
        timed_s = max(settings.min_time_s, settings.min_count * each_s)
        seconds += 1.1 * timed_s  # the inferences that open bursts are not counted
        seconds += settings.launches * (PROCESS_S + (1 + settings.warmup) * each_s)
        seconds += settings.min_count * each_s if settings.profile else 0
    return seconds


def _images(step: Step) -> int:
    calibration = step.inputs["calibration"]
    return calibration["images"] if calibration else 1


def _size(export: Step) -> Size:
    if export.kind == "file":
        return ANYONES
    return _sizes(export.network)


@cache
def _sizes(network: Network) -> Size:
    from mixnet_networks.graph.operators import macs, parameter_count

    graph = network.graph
    return Size(parameter_count(graph.nodes), sum(macs(node, graph) for node in graph.nodes))


def clock() -> float:
    """Seconds on a monotonic clock."""
    return time.monotonic()
