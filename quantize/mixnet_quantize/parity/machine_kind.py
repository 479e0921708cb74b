"""What determines whether two machines compute equal digits: CPU features and versions.

Kernels are chosen by the features, and images are decoded by libraries. Nothing here measures.
"""

import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mixnet_common.json_object import JsonObject, WrongValueError
from mixnet_common.printable import printable
from mixnet_common.versions import package_version

CPUINFO = Path("/proc/cpuinfo")

LIBRARIES = ("mixnet-mobile", "numpy", "pillow")
"""Packages that prepare images and count."""

X86 = (
    "sse4_1 sse4_2 avx f16c fma avx2 avx_vnni avx512f avx512bw avx512cd avx512dq avx512vl"
    " avx512_vnni avx512_bf16 avx512_fp16 amx_tile amx_int8 amx_bf16"
)
ARM = "asimd asimdhp asimddp i8mm bf16 sve sve2 sme"

FEATURES = frozenset(f"{X86} {ARM}".split())
"""Those by which runtimes choose their kernels, as Linux calls them."""

MOST = 100
"""Features, or packages, of a machine that are believed."""


@dataclass(frozen=True)
class MachineKind:
    """Machines of the same kind give the same digits."""

    architecture: str
    features: tuple[str, ...]
    """Features of the CPU; its name if the system lists none."""
    versions: tuple[tuple[str, str], ...]
    """Packages and their versions, in the order of their names."""

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "architecture": self.architecture,
            "features": list(self.features),
            "versions": dict(self.versions),
        }

    def differences(self, other: "MachineKind") -> str:
        """The differences between another machine and this one, in words; empty if none."""
        return "; ".join(self._differences(other))

    def _differences(self, other: "MachineKind") -> Iterator[str]:
        if self.architecture != other.architecture:
            yield f"{other.architecture}, not {self.architecture}"
        for word, features in (
            ("without", set(self.features) - set(other.features)),
            ("with", set(other.features) - set(self.features)),
        ):
            if features:
                yield f"a CPU {word} {', '.join(sorted(features))}"
        ours, theirs = dict(self.versions), dict(other.versions)
        for name in sorted({*ours, *theirs}):
            if ours.get(name) != theirs.get(name):
                yield f"{name} {theirs.get(name, 'missing')}, not {ours.get(name, 'missing')}"


def kind_of_this_machine(runtimes: Mapping[str, str]) -> MachineKind:
    """The kind; ``runtimes`` are the versions of those that run files, by name."""
    versions = {name: package_version(name) or "unknown" for name in LIBRARIES}
    return MachineKind(*cpu_features(), tuple(sorted({**versions, **runtimes}.items())))


def from_json(value: Any) -> MachineKind:
    """The kind that ``to_json`` described. Raises WrongValueError."""
    found = JsonObject(value)
    versions = found.at("versions").value
    features = found.texts("features")
    if max(len(versions), len(features)) > MOST:
        raise WrongValueError("a machine has too many features or versions")
    return MachineKind(
        found.text("architecture"),
        features,
        tuple(sorted((printable(name), printable(str(each))) for name, each in versions.items())),
    )


def parse_features(cpuinfo: str) -> tuple[str, ...]:
    r"""The features in /proc/cpuinfo by which kernels are chosen, in the order of their names.

    >>> parse_features("processor : 0\nflags : fpu avx2 fma\nbugs : none\n")
    ('avx2', 'fma')
    """
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("flags", "Features"):
            return tuple(sorted(FEATURES.intersection(value.split())))
    return ()


@cache
def cpu_features() -> tuple[str, tuple[str, ...]]:
    """Architecture and features of the CPU; its name where the system lists no features."""
    try:
        found = parse_features(CPUINFO.read_text(errors="replace"))
    except OSError:
        found = ()
    return platform.machine(), found or tuple(filter(None, (platform.processor(),)))
