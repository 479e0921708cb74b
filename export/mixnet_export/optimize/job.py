"""One optimization from beginning to end: read, find, choose, rewrite, prove, write."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mixnet_common import UsageError
from mixnet_common.console import FORMAT
from mixnet_common.files import write_all
from mixnet_common.hashing import sha256
from mixnet_common.outputs import check_folder, check_outputs
from mixnet_common.readers import is_file, missing_file, show
from mixnet_common.temporary import temporary_folder
from mixnet_common.versions import package_version
from mixnet_export.job.exporting import side_path
from mixnet_export.optimize.building import Rewriting, rewrite
from mixnet_export.optimize.choosing import FLOAT32, Choice, choose, costs_of, whole
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
from mixnet_export.optimize.proof import doubts, prove
from mixnet_export.optimize.records import Figures, LeftAlone, OptimizeResult, Rewritten
from mixnet_runtimes.probing import Use, ask_partitions
from mixnet_runtimes.registry import read_file, runtime_name
from mixnet_runtimes.targets import PRECISIONS, Target, find_target

DELEGATES = "GPU and NPU delegates may prefer the original file"

NO_TILES = "there are no tiles for it, or none without slices, which an open batch rules out"

TOO_LARGE = "it is larger than 2 GB"

RECORDED = ("mixnet-mobile", "numpy", "ai-edge-litert")


def optimize(
    path: Path,
    output: Path | None = None,
    *,
    target: Target | str | None = None,
    dry_run: bool = False,
) -> OptimizeResult:
    """Rewrite the large depthwise convolutions of a ``.tflite`` file for one runtime's version.

    The result and its provenance are written into the folder ``output`` under the file's own name,
    unless nothing is found, or with ``dry_run`` or without a folder. Raises UsageError for what is
    no ``.tflite`` file, or an output in the input's place; MixnetError for a broken file, for one
    that would lose something, and where original and result are not proven equal.
    """
    path = Path(path)
    wanted = target if isinstance(target, Target) else find_target(target, "tflite")
    written = check_request(path, output)
    _check_target(wanted)
    if (size := size_of(path)) > LARGEST:
        before = Figures(size, None, TOO_LARGE, None)
        return OptimizeResult(path, wanted.name, (), (), TOO_LARGE, before, None, None)
    read_file(path)
    document = read_document(path)
    most_taps = {form: wanted.tiles(form)[-1] for form in PRECISIONS}
    reason = reason_to_leave(document)
    found = [] if reason else find(document, most_taps)
    chosen, left = _chosen(found, wanted)
    with temporary_folder() as folder:
        before = _figures(document, None, why_unknown(path, wanted))
        result = OptimizeResult(
            path,
            wanted.name,
            (),
            tuple(left),
            reason or _nothing(found, chosen),
            before,
            None,
            None,
        )
        if not chosen:
            return _with_partitions(result, document)
        content = _rewritten(document, chosen, wanted)
        candidate = folder / path.name
        candidate.write_bytes(content)
        result = _proven(result, document, chosen, candidate, most_taps)
    if dry_run or written is None:
        return result
    provenance = _provenance(document, content, result, wanted)
    text = json.dumps(provenance, indent=2) + "\n"
    write_all({written: content, side_path(written): text})
    return replace(result, written=written, provenance=provenance)


def check_request(path: Path, output: Path | None) -> Path | None:
    """Where the result goes. Raises UsageError for another kind of file, or the input's place."""
    if path.suffix.lower() != ".tflite":
        raise UsageError(f"{show(path)} is no .tflite file", "optimize takes .tflite files only")
    if output is None:
        return None
    written = output / path.name
    check_folder(output)
    check_outputs((written, side_path(written)), [path], like="out/")
    return written


def size_of(path: Path) -> int:
    """Bytes of a file. Raises UsageError where there is none."""
    if not is_file(path):
        raise missing_file(path)
    return path.stat().st_size


def _check_target(target: Target) -> None:
    if target.file_format != "tflite":
        raise UsageError(
            f"{target.title} runs .{target.file_format} files", "name a LiteRT or TensorFlow Lite"
        )


def _chosen(
    found: Sequence[Found | Left], target: Target
) -> tuple[list[Rewriting], list[LeftAlone]]:
    """What is to be rewritten, and what is left alone."""
    chosen: list[Rewriting] = []
    left: list[LeftAlone] = []
    for each in found:
        why = each.why if isinstance(each, Left) else ""
        if isinstance(each, Found):
            rewriting, why = _considered(each, target)
            if rewriting is not None:
                chosen.append(rewriting)
                continue
        left.append(LeftAlone(each.subgraph, each.operator, each.name, why))
    return chosen, left


def _considered(found: Found, target: Target) -> tuple[Rewriting | None, str]:
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


def _rewritten(document: Document, chosen: Sequence[Rewriting], target: Target) -> bytes:
    model = fresh_model(document)
    rewrite(model, document.schema, chosen)
    made = {
        "original_sha256": document.hash,
        "target": target.name,
        "mixnet_mobile": package_version("mixnet-mobile"),
    }
    return write_document(document, model, made)


def _proven(
    result: OptimizeResult,
    document: Document,
    chosen: Sequence[Rewriting],
    candidate: Path,
    most_taps: Mapping[str, int],
) -> OptimizeResult:
    """The result with what the proof found. Raises MixnetError where it fails."""
    read_file(candidate)
    made = read_document(candidate)
    proof = prove(document.path, candidate, chosen, most_taps)
    operators, outputs = proof.operators, proof.outputs
    reason = result.before.partitions_reason
    counts = (None, None) if reason else proof.partitions
    pairs = zip(chosen, operators, strict=True)
    costs = [sum(each.choice.cost for each in chosen), sum(each.choice.direct for each in chosen)]
    return replace(
        result,
        rewritten=tuple(_described(each, seen) for each, seen in pairs),
        before=_figures(document, counts[0], reason),
        after=_figures(made, counts[1], reason),
        expected_gain=1 - costs[0] / costs[1],
        outputs=outputs,
        warnings=(*doubts(outputs), DELEGATES),
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


def _described(rewriting: Rewriting, seen: Mapping[str, Any]) -> Rewritten:
    found, tiles = rewriting.found, rewriting.choice.tiles
    rows, columns = found.shape.axes
    batch, channels = found.shape.batch, found.shape.channels
    return Rewritten(
        found.subgraph,
        found.operator,
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
    kept = ("target", "rewritten", "left_alone", "before", "after", "expected_gain", "outputs")
    return {
        "format": FORMAT,
        "file_format": "tflite",
        "optimized_from": {"name": document.path.name, "sha256": document.hash},
        **{key: values[key] for key in kept},
        "target_evidence": target.evidence,
        "proven_on": runtime_name(document.path),
        "sha256": sha256(content),
        "size_bytes": len(content),
        "versions": {name: package_version(name) for name in RECORDED},
    }
