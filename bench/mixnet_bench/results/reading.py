"""Reads saved results into records according to their kind; other files are refused by name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mixnet_bench.results.count import CountResult, FileCountResult, TfliteCountResult
from mixnet_bench.results.latency import LatencyResult
from mixnet_bench.results.latency_tables import Prediction
from mixnet_bench.results.paper import ClaimResult, PaperRowResult
from mixnet_bench.results.parity import CampaignParityResult
from mixnet_bench.results.phones import PhoneLatencyResult
from mixnet_bench.results.program import ProgramResult
from mixnet_bench.results.search import SearchResult
from mixnet_common.documents import read_targets
from mixnet_common.json_object import JsonObject, WrongValueError
from mixnet_common.result import ResultRecord, decode

NEEDED = (
    "name", "verdict", "samples_ms", "launches", "target", "threads", "settings", "machine",
)  # fmt: skip
"""Keys by which a saved result of ``mixnet-bench latency`` is known."""


KINDS: tuple[tuple[tuple[str, ...], type[ResultRecord]], ...] = (
    (("samples_ms", "device"), PhoneLatencyResult),
    (("samples_ms",), LatencyResult),
    (("runner_sha256", "mean_ms"), ProgramResult),
    (("macs_by_convention", "partitions"), TfliteCountResult),
    (("macs_by_convention", "shapes"), FileCountResult),
    (("macs_by_convention",), CountResult),
    (("agreement_percent",), CampaignParityResult),
    (("model", "accuracy"), PaperRowResult),
    (("claim",), ClaimResult),
    (("predicted", "latency_interval_ms"), Prediction),
    (("front", "table_sha256"), SearchResult),
)
"""Kinds by the keys that only they have; the first match is used."""


def kind_of(target: Any) -> type[ResultRecord] | None:
    """The kind of a target; None if reports do not know it.

    Raises WrongValueError if it is not an object.
    """
    found = JsonObject(target)
    return next((kind for keys, kind in KINDS if found.has(*keys)), None)


def decode_any(target: Any) -> ResultRecord | None:
    """A target as a record of its kind. Raises WrongValueError."""
    kind = kind_of(target)
    return None if kind is None else decode(kind, target)


def decode_latency(target: Any) -> LatencyResult:
    """A timing on this machine or a phone, from JSON values. Raises WrongValueError."""
    return decode(PhoneLatencyResult if JsonObject(target).has("device") else LatencyResult, target)


def read_latencies(document: Mapping[str, Any], path: Path, hint: str) -> list[LatencyResult]:
    """A document's targets, all of them timed, with their samples by launch.

    Raises UsageError if one is not.
    """
    return read_targets(document, path, hint, lambda target: _with_launches(target.value))


def _with_launches(value: Any) -> LatencyResult:
    for key in NEEDED:
        if key not in value:
            raise WrongValueError(f"it has no {key}: it is not a result of mixnet-bench latency")
    found = decode_latency(value)
    if sum(found.counts) != len(found.samples_ms) or 0 in found.counts:
        raise WrongValueError(
            f"launches have {sum(found.counts)} samples, and samples_ms has {len(found.samples_ms)}"
        )
    return found
