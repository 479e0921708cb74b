"""The jail's first process: builds its file system, starts adbd, and passes connections to it.

Started by ``jail.py`` in fresh user, mount, network and process namespaces; a script of its own,
which imports nothing of ours. Reads its settings as JSON from the command line, prints one JSON
line when adbd listens, and ends, with everything in the jail, when its input ends.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC = 1, 32, 4096, 16384
LIBC = ctypes.CDLL(None, use_errno=True)

LINKS = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}
NODES = ("null", "zero", "random", "urandom", "full", "tty")
PATH = "/system/bin:/usr/bin:/usr/sbin"
STORAGE = "/data/local/tmp"

AARCH64 = (
    rb":mixnet-aarch64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
    rb":\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
    rb":/usr/bin/qemu-aarch64:"
)
"""An aarch64 executable, by its ELF header, goes to qemu: a line for binfmt_misc."""


def mount(source: str, target: Path, kind: str, flags: int = 0, options: str = "") -> None:
    """mount(2). Raises OSError."""
    arguments = (source.encode(), str(target).encode(), kind.encode(), flags, options.encode())
    if LIBC.mount(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"mount {kind or source}: {os.strerror(number)}", str(target))


def bind(source: Path, target: Path, read_only: bool = False) -> None:
    """Show a file or folder at another place."""
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    mount(str(source), target, "", MS_BIND | MS_REC)
    if read_only:
        mount("", target, "", MS_BIND | MS_REMOUNT | MS_RDONLY)


def build_root(root: Path, settings: dict[str, Any]) -> None:
    """The jail's file system: Debian's tree read-only, the device's own files on top."""
    mount("tmpfs", root, "tmpfs", 0, "size=16m,mode=755")
    for name, target in LINKS.items():
        (root / name).symlink_to(target)
    bind(Path(settings["tree"]) / "usr", root / "usr", read_only=True)
    for folder in ("proc", "dev", "etc", "tmp", "data/local/tmp", "sdcard"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    mount("proc", root / "proc", "proc")
    mount("tmpfs", root / "data/local/tmp", "tmpfs", 0, f"size={settings['storage_mb']}m,mode=771")
    mount("tmpfs", root / "sdcard", "tmpfs", 8, "size=1m")  # 8: MS_NOEXEC, as on phones
    for name in NODES:
        bind(Path("/dev") / name, root / "dev" / name)
    (root / "dev/pts").mkdir()
    mount("devpts", root / "dev/pts", "devpts", 0, "ptmxmode=0666")
    (root / "dev/ptmx").symlink_to("pts/ptmx")
    shutil.copytree(settings["device"], root, dirs_exist_ok=True)
    for script in (root / "system/bin").iterdir():
        script.chmod(0o755)
    add_android(root, settings.get("system", []), settings.get("abi", ""))


def add_android(root: Path, files: list[str], abi: str) -> None:
    """Android's linker and libraries at their places, and what kind of phone that makes."""
    for file in map(Path, files):
        target = root / "system" / ("lib64" if file.suffix == ".so" else "bin") / file.name
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(file, target)
        target.chmod(0o755)
    if abi:
        properties = root / "system/build.prop"
        properties.write_text(properties.read_text().replace("arm64-v8a", abi))


def add_tools(root: Path) -> None:
    """A shell and toybox's commands at Android's places, and the accounts that adbd asks for."""
    tools = root / "system/bin"
    (tools / "sh").symlink_to("/usr/bin/mksh")
    (tools / "toybox").symlink_to("/usr/bin/toybox")
    for name in toybox_commands(root / "usr"):
        if not (tools / name).is_symlink() and not (tools / name).exists():
            (tools / name).symlink_to("toybox")
    (root / "etc/passwd").write_text("root:x:0:0:root:/:/system/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\n")


def toybox_commands(usr: Path) -> list[str]:
    """What this toybox can do; started by its own loader, since this system's may be older."""
    libraries = usr / "lib/x86_64-linux-gnu"
    loader = [str(libraries / "ld-linux-x86-64.so.2"), "--library-path", str(libraries)]
    done = subprocess.run([*loader, usr / "bin/toybox"], capture_output=True, text=True, check=True)
    return done.stdout.split()


def build_cpus(root: Path, count: int, arm: bool = True) -> None:
    """An Arm ``/proc/cpuinfo`` and cpufreq of a little and a big cluster, on the CPUs there are."""
    if arm:
        shown = "".join(CPUINFO.format(number=number) for number in range(count))
        (root / "system/etc/cpuinfo").write_text(shown)
        bind(root / "system/etc/cpuinfo", root / "proc/cpuinfo")
    cpus = root / "sys/devices/system/cpu"
    half = count // 2
    clusters = [(range(half), LITTLE, 325), (range(half, count), BIG, 1024)]
    for members, limits, capacity in clusters if half else clusters[1:]:
        policy = cpus / "cpufreq" / f"policy{members[0]}"
        listed = " ".join(map(str, members))
        write_all(policy, {**limits, "related_cpus": listed, "affected_cpus": listed})
        for number in members:
            write_all(cpus / f"cpu{number}", {"cpu_capacity": capacity})
            (cpus / f"cpu{number}" / "cpufreq").symlink_to(f"../cpufreq/{policy.name}")
    write_all(cpus, dict.fromkeys(("possible", "present", "online"), f"0-{count - 1}"))


def write_all(folder: Path, values: dict[str, Any]) -> None:
    """Small files of one line each."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in values.items():
        (folder / name).write_text(f"{value}\n")


LITTLE: dict[str, Any] = {
    "cpuinfo_min_freq": 300000,
    "cpuinfo_max_freq": 1785600,
    "scaling_min_freq": 300000,
    "scaling_max_freq": 1785600,
    "scaling_cur_freq": 1785600,
    "scaling_governor": "schedutil",
}
BIG: dict[str, Any] = {
    **LITTLE,
    "cpuinfo_max_freq": 2841600,
    "scaling_max_freq": 2841600,
    "scaling_cur_freq": 2841600,
}

CPUINFO = """processor\t: {number}
BogoMIPS\t: 38.40
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc \
dcpop asimddp
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x1
CPU part\t: 0xd0b
CPU revision\t: 0

"""
"""A Cortex-A76, which is what qemu is told to be."""


def register_aarch64() -> str:
    """Let the kernel start aarch64 programs through qemu; the reason where it will not."""
    folder = Path("/proc/sys/fs/binfmt_misc")
    try:
        mount("binfmt_misc", folder, "binfmt_misc")
        (folder / "register").write_bytes(AARCH64)
    except OSError as error:
        return f"binfmt_misc in a user namespace, which Linux 6.7 and later have: {error.strerror}"
    return ""


def loopback_up() -> None:
    """Bring up ``lo``, the only interface of a fresh network namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        request = struct.pack("16sh14x", b"lo", 1)  # IFF_UP
        fcntl.ioctl(probe, 0x8914, request)  # SIOCSIFFLAGS


def start_adbd(root: Path, port: int, log: Path) -> int:
    """adbd in the jail's root, in a process of its own."""
    child = os.fork()
    if child:
        return child
    try:
        output = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
        silence = os.open("/dev/null", os.O_RDONLY)
        for source, target in ((silence, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        os.chroot(root)
        os.chdir("/")
        environment = {"PATH": PATH, "ADBD_PORT": str(port), "QEMU_CPU": "cortex-a76"}
        environment |= {
            "HOME": "/data/local/tmp",
            "TMPDIR": "/data/local/tmp",
            "SHELL": "/system/bin/sh",
        }
        os.execve("/usr/lib/android-sdk/platform-tools/adbd", ["adbd"], environment)
    finally:
        os._exit(127)


def wait_for(port: int, seconds: float = 10) -> bool:
    """Whether somebody listens there, soon."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return True
    return False


def serve(listener: socket.socket, port: int) -> None:
    """Join every connection to the socket with one to adbd."""
    while True:
        outside, _ = listener.accept()
        try:
            adbd = socket.create_connection(("127.0.0.1", port))
        except OSError:
            outside.close()
            continue
        for pair in ((outside, adbd), (adbd, outside)):
            threading.Thread(target=copy, args=pair, daemon=True).start()


def copy(source: socket.socket, target: socket.socket) -> None:
    """Pass on what comes until one side ends; then end both."""
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    for each in (source, target):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


def reap(number: int, frame: object) -> None:
    """Bury the orphans that a first process inherits."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def main() -> None:
    """Build, start, report, serve."""
    settings = json.loads(sys.argv[1])
    root, port = Path(settings["root"]), settings["port"]
    build_root(root, settings)
    add_tools(root)
    build_cpus(root, os.cpu_count() or 1, arm=settings.get("abi") != "x86_64")
    missing = register_aarch64()
    loopback_up()
    signal.signal(signal.SIGCHLD, reap)
    start_adbd(root, port, Path(settings["log"]))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(settings["socket"])
        listener.listen()
        threading.Thread(target=serve, args=(listener, port), daemon=True).start()
        ready = wait_for(port)
        print(json.dumps({"ready": ready, "no_aarch64": missing}), flush=True)
        while os.read(0, 4096):
            pass


if __name__ == "__main__":
    main()
