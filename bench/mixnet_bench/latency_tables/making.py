"""Makes a table: exports the files, times them, assembles the record, and saves every launch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mixnet_bench.latency_tables.assembling import Circumstances, assemble
from mixnet_bench.latency_tables.blocks import network_key
from mixnet_bench.latency_tables.measuring import Files, all_batches, measure_table
from mixnet_bench.latency_tables.partial import PartialTable
from mixnet_bench.latency_tables.request import TableRequest
from mixnet_bench.latency_tables.timers import TableTimer
from mixnet_bench.results.latency_tables import LatencyTable
from mixnet_common.progress import progress
from mixnet_common.temporary import temporary_folder
from mixnet_common.versions import package_version
from mixnet_export.lowering import DEFAULT, Plan, find_plan


def make_table(request: TableRequest, timer: TableTimer, output: Path) -> tuple[LatencyTable, bool]:
    """The table, and whether everything requested was timed.

    Launches are saved beside ``output`` at once. Raises as ``measure_table``, ``assemble``.
    """
    with temporary_folder() as folder:
        plan, where = circumstances(request, timer)
        files = Files(folder, request.items(plan))
        partial = PartialTable(output, _conditions(request, where))
        total = sum(1 for _ in all_batches(list(files.writers), request.passes))
        with progress("timing", total) as step:
            finished = measure_table(
                files,
                request.write(request.anchor.graph, plan),
                timer,
                partial,
                request.passes,
                request.budget_s,
                step,
            )
    return assemble(request, where, partial.launches), finished


def circumstances(request: TableRequest, timer: TableTimer) -> tuple[Plan, Circumstances]:
    """The target's own lowering, and what the times are of."""
    form, precision = request.form.name, request.precision
    example = request.write(
        next(iter(request.distinct.values())).graph, find_plan("reference", form)
    )
    plan = find_plan(DEFAULT, form, precision=precision, target=timer.target(example))
    return plan, Circumstances(f"{timer.conditions(example)}, {precision}", plan.name)


def _conditions(request: TableRequest, where: Circumstances) -> Mapping[str, Any]:
    """Conditions that all launches of a table share, in the words of the message."""
    return {
        "space": request.space.name,
        "the space's choices": request.space.fingerprint[:16],
        "anchor": request.anchor.name,
        "the anchor's graph": network_key(request.anchor),
        "what was measured": where.measured,
        "lowering": where.lowering,
        "software": package_version("mixnet-mobile"),
        "format": request.form.name,
        "precision": request.precision,
        "threads": request.threads,
        "--networks": request.networks,
        "--seed": request.seed,
        "--interpolate": request.interpolate,
        "--include": [each.name for each in request.include],
    }
