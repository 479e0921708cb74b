"""Compares a rewritten file with its original, in two layers, and judges the differences.

Each rewritten region and operator separately, on the original file's intermediate values and on
noise; and the whole file on a picture, noise, edges and a constant. The runs are in
``proof_child``.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mixnet_common import MixnetError
from mixnet_common.printable import printable
from mixnet_export.optimize.attempt import UnprovenError
from mixnet_export.optimize.decisions import INT8_TILES, TILES, key_of
from mixnet_export.optimize.records import OutputProof
from mixnet_export.optimize.regions.stages import Stage
from mixnet_export.optimize.rewriting import Rewriting
from mixnet_runtimes import child

OPERATOR_TOLERANCE = 1e-5
"""Limit of a float32 operator's error against float64, relative to its largest value."""

MOST_STEPS = 1
"""Steps by which an int8 operator may differ from the original one."""

OUTPUT_TOLERANCE = 1e-5
"""Limit of float32 outputs' differences, relative to the largest value."""

OWN_FACTOR = 4
"""How often the original's own difference with and without XNNPACK is allowed, or that of its
region from a float64 reference."""

OWN_LIMIT = 1e-3
"""Limit of an original region's error against float64: beyond it, it is not rewritten."""

LEAST_SQNR_DB = 30.0
"""SQNR of a file with rewritten int8 operators; or that of the original with and without
XNNPACK less ``SQNR_SLACK_DB``, where that is less."""

SQNR_SLACK_DB = 6.0

CHAOTIC_SQNR_DB = 10.0
"""An original that agrees with itself less than this makes the least rounding into all of it."""

TIMEOUT_S = 900.0

SAYS_NOTHING = 1e-6
"""Outputs that vary by less than this part of the largest do not react to the input."""

HINT = "please report this with the file"


@dataclass(frozen=True)
class Proof:
    """The results of the runs."""

    operators: list[dict[str, Any]]
    """For each rewritten operator: ``error`` and ``own``, or ``steps`` and ``share``."""
    regions: list[dict[str, Any]]
    """For each rewritten region: ``error`` and ``own``, or ``steps`` and ``share``."""
    outputs: tuple[OutputProof, ...]
    partitions: tuple[int | None, int | None]
    """Delegate partitions of the original and the candidate on this machine's runtime."""


def prove(
    path: Path,
    candidate: Path,
    stages: Sequence[Stage],
    rewritings: Sequence[Rewriting],
    most_taps: Mapping[str, int],
    pictures: Path | None = None,
) -> Proof:
    """Run and judge. What stages left is written beside the candidate, to be run as well.

    ``pictures`` are inputs in a ``.npy`` on which outputs are compared; tiles in int8 are compared
    on them alone, since their ranges are those of pictures.

    Raises UnprovenError if rewritings differ, MixnetError if only the candidate as a whole
    does, or where one of the files cannot be run.
    """
    places = [
        (each.found.subgraph, each.found.operator, each.source, each.is_ranged)
        for each in rewritings
    ]
    files = [path]
    for number, stage in enumerate(stages):
        files.append(candidate.with_name(f"stage{number}.tflite"))
        files[-1].write_bytes(stage.after.content)
    request = {
        "path": str(path),
        "candidate": str(candidate),
        "files": [str(each) for each in files],
        "regions": [[region.as_json() for region in stage.regions] for stage in stages],
        "rewritten": places,
        "most_taps": dict(most_taps),
        "pictures": None if pictures is None else str(pictures),
    }
    limits = child.limits_for(path, TIMEOUT_S)
    answer = child.ask("mixnet_export.optimize.proof_child:prove", path, request, limits)
    regions = [(each.pattern, each.name) for stage in stages for each in stage.regions]
    failed = failed_regions(regions, answer["regions"])
    for rewriting, seen in zip(rewritings, answer["operators"], strict=True):
        if why := _fault_of_operator(rewriting, seen):
            pattern = INT8_TILES if rewriting.is_ranged else TILES
            failed[key_of(pattern, rewriting.found.name)] = why
    if failed:
        raise UnprovenError(failed, HINT)
    is_int8 = any(each.found.is_int8 for each in rewritings)
    is_int8 |= any(seen["steps"] > 0 for seen in answer["regions"])
    outputs = tuple(judged(each, is_int8) for each in answer["outputs"])
    for each in answer["made_up"]:
        judged(each, is_int8)
    first, second = answer["partitions"]
    return Proof(answer["operators"], answer["regions"], outputs, (first, second))


def check_regions(regions: Sequence[tuple[str, str]], seen: Sequence[Mapping[str, Any]]) -> None:
    """Raise UnprovenError unless all regions, by pattern and name, are equal."""
    if failed := failed_regions(regions, seen):
        raise UnprovenError(failed, HINT)


