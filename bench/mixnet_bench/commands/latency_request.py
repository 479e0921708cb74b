"""The request of ``mixnet-bench latency`` as one record, and which module measures it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mixnet_bench.commands.latency import run_latency
from mixnet_bench.commands.latency_phones import run_benchmark_model, run_on_all, run_on_phone
from mixnet_bench.phones import benchmark_model
from mixnet_bench.phones.one_phone import serial_of
from mixnet_bench.phones.steps import PhoneOptions, check_phone_options
from mixnet_bench.results.latency import LatencyResult
from mixnet_bench.results.program import ProgramResult
from mixnet_bench.targets import model_file
from mixnet_bench.timing import trust
from mixnet_bench.timing.host import Comparer
from mixnet_bench.timing.latency import Plan
from mixnet_bench.timing.preparing import prepared
from mixnet_common import UsageError
from mixnet_common.cpu_lists import parse_cpus
from mixnet_runtimes import GivenInputs, Selection


@dataclass(frozen=True)
class LatencyRequest:
    """The command's arguments and options, by their names."""

    targets: tuple[str, ...]
    on: str
    threads: int
    launches: int
    min_count: int
    min_time: float
    warmup: int
    seed: int
    pin: str | None
    timeout: float
    profile: bool
    fixed_performance: bool
    keep_settings: bool
    take_over: bool
    task_profile: str | None
    against: str | None
    sustained: str | None
    strict: bool
    runner: Path | None
    as_json: bool
    output: Path | None
    selection: Selection
    inputs: GivenInputs

    def plan(self) -> Plan:
        """The files to time and their limits. Raises UsageError for a target that is not a file."""
        here = self.pin is not None and self.on == "host"
        return Plan(
            paths=tuple(model_file(target) for target in self.targets),
            threads=self.threads,
            launches=self.launches,
            min_count=self.min_count,
            min_time_s=self.min_time,
            warmup=self.warmup,
            seed=self.seed,
            cpus=parse_cpus(self.pin or "") if here else None,
            timeout_s=self.timeout,
            selection=self.selection,
            inputs=self.inputs,
        )

    def phone_options(self) -> PhoneOptions:
        """Further settings for phones. Raises UsageError for those that are not for a host."""
        options = PhoneOptions(
            pin=self.pin,
            fixed_performance=self.fixed_performance,
            profile=self.profile,
            keep_settings=self.keep_settings,
            take_over=self.take_over,
            task_profile=self.task_profile,
        )
        check_phone_options(options, self.on)
        return options


def run_request(asked: LatencyRequest) -> None:
    """Check, measure, print and save. Raises MixnetError and UsageError."""
    if asked.selection.fp16 and (asked.profile or asked.runner is not None):
        what = "--profile" if asked.profile else "--runner"
        raise UsageError(f"{what} cannot run files in float16", "omit it, or --fp16")
    phone_options, plan = asked.phone_options(), asked.plan()
    if asked.runner is not None:
        benchmark_model.refuse(asked.on, asked.against, asked.sustained)
        benchmark_model.check_program_request(plan, asked.runner, phone_options)
    plan, comparer = trust.extend(plan, asked.against, asked.sustained)
    with prepared(plan) as ready:
        measured = _measured(asked, ready, phone_options, comparer)
    if asked.strict:
        trust.demand_valid(measured)


def _measured(
    asked: LatencyRequest, plan: Plan, options: PhoneOptions, comparer: Comparer
) -> Sequence[LatencyResult] | Sequence[ProgramResult]:
    if asked.on == "host":
        return run_latency(plan, asked.as_json, asked.output, asked.profile, comparer)
    if asked.on == "all":
        return run_on_all(plan, options, asked.as_json, asked.output, comparer)
    serial = serial_of(asked.on)
    if asked.runner is not None:
        return run_benchmark_model(plan, asked.runner, serial, options, asked.as_json, asked.output)
    return run_on_phone(plan, serial, options, asked.as_json, asked.output, comparer)
