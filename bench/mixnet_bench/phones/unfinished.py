"""Launches of an unfinished measurement, saved on this machine until it is complete.

If a phone is lost for good or this machine stops, the same command continues from them. They are
valid for an hour, and until the phone is restarted: conditions differ after that.
"""

import re
import shutil
import time
from pathlib import Path

from mixnet_android.runner.protocol import parse
from mixnet_android.runs.detached import FRESH_S
from mixnet_android.runs.session import MOST_OUTPUT_BYTES, Launched
from mixnet_common import MixnetError
from mixnet_common.files import write_all
from mixnet_common.folders import home
from mixnet_common.readers import read_bytes, read_text


class UnfinishedLaunches:
    """The launches of one measurement, by the phone's serial and the work's digest."""

    def __init__(self, serial: str, digest: str) -> None:
        safe = re.sub(r"[^A-Za-z0-9._-]", "_", serial)[:80].lstrip(".")
        self.folder = home() / "unfinished" / f"{safe}-{digest[:24]}"

    def save(self, number: int, launched: Launched) -> None:
        """Keep a launch, and nothing that is too old. Raises MixnetError if the disk refuses."""
        remove_old(self.folder.parent)
        contents: dict[Path, bytes | str] = {
            self.folder / f"{number}-output-{model}-{index}.bin": content
            for (model, index), content in launched.outputs.items()
        }
        write_all({**contents, self._result(number): launched.text})

    def recall(self, number: int) -> Launched | None:
        """A saved launch; None if there is none, or it is old or damaged."""
        try:
            if time.time() - self._result(number).stat().st_mtime > FRESH_S:
                return None
            text = read_text(self._result(number))
            return Launched(parse(text), self._outputs(number), text)
        except (OSError, ValueError, MixnetError):
            return None

    def forget(self) -> None:
        """Remove all of it: the measurement is finished."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _result(self, number: int) -> Path:
        return self.folder / f"{number}.jsonl"

    def _outputs(self, number: int) -> dict[tuple[int, int], bytes]:
        found = {}
        for file in self.folder.glob(f"{number}-output-*.bin"):
            model, index = file.stem.split("-")[2:]
            found[int(model), int(index)] = read_bytes(file, limit=MOST_OUTPUT_BYTES)
        return found


def remove_old(unfinished: Path) -> None:
    """Remove the measurements in this folder of which nothing is young enough to be recalled."""
    for folder in unfinished.glob("*"):
        try:
            newest = max(file.stat().st_mtime for file in (folder, *folder.iterdir()))
        except OSError:
            continue  # no folder, or another command is removing it
        if time.time() - newest > FRESH_S:
            shutil.rmtree(folder, ignore_errors=True)