def failed_regions(
    regions: Sequence[tuple[str, str]], seen: Sequence[Mapping[str, Any]]
) -> dict[str, str]:
    """The regions that are not equal, by their names in a plan, and how they differ."""
    return {
        key_of(*region): why
        for region, each in zip(regions, seen, strict=True)
        if (why := _fault_of_region(each))
    }


def _fault_of_region(seen: Mapping[str, Any]) -> str:
    """In which way a region is not equal; empty if it is."""
    if seen["steps"] > MOST_STEPS:
        return f"it differs by {seen['steps']} steps (at most {MOST_STEPS})"
    most = max(OPERATOR_TOLERANCE, OWN_FACTOR * min(seen["own"], OWN_LIMIT))
    if seen["error"] > most or seen["own"] > OWN_LIMIT:
        return (
            f"it differs from a float64 reference by {seen['error']:.1e} of the largest value"
            f" (at most {most:.1e}; the original by {seen['own']:.1e})"
        )
    return ""


def _fault_of_operator(rewriting: Rewriting, seen: Mapping[str, Any]) -> str:
    """In which way a convolution is not equal; empty if it is."""
    if rewriting.found.is_int8 and seen["steps"] > MOST_STEPS:
        return f"it differs by {seen['steps']} steps of int8 (at most {MOST_STEPS})"
    if not rewriting.found.is_int8 and seen["error"] > OPERATOR_TOLERANCE:
        return (
            f"it differs from a float64 reference by {seen['error']:.1e} of the largest value"
            f" (at most {OPERATOR_TOLERANCE:g}; the original by {seen['own']:.1e})"
        )
    return ""


def judged(seen: Mapping[str, Any], is_int8: bool) -> OutputProof:
    """An output as a record. Raises MixnetError if it is not equal."""
    name = printable(str(seen["name"]))
    if not seen["comparable"]:
        raise MixnetError(
            f"output {name}: original and optimized file cannot be compared"
            f" ({seen['dtype']}, other sizes or values that are not finite)",
            HINT,
        )
    largest = seen["largest"] or 1.0
    found = OutputProof(
        seen["signature"],
        name,
        seen["dtype"],
        seen["difference"] / largest,
        seen["own"] / largest,
        seen["share"],
        seen["sqnr_db"],
        seen["own_sqnr_db"],
        _says_nothing(seen),
    )
    (_check_sqnr if is_int8 else _check_difference)(found)
    return replace(found, sqnr_db=_finite(found.sqnr_db), own_sqnr_db=_finite(found.own_sqnr_db))


def _finite(db: float | None) -> float | None:
    return db if db is not None and math.isfinite(db) else None


def doubts(outputs: Sequence[OutputProof]) -> Iterator[str]:
    """Limits of the comparison of the whole file, in sentences."""
    for each in outputs:
        if each.says_nothing:
            yield f"output {each.name} cannot be used as proof: {each.says_nothing}"
        own, differs = each.own_sqnr_db, each.difference > OUTPUT_TOLERANCE
        low = each.sqnr_db is not None and each.sqnr_db < LEAST_SQNR_DB
        if not each.says_nothing and low and own is not None and differs:
            yield (
                f"output {each.name}: SQNR {each.sqnr_db:.0f} dB against the original, which"
                f" has {own:.0f} dB against itself with and without XNNPACK"
            )


def _says_nothing(seen: Mapping[str, Any]) -> str:
    if not seen["finite"]:
        return "it has values that are not finite"
    if not seen["largest"]:
        return "it is zero for every input"
    if seen["spread"] <= SAYS_NOTHING * seen["largest"]:
        return "it does not depend on the input"
    if seen["change"] <= OUTPUT_TOLERANCE * seen["largest"]:
        return "it does not depend on the rewritten operators"
    own = seen["own_sqnr_db"]
    if own is not None and own < CHAOTIC_SQNR_DB:
        return f"the original differs from itself with and without XNNPACK (SQNR {own:.0f} dB)"
    return ""


def _check_difference(found: OutputProof) -> None:
    most = max(OUTPUT_TOLERANCE, OWN_FACTOR * found.own_difference)
    if found.difference > most:
        raise MixnetError(
            f"output {found.name}: the optimized file differs by {found.difference:.1e} of the"
            f" largest value (at most {most:.1e})",
            HINT,
        )


def _check_sqnr(found: OutputProof) -> None:
    own = found.own_sqnr_db
    least = LEAST_SQNR_DB if own is None else min(LEAST_SQNR_DB, own - SQNR_SLACK_DB)
    if found.sqnr_db is not None and found.sqnr_db < least:
        raise MixnetError(
            f"output {found.name}: SQNR {found.sqnr_db:.1f} dB against the original (at least"
            f" {least:.1f} dB), {100 * found.share:.1f} % of its values differ",
            HINT,
        )
