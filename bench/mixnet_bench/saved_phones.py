"""The file of ``mixnet-bench latency --on all -o FILE``: phones' results, as they arrive.

What it holds of the same measurement is not measured again, and what it holds of phones that are
not there now stays. Measures nothing.
"""

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mixnet_android.parsers import Cluster
from mixnet_android.session import choose_cpus
from mixnet_bench.against import NEEDED, check_saved
from mixnet_bench.latency import Plan
from mixnet_bench.latency_adb import Wishes
from mixnet_bench.report.load import read_latency
from mixnet_common import UsageError, write_whole
from mixnet_common.console import json_text
from mixnet_common.documents import read_document, read_targets
from mixnet_common.readers import is_file
from mixnet_runtimes.model_files import identity_of

HINT = "name another file with -o, or remove this one"

Targets = list[dict[str, Any]]

SETTINGS = (
    "threads", "launches", "min_count", "min_time_s", "warmup", "seed", "burst_ms", "sustained",
)  # fmt: skip
"""What a plan and a result's settings must agree in; ``--pin`` is compared by its CPUs."""


class SavedPhones:
    """Results by phone, written whole after each; safe to be used by several threads.

    ``own`` are of this plan: found in the file or added; ``others`` were found and are not.
    """

    def __init__(self, path: Path | None, plan: Plan, wishes: Wishes) -> None:
        self.path = path
        self.own: dict[str, Targets] = {}
        self.others: dict[str, Targets] = {}
        self._lock = threading.Lock()
        hashes = [identity_of(each).sha256 for each in plan.paths]
        for name, targets in _read(path).items():
            same = name.startswith("adb:") and is_same(targets, hashes, plan, wishes)
            (self.own if same else self.others)[name] = targets

    def recall(self, serial: str) -> Targets | None:
        """A phone's results where they need not be measured again, without a comparison's."""
        for target in self.own.get(f"adb:{serial}", []):
            target.pop("against", None)
        return self.own.get(f"adb:{serial}")

    def add(self, serial: str, targets: Targets) -> None:
        """Take a phone's results and write the file. Raises MixnetError where that fails."""
        with self._lock:
            self.own[f"adb:{serial}"] = targets
            self.others.pop(f"adb:{serial}", None)
            if self.path is not None:
                others = [target for targets in self.others.values() for target in targets]
                write_whole(self.path, json_text([*self.targets(), *others]) + "\n")

    def targets(self) -> Targets:
        """Those of this plan, by the phones' serials."""
        return [target for name in sorted(self.own) for target in self.own[name]]


def is_same(
    targets: Sequence[Mapping[str, Any]], hashes: Sequence[str], plan: Plan, wishes: Wishes
) -> bool:
    """Whether a phone's results are what this plan and these wishes would measure again.

    Never those that are void, since they are of no use.
    """
    try:
        given = [dict(each.given) for each in plan.models] or [{} for _ in plan.paths]
        found = [each.get("given", {}) for each in targets]
        return (
            [each["sha256"] for each in targets] == list(hashes)
            and found == given
            and all(
                each["verdict"] != "void"
                and all(each["settings"][key] == getattr(plan, key) for key in SETTINGS)
                and each["settings"]["pin"] == _pin(each, wishes)
                and each["fixed_performance"] == wishes.fixed_performance
                and ("profile" in each) == wishes.profile
                for each in targets
            )
        )
    except (KeyError, TypeError, UsageError):
        return False


def _pin(target: Mapping[str, Any], wishes: Wishes) -> list[int] | None:
    """The CPUs that ``--pin`` would mean on this result's phone. Raises UsageError."""
    clusters = [
        Cluster(**{**each, "cpus": tuple(each["cpus"])}) for each in target["device"]["clusters"]
    ]
    cpus = choose_cpus(wishes.pin, clusters)
    return None if cpus is None else list(cpus)


def _read(path: Path | None) -> dict[str, Targets]:
    """The file's targets by phone; none where it is no result: it will be replaced, as always.

    Raises UsageError where it is one, and damaged: what is in it may be worth a look.
    """
    if path is None or not is_file(path):
        return {}
    try:
        document = read_document(path, HINT)
    except UsageError:
        return {}
    if not all(isinstance(each, dict) and each.keys() >= {*NEEDED} for each in document["targets"]):
        return {}
    read_targets(document, path, HINT, check_saved)
    read_targets(document, path, HINT, read_latency)
    found: dict[str, Targets] = {}
    for target in document["targets"]:
        found.setdefault(target["target"], []).append(target)
    return found
