"""The saved results of a campaign: one file per step, whole or absent, found by the step's key.

A result with another key, a damaged one, or one whose written file is missing, counts as absent.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mixnet_bench.campaign.step import Step
from mixnet_bench.report.documents import FILES, RESULTS, STATE
from mixnet_bench.results.reading import decode_any
from mixnet_common import UsageError, write_whole
from mixnet_common.console import json_text
from mixnet_common.documents import read_document, read_targets
from mixnet_common.hashing import sha256_of
from mixnet_common.json_object import JsonObject, WrongValueError


class Store:
    """The folder that a campaign writes to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def result_path(self, step: Step) -> Path:
        """Path of the step's result."""
        return self._inside(RESULTS, f"{step.slug}.json")

    def files_folder(self, step: Step) -> Path:
        """Folder of an export's file."""
        return self._inside(FILES, step.slug)

    def state_path(self, step: Step) -> Path:
        """File for a step's partial results."""
        return self._inside(STATE, f"{step.slug}.json")

    def written_paths(self, steps: Sequence[Step]) -> Iterator[Path]:
        """Files that these steps may write, but for those of an export that has none yet."""
        for step in steps:
            yield self.result_path(step)
            if step.kind == "parity":
                yield self.state_path(step)
            if step.kind == "export" and self.files_folder(step).is_dir():
                yield from self.files_folder(step).iterdir()

    def recall(self, step: Step) -> list[dict[str, Any]] | None:
        """The step's result, its ``targets``; None if there is none that is whole and its own.

        An export's file has to be there too, as it was written.
        """
        document = _read(self.result_path(step))
        if document is None or document["step"].get("key") != step.key:
            return None
        targets: list[dict[str, Any]] = document["targets"]
        if not targets:
            return None
        if step.kind == "export" and not all(self._is_whole(target) for target in targets):
            return None
        return targets

    def save(self, step: Step, targets: Sequence[Any], seconds: float) -> None:
        """Keep a result, whole or not at all."""
        document = json.loads(json_text(targets))
        about = {
            "kind": step.kind,
            "name": step.name,
            "key": step.key,
            "seconds": round(seconds, 3),
            "inputs": step.inputs,
        }
        document = {"format": document["format"], "step": about, "targets": document["targets"]}
        text = json.dumps(document, indent=1, allow_nan=False)
        write_whole(self.result_path(step), text + "\n")

    def model(self, export: Step) -> Path:
        """The file that an export wrote. Raises UsageError if its result is gone."""
        targets = self.recall(export)
        if not targets:
            raise UsageError(f"the result of {export.name} was deleted", "run the campaign again")
        return self.written(targets[0])

    def written(self, target: dict[str, Any]) -> Path:
        """The path of an export's file, which a result may not lead out of the folder."""
        path = JsonObject(target).path("path")
        return self._inside(*path.replace("\\", "/").split("/"))

    def relative(self, path: Path) -> str:
        """A path within the folder, as results name it."""
        return path.relative_to(self.folder).as_posix()

    def earlier(self) -> Iterator[dict[str, Any]]:
        """The steps of all results here, including those with other inputs."""
        for path in sorted((self.folder / RESULTS).glob("*.json")):
            if document := _read(path):
                yield document["step"]

    def _is_whole(self, target: Any) -> bool:
        try:
            return bool(sha256_of(self.written(target)) == target["sha256"])
        except (KeyError, UsageError, WrongValueError):
            return False

    def _inside(self, *parts: str) -> Path:
        path = self.folder.joinpath(*parts)
        if not path.resolve().is_relative_to(self.folder.resolve()):
            raise UsageError(f"{path} is outside {self.folder}", "nothing was written")
        return path


def _read(path: Path) -> dict[str, Any] | None:
    """A step's document; None if there is none, or a number in it cannot be."""
    try:
        document = read_document(path, "")
        read_targets(document, path, "", lambda target: decode_any(target.value))
    except UsageError:
        return None
    return document if isinstance(document.get("step"), dict) else None
