"""A measurement on a phone, as the record of a host's measurement with additional fields.

Pure. A measurement under emulation has the verdict ``emulated``, whatever other caveats there are,
so that it cannot be mistaken for a phone's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from mixnet_android.libraries.store import Runtime
from mixnet_android.phone.conditions import Conditions, Cooled
from mixnet_android.phone.device import State
from mixnet_android.phone.records import conditions_record, device_record
from mixnet_android.runs.session import Launched
from mixnet_bench.phones.caveats import caveats_of_run, caveats_of_start
from mixnet_bench.phones.clocks import caveats_of_clocks
from mixnet_bench.phones.parity import Difference, describe_parity
from mixnet_bench.results.file_run import FileRun
from mixnet_bench.results.latency import LatencyResult, LaunchResult, Machine
from mixnet_bench.results.phones import LibraryResult, PhoneLatencyResult
from mixnet_bench.results.verdict import Caveat, Verdict
from mixnet_bench.timing.canary import caveats_of_canary
from mixnet_bench.timing.latency import (
    Plan,
    Timing,
)
from mixnet_bench.timing.native import (
    RUNTIMES,
    launch_of,
)
from mixnet_bench.timing.report import describe_timings
from mixnet_common.result import values_of
from mixnet_runtimes import Profile

LABEL = "shell process"
EMULATED = "it ran under emulation: its times are not valid for any phone"


@dataclass(frozen=True)
class PhoneMeasurement:
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
    task_profile: str | None = None


def describe_phone(
    plan: Plan, files: Sequence[FileRun], measured: PhoneMeasurement
) -> list[PhoneLatencyResult]:
    """One record a file; docs/json.md explains every key."""
    indices = range(len(files))
    timings = [_timing(index, measured) for index in indices]
    machine = describe_machine_of(measured.state, measured.platform)
    caveats = [list(_caveats(measured, index)) for index in indices]
    targets = describe_timings(plan, files, timings, machine, caveats)
    return [_on_phone(target, measured, index) for index, target in enumerate(targets)]


def _timing(index: int, measured: PhoneMeasurement) -> Timing:
    results = [launched.result for launched in measured.launches]
    model = results[0].models[index]
    library = results[0].libraries[model.library]
    return Timing(
        runtime=RUNTIMES[library.api],
        version=library.version or measured.libraries[index].version or "unknown",
        settings=dict(model.settings),
        launches=tuple(launch_of(result, result.models[index]) for result in results),
    )


def describe_machine_of(state: State, platform: str) -> Machine:
    """A phone as a host's machine; what a phone has no equal for is None."""
    product, clusters = state.product, state.clusters
    cores = sum(len(each.cpus) for each in clusters)
    return Machine(
        cpu=product.soc,
        architecture=platform.partition("-")[2],
        cores=cores or None,
        os=f"Android {product.android}" if product.android else platform,
        governor=clusters[0].governor if clusters else None,
    )


def _on_phone(target: LatencyResult, measured: PhoneMeasurement, index: int) -> PhoneLatencyResult:
    library = measured.libraries[index]
    first = measured.launches[0].result
    launches = tuple(map(_with_threads, target.launches, measured.launches))
    common = {**values_of(target), "launches": launches, "target": f"adb:{measured.serial}"}
    return PhoneLatencyResult(
        **common,
        label=LABEL,
        emulated=bool(measured.state.product.emulated),
        fixed_performance=measured.fixed_performance,
        wholly_delegated=first.models[index].wholly_delegated,
        task_profile=measured.task_profile,
        device=device_record(measured.serial, measured.state),
        library=LibraryResult(
            api=library.api,
            version=library.version,
            source=library.source,
            sha256=library.sha256,
            interface=first.libraries[first.models[index].library].interface,
        ),
        runner=first.header.runner,
        memory_peak_kb=_memory_peak_kb(measured),
        conditions=conditions_record(measured.cooled, measured.after),
        parity=describe_parity(measured.parity[index]) if measured.parity else None,
    )


def _with_threads(described: LaunchResult, launched: Launched) -> LaunchResult:
    threads = launched.result.threads.get("end", ())
    return replace(described, threads_last_cpu=tuple(sorted({each.last_cpu for each in threads})))


def _memory_peak_kb(measured: PhoneMeasurement) -> int | None:
    """Peak memory of all files together, which share a process."""
    memories = [launched.result.memory.values() for launched in measured.launches]
    return max((each.peak_kb for memory in memories for each in memory), default=None)


def caveats_of_emulation(state: State) -> Iterator[Caveat]:
    """That the phone is an emulator, where it is one."""
    if state.product.emulated:
        yield Caveat(Verdict.EMULATED, EMULATED)


def _caveats(measured: PhoneMeasurement, index: int) -> Iterator[Caveat]:
    yield from caveats_of_emulation(measured.state)
    fixed = measured.fixed_performance
    before = measured.cooled.conditions
    yield from caveats_of_run(before, measured.after, fixed_performance=fixed)
    yield from caveats_of_start(measured.cooled)
    launches = _timing(index, measured).launches
    yield from caveats_of_clocks(launches, measured.state.clusters, fixed)
    yield from caveats_of_canary(launches)
    if measured.parity:
        for each in measured.parity[index]:
            if not each.within:
                yield Caveat(Verdict.DIFFERS, f"its output {each.name} {each.words}")
