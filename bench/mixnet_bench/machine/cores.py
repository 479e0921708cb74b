"""Which core a thread ran on and that core's frequency, as far as Linux reports them.

Reads only. On other systems, and in virtual machines that hide their clocks, the answer is None.
"""

import time
from pathlib import Path
from typing import Any

STAT = Path("/proc/thread-self/stat")
SYSFS = Path("/sys/devices/system/cpu")
PROCESSOR = 36
"""The field ``processor`` of proc(5)'s stat is number 39; the first two go with the name."""


def current_core(stat: Path = STAT) -> int | None:
    """The core on which this thread ran last.

    The line is ``1234 (name) R 1 ...``; a name may hold blanks and brackets.
    """
    try:
        return int(stat.read_text().rpartition(")")[2].split()[PROCESSOR])
    except (OSError, ValueError, IndexError):
        return None


def core_khz(core: int | None, sysfs: Path = SYSFS) -> int | None:
    """The core's present frequency."""
    if core is None:
        return None
    try:
        return int((sysfs / f"cpu{core}/cpufreq/scaling_cur_freq").read_text())
    except (OSError, ValueError):
        return None


def preemptions() -> int | None:
    """Number of preemptions of this process so far."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw)


def look() -> dict[str, Any]:
    """What is reported between two bursts, as JSON values."""
    core = current_core()
    return {
        "core": core,
        "khz": core_khz(core),
        "cpu_ns": time.process_time_ns(),
        "preempted": preemptions(),
    }


def throttle_count(sysfs: Path = SYSFS) -> int | None:
    """How often the hardware slowed a core down because it was hot, all cores, since the start.

    x86 kernels count it; None if nothing does.
    """
    counts = []
    for file in sysfs.glob("cpu[0-9]*/thermal_throttle/core_throttle_count"):
        try:
            counts.append(int(file.read_text()))
        except (OSError, ValueError):
            continue
    return sum(counts) if counts else None


def limited_cores(sysfs: Path = SYSFS) -> dict[int, tuple[int, int]]:
    """Cores that may not clock as fast as they can: their limit and their maximum, in kHz."""
    found = {}
    for folder in sysfs.glob("cpu[0-9]*/cpufreq"):
        try:
            limit = int((folder / "scaling_max_freq").read_text())
            most = int((folder / "cpuinfo_max_freq").read_text())
        except (OSError, ValueError):
            continue
        if limit < most:
            found[int(folder.parent.name.removeprefix("cpu"))] = (limit, most)
    return dict(sorted(found.items()))
