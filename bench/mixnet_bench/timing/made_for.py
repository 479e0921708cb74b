"""Whether a file was made for the runtime that runs it, by the provenance beside it.

A float32 file of MixNet that is the fastest on one version of a runtime can be a third slower than
the literal form on another. Nothing is measured here, and a file without provenance is not judged.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mixnet_bench.counting.inspection import provenance_of
from mixnet_bench.results.latency import LatencyResult
from mixnet_common import UsageError
from mixnet_common.console import warn
from mixnet_runtimes.targets import Target, find_target, load_targets, target_of


def warn_of_other_targets(results: Iterable[LatencyResult]) -> None:
    """Warn of each file in these results of timing that another kind of runtime was meant for."""
    for result in results:
        provenance = provenance_of(Path(result.path or result.name), result.sha256 or "")
        running = target_of(result.runtime or "", result.runtime_version or "")
        if provenance is None or running is None:
            continue
        if sentence := unsuited(provenance, running):
            warn(f"{result.name}: {sentence}")


def unsuited(provenance: Mapping[str, Any], running: Target) -> str:
    """The warning for a file made for another runtime than the one that runs it; else empty.

    Files of networks without large depthwise kernels are the same for every version.
    """
    if provenance.get("large_kernels") == 0:
        return ""
    precision, plan = provenance.get("precision"), provenance.get("lowering")
    made = _target(provenance.get("target"))
    if isinstance(precision, str) and isinstance(plan, str):
        suits = plan == running.lowering(precision) or not _is_rule(plan, running.file_format)
    else:
        suits = made is None or made.is_like(running)
    if suits:
        return ""
    origin = f"made for {made.title}" if made else f"lowered by the rule {plan}"
    return (
        f"{origin}; on {running.title}, which runs it, another form is faster: export it again with"
        f" --for {running.name}"
    )


def _target(name: Any) -> Target | None:
    """The target of a name in a provenance; None if it is none that is known here."""
    try:
        return find_target(name) if isinstance(name, str) else None
    except UsageError:
        return None


def _is_rule(plan: str, file_format: str) -> bool:
    """Whether a plan is the default of some target, rather than a user's choice."""
    targets = [each for each in load_targets().targets if each.file_format == file_format]
    return any(plan in each.rules.lowering.values() for each in targets)
