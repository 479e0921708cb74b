"""The platform of a phone's programs, and the CPUs that an option names."""

from collections.abc import Sequence

from mixnet_android.adb import Phone
from mixnet_android.parsers import Cluster
from mixnet_common import MixnetError, UsageError
from mixnet_common.cpu_lists import parse_cpus

PLATFORM = "[ -e /system/bin/linker64 ] && echo android || echo linux"

ABIS = {"arm64-v8a": "arm64", "x86_64": "x86_64"}


def platform_of(phone: Phone, abis: Sequence[str]) -> str:
    """System and processor in one word, like ``android-arm64``. Raises MixnetError for others."""
    system = phone.shell(PLATFORM).text.strip()
    processor = next((ABIS[abi] for abi in abis if abi in ABIS), None)
    if processor is None:
        raise MixnetError(
            f"phone {phone.serial} runs {', '.join(abis) or 'an unknown ABI'}",
            f"there are runtimes for {' and '.join(ABIS)}; 32-bit phones are not supported",
        )
    return f"{'android' if system == 'android' else 'linux'}-{processor}"


def choose_cpus(
    text: str | None, clusters: Sequence[Cluster], online: Sequence[int] = ()
) -> tuple[int, ...] | None:
    """CPUs from ``big`` (the fastest cluster), ``little`` (the slowest) or ``0,2-4``; or None.

    Raises UsageError if the phone has no such CPUs, has switched them off, or does not tell its
    clusters; ``online`` is empty if it is not reported which are switched on.
    """
    if text is None:
        return None
    chosen = _choose(text, clusters)
    off = sorted(set(chosen) - set(online)) if online else []
    if off:
        raise UsageError(
            f"--pin {text}: the phone has turned off CPU {', '.join(map(str, off))}",
            f"CPUs {', '.join(map(str, sorted(online)))}: name some of them, or wake the phone up",
        )
    return chosen


def _choose(text: str, clusters: Sequence[Cluster]) -> tuple[int, ...]:
    if text in ("big", "little"):
        ordered = sorted(clusters, key=_speed)
        if not ordered or len({_speed(each) for each in ordered}) < 2:
            raise UsageError(
                f"--pin {text}: the phone does not report faster and slower CPUs",
                "give CPUs such as 4-7; mixnet-bench devices lists clusters",
            )
        return tuple(sorted(ordered[-1 if text == "big" else 0].cpus))
    cpus = parse_cpus(text, "give big, little, or CPUs such as 4-7")
    known = {cpu for cluster in clusters for cpu in cluster.cpus}
    if known and not set(cpus) <= known:
        missing = ", ".join(map(str, sorted(set(cpus) - known)))
        raise UsageError(
            f"--pin {text}: the phone has no CPU {missing}",
            f"it has {', '.join(map(str, sorted(known)))}",
        )
    return cpus


def _speed(cluster: Cluster) -> tuple[int, int]:
    return cluster.capacity or 0, cluster.max_khz or 0
