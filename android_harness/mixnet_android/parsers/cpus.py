"""Parses cpufreq and cpu_capacity trees and /proc/cpuinfo: cores and clusters; runs nothing.

Trees have the form of ``grep -H . FILES``: a path, a colon, a line.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mixnet_android.parsers.text import clean, integer, lines_of
from mixnet_common.cpu_lists import MOST_CPU, parse_kernel_cpus

_POLICY = re.compile(r"/cpufreq/policy(?P<policy>\d{1,4})/(?P<name>\w+)$")
_CAPACITY = re.compile(r"/cpu(?P<cpu>\d{1,4})/cpu_capacity$")


@dataclass(frozen=True)
class Cluster:
    """Cores that share a clock. ``max_khz`` is the hardware's limit, ``limit_khz`` the present one.

    ``capacity`` is the kernel's figure for a core's speed, 1024 for the fastest of the phone. None
    means that the phone doesn't allow reading it.
    """

    cpus: tuple[int, ...]
    max_khz: int | None
    limit_khz: int | None
    current_khz: int | None
    governor: str | None
    capacity: int | None


@dataclass(frozen=True)
class Core:
    """One processor of /proc/cpuinfo: its implementer and part as numbers, and its features."""

    cpu: int
    implementer: int | None
    part: int | None
    features: tuple[str, ...]


def parse_tree(text: str) -> dict[str, str]:
    """Content by path; only the first line of a file counts.

    Raw line: ``/sys/devices/system/cpu/cpufreq/policy4/cpuinfo_max_freq:2400000``.
    """
    tree: dict[str, str] = {}
    for line in lines_of(text):
        path, colon, content = line.partition(":")
        if colon and path.startswith("/"):
            tree.setdefault(clean(path, 300), clean(content))
    return tree


def parse_clusters(text: str) -> tuple[Cluster, ...]:
    """Clusters, slowest first, each core in one; empty where cpufreq can't be read."""
    tree = parse_tree(text)
    policies: dict[int, dict[str, str]] = {}
    capacities: dict[int, int | None] = {}
    for path, content in tree.items():
        if match := _POLICY.search(path):
            policies.setdefault(int(match["policy"]), {})[match["name"]] = content
        elif match := _CAPACITY.search(path):
            capacities[int(match["cpu"])] = integer(content, 1, 1024 * 1024)
    found = [_cluster(number, policies[number], capacities) for number in sorted(policies)]
    return tuple(sorted(_disjoint(found), key=_speed))


def _cluster(
    number: int, files: Mapping[str, str], capacities: Mapping[int, int | None]
) -> Cluster:
    listed = parse_kernel_cpus(files.get("related_cpus") or files.get("affected_cpus") or "")
    cpus = listed or (number,)
    governor = files.get("scaling_governor")
    return Cluster(
        cpus=cpus,
        max_khz=_khz(files.get("cpuinfo_max_freq")),
        limit_khz=_khz(files.get("scaling_max_freq")),
        current_khz=_khz(files.get("scaling_cur_freq")),
        governor=clean(governor, 40) if governor else None,
        capacity=next((capacities[cpu] for cpu in cpus if capacities.get(cpu)), None),
    )


def _khz(text: str | None) -> int | None:
    """A valid frequency: ``<unsupported>`` and 0 are not."""
    return integer(text, 1_000, 100_000_000)


def _disjoint(clusters: Iterable[Cluster]) -> list[Cluster]:
    """The clusters, except those that repeat a core."""
    seen: set[int] = set()
    kept = []
    for each in clusters:
        if seen.isdisjoint(each.cpus):
            kept.append(each)
            seen.update(each.cpus)
    return kept


def _speed(cluster: Cluster) -> tuple[int, int, int]:
    return (cluster.capacity or 0, cluster.max_khz or 0, cluster.cpus[0])


def parse_cpuinfo(text: str) -> tuple[Core, ...]:
    """Processors of /proc/cpuinfo, in its order.

    Raw lines: ``processor	: 0``, ``Features	: fp asimd asimddp i8mm``, ``CPU part	: 0xd80``.
    """
    cores: list[dict[str, str]] = []
    for line in lines_of(text):
        key, colon, value = line.partition(":")
        if not colon:
            continue
        if key.strip() == "processor":
            cores.append({})
        if cores:
            cores[-1].setdefault(key.strip(), value.strip())
    found = (_core(fields) for fields in cores[: MOST_CPU + 1])
    return tuple(core for core in found if core is not None)


def _core(fields: Mapping[str, str]) -> Core | None:
    cpu = integer(fields.get("processor"), 0, MOST_CPU)
    if cpu is None:
        return None
    words = (fields.get("Features") or fields.get("flags") or "").split()[:500]
    return Core(
        cpu,
        _hexadecimal(fields.get("CPU implementer")),
        _hexadecimal(fields.get("CPU part")),
        tuple(clean(word, 40) for word in words),
    )


def _hexadecimal(text: str | None) -> int | None:
    return int(text, 16) if text and re.fullmatch(r"0x[0-9a-fA-F]{1,8}", text) else None


def common_features(cores: Iterable[Core]) -> tuple[str, ...]:
    """Features that every core has, in the first core's order: what a program may rely on."""
    each = [core.features for core in cores]
    return tuple(name for name in each[0] if all(name in other for other in each)) if each else ()
