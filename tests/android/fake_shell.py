"""The fake phone's shell: real commands in a folder that stands for its root, with its faults."""

import os
import signal
import struct
import subprocess
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

STDOUT, STDERR, EXIT = 1, 2, 3

MAPPED = (
    "/data/local/tmp",
    "/sys/devices/system/cpu",
    "/proc/cpuinfo",
    "/proc/mounts",
    "/proc/sys/kernel/random/boot_id",
    "/system/bin/linker64",
)
"""Places of the phone that lie in the sandbox when a script names them; all others are real."""

SCRIPTS = {
    "getprop": 'cat "$PHONE/state/getprop"',
    "df": 'cat "$PHONE/state/df"',
    "dumpsys": 'cat "$PHONE/state/$1" || echo "Can\'t find service: $1"',
    "settings": (
        'file="$PHONE/state/setting.$2.$3"\n'
        'case $1 in get) cat "$file" 2>/dev/null || echo null;;\n'
        'put) echo "$4" > "$file";; delete) rm -f "$file"; echo "Deleted 1 rows";; esac\n'
        'echo "settings $*" >> "$PHONE/state/log"'
    ),
    "svc": (
        'case "$1 $2 $3" in "power stayon true") echo 15;; *) echo 0;; esac '
        '> "$PHONE/state/setting.global.stay_on_while_plugged_in"\n'
        'echo "svc $*" >> "$PHONE/state/log"'
    ),
    "cmd": (
        'case "$1 $2" in "power set-fixed-performance-mode-enabled") '
        'echo "$3" > "$PHONE/state/fixed-performance";; *) exit 1;; esac\n'
        'echo "cmd $*" >> "$PHONE/state/log"'
    ),
}
"""What only a phone has: each keeps its state in a file."""

STATE = {
    "getprop": (
        "[ro.product.manufacturer]: [Nobody]\n[ro.product.model]: [Fake 1]\n"
        "[ro.soc.model]: [FK1000]\n[ro.build.version.release]: [15]\n"
        "[ro.build.version.sdk]: [35]\n[ro.product.cpu.abilist]: [arm64-v8a]\n"
        "[ro.mixnet.emulated]: [1]\n"
    ),
    "df": (
        "Filesystem     1K-blocks    Used Available Use% Mounted on\n"
        "/dev/block/dm-53 124000000 64000000 60000000  52% /data\n"
    ),
    "thermalservice": (
        "IsStatusOverride: false\nThermal Status: 0\nHAL Ready: true\n"
        "Current temperatures from HAL:\n"
        "\tTemperature{mValue=31.5, mType=3, mName=SKIN, mStatus=0}\n"
        "\tTemperature{mValue=36.0, mType=0, mName=CPU, mStatus=0}\n"
        "Current cooling devices from HAL:\n"
    ),
    "battery": (
        "Current Battery Service state:\n  AC powered: false\n  USB powered: true\n"
        "  status: 2\n  level: 80\n  scale: 100\n  temperature: 295\n"
    ),
    "power": "  mWakefulness=Asleep\n",
    "setting.global.stay_on_while_plugged_in": "0\n",
}

TREE = {
    "proc/cpuinfo": "".join(
        f"processor\t: {cpu}\nFeatures\t: fp asimd asimdhp asimddp i8mm\n"
        f"CPU implementer\t: 0x41\nCPU part\t: 0xd46\n\n"
        for cpu in range(4)
    ),
    "proc/mounts": "/dev/block/dm-53 /data f2fs rw,nosuid,nodev,noatime 0 0\n",
    **{
        f"sys/devices/system/cpu/cpufreq/policy{first}/{name}": content
        for first, content_of in ((0, ("0 1", "1800000")), (2, ("2 3", "2800000")))
        for name, content in (
            ("related_cpus", f"{content_of[0]}\n"),
            ("cpuinfo_max_freq", f"{content_of[1]}\n"),
            ("scaling_max_freq", f"{content_of[1]}\n"),
            ("scaling_cur_freq", "900000\n"),
            ("scaling_governor", "schedutil\n"),
        )
    },
}


