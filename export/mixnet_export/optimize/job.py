"""One optimization from beginning to end: read, find, choose, rewrite, prove, write."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mixnet_common import UsageError
from mixnet_common.console import FORMAT
from mixnet_common.files import write_all
from mixnet_common.hashing import sha256
from mixnet_common.readers import show
from mixnet_common.temporary import temporary_folder
from mixnet_common.versions import package_version
from mixnet_export.job.exporting import side_path
from mixnet_export.optimize.building import Rewriting, rewrite
from mixnet_export.optimize.choosing import FLOAT32, Choice, choose, costs_of, whole
from mixnet_export.optimize.decisions import ALL, SLOWER, TILES, Decisions
from mixnet_export.optimize.document import (
    LARGEST,
    Document,
    fresh_model,
    read_document,
    reason_to_leave,
    write_document,
)
from mixnet_export.optimize.figures import figures, why_unknown
from mixnet_export.optimize.finding import Found, Left, find
from mixnet_export.optimize.onnx.job import optimize_onnx
from mixnet_export.optimize.proof import doubts, prove
from mixnet_export.optimize.records import (
    Figures,
    LeftAlone,
    OptimizeResult,
    Rewritten,
    RewrittenRegion,
)
from mixnet_export.optimize.regions.stages import Stages, rewrite_regions
from mixnet_export.optimize.request import check_request, size_of
from mixnet_runtimes.probing import Use, ask_partitions
from mixnet_runtimes.registry import read_file, runtime_name
from mixnet_runtimes.targets import PRECISIONS, Target, find_target
from mixnet_runtimes.tflite import half_precision
from mixnet_runtimes.tflite.half_precision import refuse_unless_float32

DELEGATES = "GPU and NPU delegates may prefer the original file"

NO_TILES = "there are no tiles for it, or none without slices, which an open batch rules out"

TOO_LARGE = "it is larger than 2 GB"

KEPT = (
    "target", "fp16_allowed", "regions", "rewritten", "left_alone", "before", "after",
    "expected_gain", "outputs",
)  # fmt: skip
"""Keys of a result that a file's provenance repeats."""

RECORDED = ("mixnet-mobile", "numpy", "ai-edge-litert")


def optimize(
    path: Path,
    output: Path | None = None,
    *,
    target: Target | str | None = None,
    dry_run: bool = False,
    allow_fp16: bool = False,
    decisions: Decisions = ALL,
) -> OptimizeResult:
    """Rewrite a ``.tflite`` or ``.onnx`` file for one runtime's version.

    The result and its provenance are written into the folder ``output`` under the file's own name,
    unless nothing is found, or with ``dry_run`` or without a folder. With ``allow_fp16`` it is
    written all the same, and says that XNNPACK may compute it in float16. Raises UsageError for
    what is no such file, for float16 of anything but float32, and for an output in the input's
    place; MixnetError for a broken file, for one that would lose something, and where original and
    result are not proven equal.
    """
    path = Path(path)
    if path.suffix.lower() == ".onnx":
        if allow_fp16:
            raise UsageError(f"--allow-fp16 is for .tflite files, not {show(path)}", "drop it")
        return optimize_onnx(path, output, target=target, dry_run=dry_run, decisions=decisions)
    wanted = target if isinstance(target, Target) else find_target(target, "tflite")
    written = check_request(path, output)
    _check_target(wanted)
    if (size := size_of(path)) > LARGEST:
        before = Figures(size, None, TOO_LARGE, None)
        return OptimizeResult(path, wanted.name, (), (), TOO_LARGE, before, None, None)
    read_file(path)
    document = read_document(path)
    if allow_fp16:
        refuse_unless_float32(path, document.model, document.schema, "--allow-fp16")
    reason = reason_to_leave(document)
    stages = (
        Stages((), document, [], ()) if reason else rewrite_regions(document, wanted, decisions)
    )
    found = [] if reason else find(stages.last, most_taps(wanted))
    chosen, left = _chosen(found, wanted, stages, decisions)
    with temporary_folder() as folder:
        before = _figures(document, None, why_unknown(path, wanted))
        nothing = "" if stages.stages else _nothing(found, chosen)
        result = OptimizeResult(
            path, wanted.name, (), tuple(left), reason or nothing, before, None, None
        )
        if result.reason:
            result = _with_partitions(result, document)
            if reason or not allow_fp16:
                return result
        content = _rewritten(document, stages, chosen, wanted)
        if not result.reason:
            candidate = folder / path.name
            candidate.write_bytes(content)
            result = _proven(result, document, stages, chosen, candidate)
    if allow_fp16:
        content = _rewritten(document, stages, chosen, wanted, allow_fp16=True)
        result = replace(result, fp16_allowed=True)
    if dry_run or written is None:
        return result
    provenance = _provenance(document, content, result, wanted)
    text = json.dumps(provenance, indent=2) + "\n"
    write_all({written: content, side_path(written): text})
    return replace(result, written=written, provenance=provenance)


def _check_target(target: Target) -> None:
    if target.file_format != "tflite":
        raise UsageError(
            f"{target.title} runs .{target.file_format} files", "name a LiteRT or TensorFlow Lite"
        )


def _chosen(
    found: Sequence[Found | Left], target: Target, stages: Stages, decisions: Decisions
) -> tuple[list[Rewriting], list[LeftAlone]]:
    """What is to be rewritten, and what is left alone."""
    chosen: list[Rewriting] = []
    left = list(stages.left)
    known = {(each.subgraph, each.operator) for each in left}
    for each in found:
        place = stages.origins[each.subgraph][each.operator]
        if (each.subgraph, place) in known:
            continue
        why = each.why if isinstance(each, Left) else ""
        if isinstance(each, Found) and not decisions.allows(TILES, each.name):
            why = SLOWER
        elif isinstance(each, Found):
            rewriting, why = considered(each, target)
            if rewriting is not None:
                chosen.append(rewriting)
                continue
        left.append(LeftAlone(each.subgraph, place, each.name, why))
    return chosen, left


