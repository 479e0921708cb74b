"""The request of ``optimize``: a file of a known kind, and an output that does not replace it."""

from collections.abc import Sequence
from pathlib import Path

from mixnet_common import UsageError
from mixnet_common.outputs import check_folder, check_outputs
from mixnet_common.readers import is_file, missing_file, show
from mixnet_export.job.exporting import side_path

FORMATS = (".tflite", ".onnx")


def check_request(path: Path, output: Path | None, others: Sequence[Path] = ()) -> Path | None:
    """The output path. Raises UsageError for another kind of file, or the input's path."""
    if path.suffix.lower() not in FORMATS:
        kinds = " and ".join(FORMATS)
        raise UsageError(f"{show(path)} is not a model file", f"optimize takes {kinds} files")
    if output is None:
        return None
    written = output / path.name
    check_folder(output)
    check_outputs((written, side_path(written)), [path, *others], like="out/")
    return written


def size_of(path: Path) -> int:
    """Bytes of a file. Raises UsageError if there is none."""
    if not is_file(path):
        raise missing_file(path)
    return path.stat().st_size