@dataclass
class ShellFaults:
    """What goes wrong with commands that contain ``where``; all of them by default."""

    where: str = ""
    slow_s: float = 0.0
    hang_up_after: int | None = None
    cut_after: int | None = None
    garbage: bytes | None = None
    no_exec: bool = False
    banner: bytes = b""
    farewell: bytes = b""
    missing: tuple[str, ...] = ()

    def meets(self, script: str) -> bool:
        return self.where in script


class Sandbox:
    """The folder, and the processes that were started from it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name, content in TREE.items():
            self.write(name, content)
        for name, content in STATE.items():
            self.write(f"state/{name}", content)
        for name, script in SCRIPTS.items():
            self.write(f"bin/{name}", f"#!/bin/sh\n{script}\n").chmod(0o755)
        (root / "data/local/tmp").mkdir(parents=True)
        self.new_boot()

    def write(self, name: str, content: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    def path(self, path: str) -> Path:
        """Where a path of the phone lies on this machine."""
        return self.root / path.lstrip("/")

    def translate(self, script: str) -> str:
        for place in MAPPED:
            script = script.replace(place, f"{self.root}{place}")
        return script

    def new_boot(self) -> None:
        self.write("proc/sys/kernel/random/boot_id", f"{uuid.uuid4()}\n")

    def environment(self, faults: ShellFaults) -> dict[str, str]:
        """``chmod`` that does nothing stands for a place from where nothing may be run."""
        chmod = self.root / "bin/chmod"
        if faults.no_exec:
            self.write("bin/chmod", "#!/bin/sh\n").chmod(0o755)
        else:
            chmod.unlink(missing_ok=True)
        path = f"{self.root}/bin:{self.tools(faults.missing) or os.environ['PATH']}"
        return {"PATH": path, "PHONE": str(self.root), "HOME": str(self.root)}

    def tools(self, missing: tuple[str, ...]) -> Path | None:
        """A folder with this machine's programs but those that the phone lacks."""
        if not missing:
            return None
        folder = self.root / f"tools-{'-'.join(missing)}"
        if not folder.exists():
            folder.mkdir()
            for place in reversed(os.environ["PATH"].split(":")):
                for program in Path(place).glob("*"):
                    link = folder / program.name
                    link.unlink(missing_ok=True)
                    link.symlink_to(program)
            for name in missing:
                (folder / name).unlink(missing_ok=True)
        return folder

    def processes(self) -> list[int]:
        """Everything that was started from here and still runs."""
        mine = f"PHONE={self.root}".encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                dead = (folder / "stat").read_text().rpartition(")")[2].split()[0] in "ZX"
                if not dead and mine in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
        return found

    def end_all(self) -> None:
        while running := self.processes():
            for pid in running:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)


class Channel(Protocol):
    """What the service talks through."""

    def write(self, data: bytes) -> None: ...


def serve_shell(
    stream: Channel,
    script: str,
    version_2: bool,
    sandbox: Sandbox,
    faults: ShellFaults,
    hang_up: Callable[[], None],
) -> None:
    """Run one command. Version 1 has neither stderr nor an exit status, and ends lines in CRLF."""
    hit = faults.meets(script)
    if hit and faults.slow_s:
        time.sleep(faults.slow_s)
    done = subprocess.run(
        ["sh", "-c", sandbox.translate(script)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if version_2 else subprocess.STDOUT,
        env=sandbox.environment(faults),
        start_new_session=True,
        check=False,
    )
    output = done.stdout
    if hit:
        output = faults.banner + output + faults.farewell
    if hit and faults.garbage is not None:
        output = faults.garbage
    limits = [each for each in (faults.hang_up_after, faults.cut_after) if each is not None]
    if hit and limits:
        output = output[: limits[0]]
    _send(stream, output, done.stderr or b"", version_2)
    if hit and faults.hang_up_after is not None:
        hang_up()
        return
    if version_2:
        status = 0 if hit and limits else done.returncode & 0xFF
        stream.write(struct.pack("<BIB", EXIT, 1, status))


def _send(stream: Channel, output: bytes, errors: bytes, version_2: bool) -> None:
    if not version_2:
        stream.write(output.replace(b"\n", b"\r\n"))
        return
    for kind, data in ((STDOUT, output), (STDERR, errors)):
        for start in range(0, len(data), 32768):
            block = data[start : start + 32768]
            stream.write(struct.pack("<BI", kind, len(block)) + block)
