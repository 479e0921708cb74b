"""One optimization from beginning to end: read, find, choose, rewrite, verify, write."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from mixnet_common import UsageError
from mixnet_common.console import FORMAT
from mixnet_common.files import write_all
from mixnet_common.hashing import sha256, sha256_of
from mixnet_common.readers import show
from mixnet_common.temporary import temporary_folder
from mixnet_common.versions import package_version
from mixnet_export.job.exporting import side_path
from mixnet_export.optimize.attempt import Attempt, Original
from mixnet_export.optimize.calibrating.pictures import check_pictures
from mixnet_export.optimize.decisions import ALL, Decisions
from mixnet_export.optimize.document import LARGEST
from mixnet_export.optimize.onnx.file import OnnxOriginal
from mixnet_export.optimize.proof import HINT
from mixnet_export.optimize.records import Figures, OptimizeResult
from mixnet_export.optimize.request import check_request, size_of
from mixnet_export.optimize.settling import Trial, settle
from mixnet_export.optimize.tflite_file import TfliteOriginal
from mixnet_runtimes.registry import read_file, runtime_name
from mixnet_runtimes.targets import Target, find_target

TOO_LARGE = "it is larger than 2 GB"

KEPT = (
    "target", "fp16_allowed", "regions", "rewritten", "left_alone", "before", "after",
    "expected_gain", "outputs", "pictures",
)  # fmt: skip
"""Keys of a result that a file's provenance repeats."""

Made = tuple[OptimizeResult, Attempt, bytes]


def optimize(
    path: Path,
    output: Path | None = None,
    *,
    target: Target | str | None = None,
    dry_run: bool = False,
    allow_fp16: bool = False,
    decisions: Decisions = ALL,
    calibration: Path | None = None,
) -> OptimizeResult:
    """Rewrite a ``.tflite`` or ``.onnx`` file for one runtime's version.

    The result and its provenance are written into the folder ``output`` under the file's own name,
    unless nothing is found, or with ``dry_run`` or without a folder. With ``allow_fp16`` it is
    written all the same, and says that XNNPACK may compute it in float16. With ``calibration``, a
    folder of images or an array in a ``.npy`` or ``.npz``, the tiles of int8 convolutions are in
    int8 where that is faster, and differs by one step at most on all of them. What is not proven
    equal is left as it was. Raises UsageError for what is not such a file or no pictures, for
    another runtime's target, for float16 of anything but float32, and for an output in the input's
    place; MixnetError for a broken file, for one that would lose something, and for one that cannot
    be compared with itself.
    """
    path = Path(path)
    if path.suffix.lower() == ".onnx" and (allow_fp16 or calibration is not None):
        name = "--allow-fp16" if allow_fp16 else "--calibrate"
        raise UsageError(f"{name} is for .tflite files, not {show(path)}", "omit it")
    written = check_request(path, output)
    if calibration is not None:
        check_pictures(calibration)
    wanted = _target(path, target)
    if (size := size_of(path)) > LARGEST and wanted.file_format == "tflite":
        before = Figures(size, None, TOO_LARGE, None)
        return OptimizeResult(path, wanted.name, (), (), TOO_LARGE, before, None, None)
    read_file(path)
    original = _opened(path, wanted, allow_fp16, calibration)
    with temporary_folder() as folder:
        result, attempt, content = _settled(original, folder / path.name, decisions)
    if result.reason:
        result = original.counted(result)
        if original.reason or not allow_fp16:
            return result
    if allow_fp16:
        content = original.content(attempt, allow_fp16=True)
        result = replace(result, fp16_allowed=True)
    if dry_run or written is None:
        return result
    provenance = _provenance(original, content, result)
    text = json.dumps(provenance, indent=2) + "\n"
    write_all({written: content, side_path(written): text})
    return replace(result, written=written, provenance=provenance)


def _target(path: Path, target: Target | str | None) -> Target:
    form = path.suffix.lower().removeprefix(".")
    wanted = target if isinstance(target, Target) else find_target(target, form)
    if wanted.file_format != form:
        names = {"tflite": "a LiteRT or TensorFlow Lite", "onnx": "an onnxruntime"}
        raise UsageError(f"{wanted.title} runs .{wanted.file_format} files", f"name {names[form]}")
    return wanted


def _opened(path: Path, target: Target, allow_fp16: bool, calibration: Path | None) -> Original:
    if target.file_format == "onnx":
        return OnnxOriginal(path, target)
    return TfliteOriginal(path, target, allow_fp16=allow_fp16, calibration=calibration)


def _settled(original: Original, candidate: Path, decisions: Decisions) -> Made:
    """The file with all rewritings that pass verification, and its verified bytes."""
    before = OptimizeResult(
        original.path, original.target.name, (), (), "", original.figures(), None, None
    )

    def prove(decisions: Decisions) -> Made:
        attempt = original.attempt(decisions)
        result = replace(before, left_alone=attempt.left, reason=attempt.reason)
        if not attempt.keys and decisions.only is None:
            return replace(result, warnings=_faults(decisions)), attempt, b""
        content = original.content(attempt)
        candidate.write_bytes(content)
        result = original.proven(result, attempt, candidate)
        return replace(result, warnings=(*_faults(decisions), *result.warnings)), attempt, content

    return settle(Trial(lambda decisions: original.attempt(decisions).keys, prove), decisions)


def _faults(decisions: Decisions) -> tuple[str, ...]:
    """The rewritings that failed verification, in a sentence each."""
    return tuple(
        f"left as it was, {key}: not proven equal: {why} ({HINT})"
        for key, why in decisions.unproven.items()
    )


def _provenance(original: Original, content: bytes, result: OptimizeResult) -> dict[str, Any]:
    values = result.as_json()
    return {
        "format": FORMAT,
        "file_format": original.target.file_format,
        "optimized_from": {"name": original.path.name, "sha256": sha256_of(original.path)},
        **{key: values[key] for key in KEPT},
        "target_evidence": original.target.evidence,
        "proven_on": runtime_name(original.path),
        "sha256": sha256(content),
        "size_bytes": len(content),
        "versions": {name: package_version(name) for name in original.recorded},
    }
