"""The file of ``mixnet-bench latency --on all -o FILE``: phones' results, as they arrive.

Its results of the same measurement are not measured again, and its results of phones that are not
connected stay. Measures nothing.
"""

import threading
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from mixnet_android.parsers import Cluster
from mixnet_android.phone.platform import choose_cpus
from mixnet_android.phone.records import PhoneCluster
from mixnet_bench.phones.steps import PhoneOptions
from mixnet_bench.results.file_run import Given
from mixnet_bench.results.latency import LatencyResult
from mixnet_bench.results.phones import PhoneLatencyResult
from mixnet_bench.results.reading import NEEDED, read_latencies
from mixnet_bench.results.verdict import Verdict
from mixnet_bench.timing.latency import Plan
from mixnet_common import UsageError, write_whole
from mixnet_common.console import json_text
from mixnet_common.documents import read_document
from mixnet_common.readers import is_file
from mixnet_common.result import decode
from mixnet_runtimes.model_files import identity_of

HINT = "use another file with -o, or remove this one"

Targets = list[PhoneLatencyResult]

SETTINGS = (
    "threads", "launches", "min_count", "min_time_s", "warmup", "seed", "burst_ms", "sustained",
)  # fmt: skip
"""Settings that a plan and a result must share; ``--pin`` is compared by its CPUs."""


class SavedPhones:
    """Results by phone, written whole after each; safe to be used by several threads.

    ``own`` are of this plan: found in the file or added; ``others`` were found and are not.
    """

    def __init__(self, path: Path | None, plan: Plan, phone_options: PhoneOptions) -> None:
        self.path = path
        self.own: dict[str, Targets] = {}
        self.others: dict[str, list[LatencyResult]] = {}
        self._lock = threading.Lock()
        hashes = [identity_of(each).sha256 for each in plan.paths]
        for name, targets in _read(path).items():
            phones = [each for each in targets if isinstance(each, PhoneLatencyResult)]
            if name.startswith("adb:") and is_same(phones, hashes, plan, phone_options):
                self.own[name] = phones
            else:
                self.others[name] = targets

    def recall(self, serial: str) -> Targets | None:
        """A phone's results where they need not be measured again, without a comparison's."""
        found = self.own.get(f"adb:{serial}")
        return None if found is None else [replace(each, against=None) for each in found]

    def add(self, serial: str, targets: Targets) -> None:
        """Take a phone's results and write the file. Raises MixnetError if that fails."""
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
    targets: Sequence[PhoneLatencyResult],
    hashes: Sequence[str],
    plan: Plan,
    phone_options: PhoneOptions,
) -> bool:
    """Whether a phone's results are what this plan and these phone_options would measure again.

    Never those that are void, since they are of no use.
    """
    given = [decode(Given, dict(each.given)) for each in plan.models] or [Given()] * len(hashes)
    return (
        [each.sha256 for each in targets] == list(hashes)
        and [each.given for each in targets] == given
        and all(
            each.verdict != Verdict.VOID
            and all(getattr(each.settings, key) == getattr(plan, key) for key in SETTINGS)
            and _is_pinned_alike(each, phone_options)
            and each.fixed_performance == phone_options.fixed_performance
            and each.task_profile == phone_options.task_profile
            and (each.profile is not None) == phone_options.profile
            for each in targets
        )
    )


def _is_pinned_alike(target: PhoneLatencyResult, phone_options: PhoneOptions) -> bool:
    """Whether its CPUs are those that ``--pin`` would mean on this result's phone."""
    clusters = [_cluster(each) for each in target.device.clusters]
    try:
        return target.settings.pin == choose_cpus(phone_options.pin, clusters)
    except UsageError:
        return False


def _cluster(record: PhoneCluster) -> Cluster:
    return Cluster(
        record.cpus,
        record.max_khz,
        record.limit_khz,
        record.current_khz,
        record.governor,
        record.capacity,
    )


def _read(path: Path | None) -> dict[str, list[LatencyResult]]:
    """The file's targets by phone; none where it is not a result: it will be replaced, as always.

    Raises UsageError if it is one, and damaged: what is in it may be worth a look.
    """
    if path is None or not is_file(path):
        return {}
    try:
        document = read_document(path, HINT)
    except UsageError:
        return {}
    if not all(isinstance(each, dict) and each.keys() >= {*NEEDED} for each in document["targets"]):
        return {}
    found: dict[str, list[LatencyResult]] = {}
    for target in read_latencies(document, path, HINT):
        found.setdefault(target.target, []).append(target)
    return found
