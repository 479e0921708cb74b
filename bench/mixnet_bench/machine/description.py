"""The machine of a measurement: its CPU, system, load and versions, as far as reported.

Reads only; a value that the system does not report is None, never a guess.
"""

import os
import platform
import subprocess
from pathlib import Path

from mixnet_bench.machine.affinity import current_cpus
from mixnet_bench.results.latency import Machine

CPUINFO = Path("/proc/cpuinfo")
GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


def describe_machine() -> Machine:
    """The machine as a record; ``affinity`` is this process's, which workers inherit."""
    affinity = current_cpus()
    return Machine(
        cpu=cpu_model(),
        architecture=platform.machine(),
        cores=os.cpu_count(),
        os=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        affinity=affinity,
        governor=_read_line(GOVERNOR),
    )


def load_average() -> tuple[float, ...] | None:
    """Processes ready to run, averaged over 1, 5 and 15 minutes; None if the system keeps none.

    A share of it may be the measurement's own.
    """
    try:
        return tuple(round(value, 2) for value in os.getloadavg())
    except (AttributeError, OSError):
        return None


def cpu_model() -> str | None:
    """The CPU's name as the system gives it."""
    by_system = {"Linux": _linux_cpu, "Darwin": _mac_cpu}
    return by_system.get(platform.system(), lambda: None)() or platform.processor() or None


def parse_cpuinfo(text: str) -> str | None:
    """The CPU's name from /proc/cpuinfo.

    x86 has a line ``model name : Intel(R) ...`` for each CPU; ARM boards have none, or one
    ``Hardware : ...``, or ``Model : ...``, at the end.
    """
    pairs = (line.partition(":") for line in text.splitlines())
    fields = {key.strip(): value.strip() for key, _, value in pairs}
    return next((fields[key] for key in ("model name", "Hardware", "Model") if key in fields), None)


def _linux_cpu() -> str | None:
    try:
        return parse_cpuinfo(CPUINFO.read_text(errors="replace"))
    except OSError:
        return None


def _mac_cpu() -> str | None:
    command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def _read_line(path: Path) -> str | None:
    try:
        return path.read_text().strip() or None
    except OSError:
        return None