def considered(found: Found, target: Target) -> tuple[Rewriting | None, str]:
    """The rewriting of an operator, or why there is none."""
    kernels, costs = target.tiles(FLOAT32), costs_of(target)
    if target.multipass and not found.is_int8:
        return None, f"{target.title} has float32 kernels for its size"
    if target.multipass:
        choice: Choice | None = whole(found.shape, found.form, kernels, costs)
    else:
        slices = not found.has_open_batch
        choice = choose(found.shape, found.form, kernels, costs, slices=slices)
    if choice is None:
        return None, NO_TILES
    if not choice.pays(costs):
        percent = 100 * choice.ratio
        return None, f"tiles are not expected to pay ({percent:.0f} % of its time)"
    return Rewriting(found, choice), ""


def _nothing(found: Sequence[Found | Left], chosen: Sequence[Rewriting]) -> str:
    if chosen:
        return ""
    if not found:
        return "it has no depthwise convolution of more taps than fast kernels have"
    return "none of its large depthwise convolutions can be made faster"


def _rewritten(
    document: Document,
    stages: Stages,
    chosen: Sequence[Rewriting],
    target: Target,
    *,
    allow_fp16: bool = False,
) -> bytes:
    model = fresh_model(stages.last)
    rewrite(model, document.schema, chosen)
    if allow_fp16:
        half_precision.allow_fp16(model, document.schema)
    made = {
        "original_sha256": document.hash,
        "target": target.name,
        "mixnet_mobile": package_version("mixnet-mobile"),
    }
    return write_document(document, model, made)


def _proven(
    result: OptimizeResult,
    document: Document,
    stages: Stages,
    chosen: Sequence[Rewriting],
    candidate: Path,
) -> OptimizeResult:
    """The result with what the proof found. Raises MixnetError where it fails."""
    read_file(candidate)
    made = read_document(candidate)
    taps = most_taps(find_target(result.target))
    proof = prove(document.path, candidate, stages.stages, chosen, taps)
    reason = result.before.partitions_reason
    counts = (None, None) if reason else proof.partitions
    pairs = zip(chosen, proof.operators, strict=True)
    costs = [sum(each.choice.cost for each in chosen), sum(each.choice.direct for each in chosen)]
    return replace(
        result,
        rewritten=tuple(_described(each, seen, stages) for each, seen in pairs),
        before=_figures(document, counts[0], reason),
        after=_figures(made, counts[1], reason),
        expected_gain=1 - costs[0] / costs[1] if chosen else None,
        outputs=proof.outputs,
        regions=tuple(_regions(stages, proof.regions)),
        warnings=(*doubts(proof.outputs), DELEGATES),
    )


def most_taps(target: Target) -> dict[str, int]:
    """For each form, the taps of the largest fast kernel."""
    return {form: target.tiles(form)[-1] for form in PRECISIONS}


def _regions(stages: Stages, seen: Sequence[Mapping[str, Any]]) -> Iterator[RewrittenRegion]:
    """The regions with what was found of each, their operators numbered as in the original."""
    for (region, operators), each in zip(stages.numbered(), seen, strict=True):
        is_integer = each["steps"] > 0 or (each["is_exact"] and not each["own"])
        yield RewrittenRegion(
            region.subgraph,
            region.pattern,
            operators,
            region.name,
            region.what,
            None if is_integer else each["error"],
            None if is_integer else each["own"],
            each["steps"] if is_integer else None,
            each["share"] if is_integer else None,
        )


def _figures(document: Document, partitions: int | None, reason: str) -> Figures:
    size = len(document.content)
    return figures(size, document.model, document.schema, partitions, reason)


def _with_partitions(result: OptimizeResult, document: Document) -> OptimizeResult:
    """The same with the delegate partitions of the original, where they can be found out."""
    if result.before.partitions_reason:
        return result
    found = ask_partitions(Use(document.path))
    return replace(result, before=_figures(document, found.partitions, found.reason or ""))


def _described(rewriting: Rewriting, seen: Mapping[str, Any], stages: Stages) -> Rewritten:
    found, tiles = rewriting.found, rewriting.choice.tiles
    rows, columns = found.shape.axes
    batch, channels = found.shape.batch, found.shape.channels
    return Rewritten(
        found.subgraph,
        stages.origins[found.subgraph][found.operator],
        found.name,
        found.form,
        (rows.kernel, columns.kernel),
        (rows.stride, columns.stride),
        (rows.dilation, columns.dilation),
        (batch, rows.size, columns.size, channels),
        (batch, rows.output, columns.output, channels),
        tuple((len(tile.rows), len(tile.columns)) for tile in tiles),
        sum(tile.reads == "sliced" for tile in tiles),
        found.pad is not None and not rewriting.is_whole,
        rewriting.choice.ratio,
        None if found.is_int8 else seen["error"],
        None if found.is_int8 else seen["own"],
        seen["steps"] if found.is_int8 else None,
        seen["share"] if found.is_int8 else None,
    )


def _provenance(
    document: Document, content: bytes, result: OptimizeResult, target: Target
) -> dict[str, Any]:
    values = result.as_json()
    return {
        "format": FORMAT,
        "file_format": "tflite",
        "optimized_from": {"name": document.path.name, "sha256": document.hash},
        **{key: values[key] for key in KEPT},
        "target_evidence": target.evidence,
        "proven_on": runtime_name(document.path),
        "sha256": sha256(content),
        "size_bytes": len(content),
        "versions": {name: package_version(name) for name in RECORDED},
    }
