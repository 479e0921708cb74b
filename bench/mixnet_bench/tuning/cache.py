"""Earlier results for a block on this machine with this runtime: a folder of small files."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mixnet_bench.machine.affinity import current_cpus
from mixnet_bench.tuning.search import Outcome
from mixnet_common import UsageError, write_whole
from mixnet_common.folders import home
from mixnet_common.hashing import sha256
from mixnet_common.intervals import Estimate, Interval
from mixnet_common.json_object import JsonObject, WrongValueError
from mixnet_common.readers import read_json
from mixnet_common.records import read_record
from mixnet_common.versions import package_version
from mixnet_export.lowering import OPTIONS, Choice


def cache_folder() -> Path:
    """Folder of cached results, in the user's folder for this software."""
    return home() / "tuning"


def cache_path(folder: Path, **conditions: Any) -> Path:
    """The file for a block under conditions (its form, the runtime's version, the machine, …).

    This software's version and the CPUs that it may run on are conditions as well.
    """
    known = {
        "software": package_version("mixnet-mobile"),
        "options": OPTIONS,
        "cpus": current_cpus(),
    }
    text = json.dumps({**known, **conditions}, sort_keys=True)
    return folder / f"{sha256(text)[:32]}.json"


def recall(path: Path) -> Outcome | None:
    """A cached result; None if there is none, or it can't be read."""
    try:
        kept = JsonObject(read_json(path))
        choice = read_record(Choice, kept.at("choice").value, "choice")
        ratio, tried = kept.number("ratio", 0), kept.whole("tried")
        return Outcome(choice, ratio, tried, _estimate(kept.at("best")))
    except (UsageError, WrongValueError):
        return None


def _estimate(kept: JsonObject) -> Estimate | None:
    """The gain that was measured. Raises WrongValueError if it has no interval."""
    if not kept.value:
        return None
    bounds = kept.at("interval")
    interval = Interval(bounds.number("low", 0), bounds.number("high", 0))
    return Estimate(kept.number("value", 0), interval)


def remember(path: Path, outcome: Outcome) -> None:
    """Keep a result. Raises MixnetError if the folder can't be written."""
    write_whole(path, json.dumps(asdict(outcome), indent=2) + "\n")
