"""What was measured on a phone, as the same JSON that a host's measurement has, and more.

Pure. A measurement under emulation is called so in its verdict, whatever else there is to say, so
that it can never be read as a phone's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mixnet_android.conditions import Conditions, Cooled, Doubt, doubts, doubts_of_start
from mixnet_android.device import State
from mixnet_android.runtimes_store import Runtime
from mixnet_android.session import Launched
from mixnet_bench.latency import Plan, Timing
from mixnet_bench.latency_report import add_doubts, describe
from mixnet_bench.native import RUNTIMES, launch_of
from mixnet_bench.phone_clocks import doubts_of_clocks
from mixnet_bench.phone_parity import Difference, describe_parity
from mixnet_runtimes import Profile

LABEL = "shell process"
EMULATED = "it ran under emulation: its times say nothing about any phone"


@dataclass(frozen=True)
class Measured:
    """Everything that came of measuring on one phone."""

    serial: str
    state: State
    platform: str
    cooled: Cooled
    after: Conditions
    launches: tuple[Launched, ...]
    libraries: tuple[Runtime, ...]
    parity: tuple[tuple[Difference, ...], ...]
    fixed_performance: bool = False
    profiles: tuple[Profile, ...] = ()


def describe_phone(
    plan: Plan, files: Sequence[dict[str, Any]], measured: Measured
) -> list[dict[str, Any]]:
    """One JSON object a file; docs/json.md explains every key."""
    timings = [_timing(index, measured) for index in range(len(files))]
    targets = describe(plan, files, timings, _machine(measured.state, measured.platform))
    for index, target in enumerate(targets):
        target.update(_device(measured, index))
        for described, launched in zip(target["launches"], measured.launches, strict=True):
            threads = launched.result.threads.get("end", ())
            described["threads_last_cpu"] = sorted({each.last_cpu for each in threads})
        add_doubts(target, _doubts(measured, index))
        if target["emulated"]:
            add_doubts(target, [Doubt("emulated", EMULATED)])
    return targets


def foresee_phone(serial: str, state: State, platform: str) -> dict[str, Any]:
    """The keys of a result that are known before it is measured."""
    return {
        "target": f"adb:{serial}",
        "emulated": bool(state.product.emulated),
        "machine": _machine(state, platform),
        "device": describe_device(serial, state),
    }


def _timing(index: int, measured: Measured) -> Timing:
    results = [launched.result for launched in measured.launches]
    model = results[0].models[index]
    library = results[0].libraries[model.library]
    return Timing(
        runtime=RUNTIMES[library.api],
        version=library.version or measured.libraries[index].version or "unknown",
        settings=dict(model.settings),
        launches=tuple(launch_of(result, result.models[index]) for result in results),
    )


def _machine(state: State, platform: str) -> dict[str, Any]:
    """The keys of a host's ``machine``; what a phone has no equal for is None."""
    product, clusters = state.product, state.clusters
    cores = sum(len(each.cpus) for each in clusters)
    return {
        "cpu": product.soc,
        "architecture": platform.partition("-")[2],
        "cores": cores or None,
        "os": f"Android {product.android}" if product.android else platform,
        "python": None,
        "affinity": None,
        "governor": clusters[0].governor if clusters else None,
        "load_average_before": None,
        "load_average_after": None,
    }


def _device(measured: Measured, index: int) -> dict[str, Any]:
    product, library = measured.state.product, measured.libraries[index]
    first = measured.launches[0].result
    return {
        "target": f"adb:{measured.serial}",
        "label": LABEL,
        "emulated": bool(product.emulated),
        "fixed_performance": measured.fixed_performance,
        "device": describe_device(measured.serial, measured.state),
        "library": {
            "api": library.api,
            "version": library.version,
            "source": library.source,
            "sha256": library.sha256,
            "interface": first.libraries[first.models[index].library].interface,
        },
        "runner": first.header.runner,
        "memory_peak_kb": _memory_peak_kb(measured),
        "conditions": {
            "waited_to_cool_s": measured.cooled.waited_s,
            "before": describe_conditions(measured.cooled.conditions),
            "after": describe_conditions(measured.after),
        },
        "parity": describe_parity(measured.parity[index]) if measured.parity else None,
    }


def _memory_peak_kb(measured: Measured) -> int | None:
    """Of all files together, which share a process."""
    memories = [launched.result.memory.values() for launched in measured.launches]
    return max((each.peak_kb for memory in memories for each in memory), default=None)


def describe_device(serial: str, state: State) -> dict[str, Any]:
    """The phone as JSON values."""
    product = state.product
    return {
        "serial": serial,
        "manufacturer": product.manufacturer,
        "model": product.model,
        "soc": product.soc,
        "android": product.android,
        "build": product.build,
        "clusters": [{**asdict(each), "cpus": list(each.cpus)} for each in state.clusters],
    }


def describe_conditions(moment: Conditions) -> dict[str, Any]:
    """A phone's conditions at one moment as JSON values."""
    return {
        "celsius": moment.celsius,
        "thermal_status": moment.thermal.status,
        "thermal_override": moment.thermal.override,
        "battery_percent": moment.battery.level_percent,
        "plugged": moment.battery.plugged,
        "screen_on": moment.screen_on,
        "clusters": [
            {
                "cpus": list(each.cpus),
                "current_khz": each.current_khz,
                "limit_khz": each.limit_khz,
                "max_khz": each.max_khz,
                "governor": each.governor,
            }
            for each in moment.clusters
        ],
    }


def _doubts(measured: Measured, index: int) -> Iterator[Doubt]:
    fixed = measured.fixed_performance
    before = measured.cooled.conditions
    yield from doubts(before, measured.after, fixed_performance=fixed)
    yield from doubts_of_start(measured.cooled)
    launches = _timing(index, measured).launches
    yield from doubts_of_clocks(launches, measured.state.clusters, fixed)
    if measured.parity:
        for each in measured.parity[index]:
            if not each.within:
                yield Doubt("differs", f"its output {each.name} {each.words}")
