"""An ``.onnx`` file for ``optimize``: its mixed and grouped convolutions, and verification."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mixnet_common import MixnetError
from mixnet_common.hashing import sha256_of
from mixnet_common.readers import show
from mixnet_common.versions import package_version
from mixnet_export.lowering import find_plan
from mixnet_export.optimize.attempt import UNPROVEN, Attempt
from mixnet_export.optimize.decisions import Decisions, key_of
from mixnet_export.optimize.onnx.blocks import PATTERN, OnnxBlock, find, splice
from mixnet_export.optimize.onnx.graph import read_graph
from mixnet_export.optimize.onnx.loading import load
from mixnet_export.optimize.proof import HINT, check_regions, doubts, judged
from mixnet_export.optimize.records import (
    Figures,
    LeftAlone,
    OptimizeResult,
    RewrittenRegion,
)
from mixnet_export.optimize.request import size_of
from mixnet_runtimes import child
from mixnet_runtimes.registry import read_file
from mixnet_runtimes.targets import Target

METADATA_KEY = "mixnet_optimize"

OLDEST_OPSET = 13
"""From which on the operators that are written are those of the file."""

LARGEST = 2**31 - 1

TIMEOUT_S = 900.0

NO_PARTITIONS = "an .onnx file runs without a delegate"

NOTHING = "it has no mixed or grouped convolution and no batch norm to rewrite"

QUANTIZED = (
    "its convolutions are quantized (QDQ), and nothing that is equal within one step is faster:"
    " neither mixed ones put together nor large kernels in tiles, and a batch norm behind"
    " QuantizeLinear cannot be folded"
)
"""docs/optimize.md has the times."""

NOT_WANTED = "none of what could be rewritten is wanted"


class OnnxOriginal:
    """An ``.onnx`` file that was read. Raises MixnetError if it is broken."""

    recorded = ("mixnet-mobile", "numpy", "onnx", "onnxruntime")

    def __init__(self, path: Path, target: Target) -> None:
        self.path, self.target = path, target
        self._model = load(path)
        self.reason = reason_to_leave(self._model)
        plan = find_plan("default", "onnx", target=target)
        self._blocks = [] if self.reason else find(read_graph(self._model), plan)

    def figures(self) -> Figures:
        """It in numbers."""
        return Figures(size_of(self.path), None, NO_PARTITIONS, None)

    def attempt(self, decisions: Decisions) -> Attempt:
        """The blocks that would be rewritten, as far as decisions allow."""
        whys = [decisions.why_not(PATTERN, block.name) for block in self._blocks]
        pairs = list(zip(self._blocks, whys, strict=True))
        blocks = tuple(block for block, why in pairs if not why)
        left = tuple(
            LeftAlone(0, block.places[0], block.name, f"{PATTERN}: {why}")
            for block, why in pairs
            if why
        )
        nothing = QUANTIZED if has_quantized_convolutions(self._model) else NOTHING
        nothing = NOT_WANTED if self._blocks else nothing
        reason = self.reason or (UNPROVEN if decisions.unproven else nothing)
        keys = tuple(key_of(PATTERN, block.name) for block in blocks)
        return Attempt(keys, left, "" if blocks else reason, blocks)

    def content(self, attempt: Attempt, *, allow_fp16: bool = False) -> bytes:
        """The bytes of the file with the blocks replaced."""
        import onnx

        del allow_fp16  # refused before
        made = splice(self._model, attempt.parts)
        entry = made.metadata_props.add()
        entry.key = METADATA_KEY
        provenance = {
            "original_sha256": sha256_of(self.path),
            "target": self.target.name,
            "mixnet_mobile": package_version("mixnet-mobile"),
        }
        entry.value = json.dumps(provenance, sort_keys=True)
        if made.ByteSize() > LARGEST:
            raise MixnetError(
                f"cannot optimize {show(self.path)}: the result would be larger than 2 GB"
            )
        content = bytes(made.SerializeToString(deterministic=True))
        try:
            onnx.checker.check_model(content)
        except Exception as error:  # onnx's checks raise several kinds
            raise MixnetError(f"the result is not a valid .onnx file: {error}", HINT) from error
        return content

    def proven(self, result: OptimizeResult, attempt: Attempt, candidate: Path) -> OptimizeResult:
        """The result with what the proof found. Raises UnprovenError and MixnetError."""
        blocks: tuple[OnnxBlock, ...] = attempt.parts
        read_file(candidate)
        request = {
            "path": str(self.path),
            "candidate": str(candidate),
            "target": self.target.name,
            "blocks": [block.name for block in blocks],
        }
        limits = child.limits_for(self.path, TIMEOUT_S)
        name = "mixnet_export.optimize.onnx.proof_child:prove"
        answer = child.ask(name, self.path, request, limits)
        check_regions([(PATTERN, block.name) for block in blocks], answer["regions"])
        outputs = tuple(judged(each, False) for each in answer["outputs"])
        pairs = zip(blocks, answer["regions"], strict=True)
        return replace(
            result,
            after=Figures(candidate.stat().st_size, None, NO_PARTITIONS, None),
            outputs=outputs,
            regions=tuple(_described(block, seen) for block, seen in pairs),
            warnings=tuple(doubts(outputs)),
        )

    def counted(self, result: OptimizeResult) -> OptimizeResult:
        """The unchanged result: a file without a delegate has no partitions."""
        return result


def reason_to_leave(model: Any) -> str:
    """Why a whole file cannot be changed; empty if it can."""
    for entry in model.metadata_props:
        if entry.key == METADATA_KEY:
            return "it is already optimized; for another runtime, optimize the original"
    versions = [each.version for each in model.opset_import if each.domain in ("", "ai.onnx")]
    if not versions or versions[0] < OLDEST_OPSET:
        return (
            f"its operators are those of opset {versions[0] if versions else 'none'}, which is"
            f" older than {OLDEST_OPSET}"
        )
    return ""


def has_quantized_convolutions(model: Any) -> bool:
    """Whether a convolution reads outputs of DequantizeLinear, or computes in integers itself."""
    decoded = {
        name
        for node in model.graph.node
        if node.op_type == "DequantizeLinear"
        for name in node.output
    }
    return any(
        node.op_type in ("QLinearConv", "ConvInteger")
        or (node.op_type == "Conv" and node.input[0] in decoded)
        for node in model.graph.node
    )


def _described(block: OnnxBlock, seen: Mapping[str, Any]) -> RewrittenRegion:
    return RewrittenRegion(
        0, PATTERN, block.places, block.name, block.what, seen["error"], seen["own"]
    )
