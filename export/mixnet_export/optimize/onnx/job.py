"""One optimization of an ``.onnx`` file from beginning to end."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mixnet_common import MixnetError, UsageError
from mixnet_common.console import FORMAT
from mixnet_common.files import write_all
from mixnet_common.hashing import sha256, sha256_of
from mixnet_common.readers import show
from mixnet_common.temporary import temporary_folder
from mixnet_common.versions import package_version
from mixnet_export.job.exporting import side_path
from mixnet_export.lowering import find_plan
from mixnet_export.optimize.decisions import ALL, Decisions
from mixnet_export.optimize.onnx.blocks import PATTERN, OnnxBlock, find, splice
from mixnet_export.optimize.onnx.graph import read_graph
from mixnet_export.optimize.onnx.loading import load
from mixnet_export.optimize.proof import doubts, judge_region, judged
from mixnet_export.optimize.records import (
    Figures,
    OptimizeResult,
    OutputProof,
    RewrittenRegion,
)
from mixnet_export.optimize.request import check_request, size_of
from mixnet_runtimes import child
from mixnet_runtimes.registry import read_file, runtime_name
from mixnet_runtimes.targets import Target, find_target

METADATA_KEY = "mixnet_optimize"

OLDEST_OPSET = 13
"""From which on the operators that are written are those of the file."""

LARGEST = 2**31 - 1

TIMEOUT_S = 900.0

NO_PARTITIONS = "an .onnx file is run without a delegate"

NOTHING = "it has no mixed or grouped convolution, and no batch norm behind one, to be put together"

RECORDED = ("mixnet-mobile", "numpy", "onnx", "onnxruntime")

KEPT = ("target", "regions", "left_alone", "before", "after", "outputs")


def optimize_onnx(
    path: Path,
    output: Path | None = None,
    *,
    target: Target | str | None = None,
    dry_run: bool = False,
    decisions: Decisions = ALL,
) -> OptimizeResult:
    """Rewrite mixed and grouped convolutions of an ``.onnx`` file for a version of onnxruntime.

    Raises UsageError for another runtime's target, or an output in the input's place; MixnetError
    for a broken file, and where original and result are not proven equal.
    """
    wanted = target if isinstance(target, Target) else find_target(target, "onnx")
    if wanted.file_format != "onnx":
        raise UsageError(f"{wanted.title} runs .{wanted.file_format} files", "name an onnxruntime")
    written = check_request(path, output)
    before = Figures(size_of(path), None, NO_PARTITIONS, None)
    result = OptimizeResult(path, wanted.name, (), (), "", before, None, None)
    read_file(path)
    original = load(path)
    reason = reason_to_leave(original)
    blocks = [] if reason else find(read_graph(original), _plan(wanted))
    blocks = [block for block in blocks if decisions.allows(PATTERN, block.name)]
    if reason or not blocks:
        return replace(result, reason=reason or NOTHING)
    content = _content(path, original, blocks, wanted)
    with temporary_folder() as folder:
        candidate = folder / path.name
        candidate.write_bytes(content)
        result = _proven(result, blocks, candidate)
    if dry_run or written is None:
        return result
    provenance = _provenance(path, content, result, wanted)
    text = json.dumps(provenance, indent=2) + "\n"
    write_all({written: content, side_path(written): text})
    return replace(result, written=written, provenance=provenance)


def _plan(target: Target) -> Any:
    return find_plan("default", "onnx", target=target)


def reason_to_leave(model: Any) -> str:
    """Why a whole file is left as it is; empty where nothing speaks against changes."""
    for entry in model.metadata_props:
        if entry.key == METADATA_KEY:
            return "it was optimized already; to make it for another runtime, take the original"
    versions = [each.version for each in model.opset_import if each.domain in ("", "ai.onnx")]
    if not versions or versions[0] < OLDEST_OPSET:
        return (
            f"its operators are those of opset {versions[0] if versions else 'none'}, which is"
            f" older than {OLDEST_OPSET}"
        )
    return ""


def _content(path: Path, original: Any, blocks: Sequence[OnnxBlock], target: Target) -> bytes:
    """The bytes of the file with the blocks replaced."""
    import onnx

    made = splice(original, blocks)
    entry = made.metadata_props.add()
    entry.key = METADATA_KEY
    entry.value = json.dumps(
        {
            "original_sha256": sha256_of(path),
            "target": target.name,
            "mixnet_mobile": package_version("mixnet-mobile"),
        },
        sort_keys=True,
    )
    if made.ByteSize() > LARGEST:
        raise MixnetError(f"cannot optimize {show(path)}: the result would be larger than 2 GB")
    content = bytes(made.SerializeToString(deterministic=True))
    onnx.checker.check_model(content)
    return content


def _proven(result: OptimizeResult, blocks: Sequence[OnnxBlock], candidate: Path) -> OptimizeResult:
    """The result with what the proof found. Raises MixnetError where it fails."""
    read_file(candidate)
    request = {
        "path": str(result.path),
        "candidate": str(candidate),
        "target": result.target,
        "blocks": [block.name for block in blocks],
    }
    limits = child.limits_for(result.path, TIMEOUT_S)
    name = "mixnet_export.optimize.onnx.proof_child:prove"
    answer = child.ask(name, result.path, request, limits)
    for block, seen in zip(blocks, answer["regions"], strict=True):
        judge_region(block.name, PATTERN, seen)
    outputs: tuple[OutputProof, ...] = tuple(judged(each, False) for each in answer["outputs"])
    pairs = zip(blocks, answer["regions"], strict=True)
    return replace(
        result,
        after=Figures(candidate.stat().st_size, None, NO_PARTITIONS, None),
        outputs=outputs,
        regions=tuple(_described(block, seen) for block, seen in pairs),
        warnings=tuple(doubts(outputs)),
    )


def _described(block: OnnxBlock, seen: Mapping[str, Any]) -> RewrittenRegion:
    return RewrittenRegion(
        0, PATTERN, block.places, block.name, block.what, seen["error"], seen["own"]
    )


def _provenance(
    path: Path, content: bytes, result: OptimizeResult, target: Target
) -> dict[str, Any]:
    values = result.as_json()
    return {
        "format": FORMAT,
        "file_format": "onnx",
        "optimized_from": {"name": path.name, "sha256": sha256_of(path)},
        **{key: values[key] for key in KEPT},
        "target_evidence": target.evidence,
        "proven_on": runtime_name(path),
        "sha256": sha256(content),
        "size_bytes": len(content),
        "versions": {name: package_version(name) for name in RECORDED},
    }
