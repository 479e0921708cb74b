"""The jail's files: Debian trixie's packages, fetched by apt and unpacked beside this system.

Uses a sources list, package lists and a status file of its own, made from the machine's sources;
the machine's own packages are neither looked at nor changed. Nothing is installed.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jail.errors import JailUnavailableError

SUITE = "trixie"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
LAYOUT = 1
"""Goes up when the unpacked tree changes, so that an old one is not used."""

NATIVE = (
    *("adbd", "android-libbase", "android-libboringssl", "android-libcutils", "android-liblog"),
    *("libbrotli1", "libbsd0", "libc6", "libcap2", "libcrypt1", "libgcc-s1", "liblz4-1", "libmd0"),
    *("libprotobuf32t64", "libstdc++6", "libsystemd0", "libxxhash0", "libzstd1", "zlib1g"),
    *("mksh", "toybox", "qemu-user"),
)
"""What runs on the machine itself: adbd with its libraries, a shell, tools, the emulator."""

ARM64 = ("libc6:arm64", "libgcc-s1:arm64", "libstdc++6:arm64")
"""What aarch64 programs need."""

UNWANTED = ("./usr/share/*", "./usr/bin/qemu-[!a]*", "./usr/bin/qemu-a[!a]*", "*/gconv/*")
"""Of 512 MB, all but 30 MB."""


MIRROR = re.compile(r"^(?:URIs:|deb\b.*?)\s*(\S+/debian)/?(?:\s|$)", re.MULTILINE)
"""In ``URIs: http://deb.debian.org/debian`` and ``deb [...] http://.../debian bookworm main``."""


CACHE = Path(
    os.environ.get("MIXNET_JAIL_CACHE") or Path.home() / ".cache" / "mixnet-mobile" / "jail"
)
"""Where the tree and the libraries are kept; found now, since tests move their home later."""


def root_tree() -> Path:
    """The unpacked tree, made at the first call. Raises JailUnavailableError."""
    tree = CACHE / f"root-{LAYOUT}"
    if not tree.is_dir():
        tree.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=tree.parent) as folder:
            made = Path(folder) / "root"
            _unpack(_fetch(Path(folder)), made)
            made.rename(tree)
    return tree


def _fetch(folder: Path) -> list[Path]:
    """The packages, downloaded."""
    options = _apt_options(folder)
    packages = folder / "packages"
    packages.mkdir()
    _run(["apt-get", *options, "update"], folder)
    _run(["apt-get", *options, "download", *NATIVE, *ARM64], packages)
    return sorted(packages.glob("*.deb"))


def _apt_options(folder: Path) -> list[str]:
    """Options that keep apt away from the machine's own state."""
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    sources, status = folder / "jail.sources", folder / "status"
    sources.write_text(_sources())
    status.touch()
    settings = {
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": folder / "lists",
        "Dir::State::status": status,
        "Dir::Cache": folder / "cache",
        "APT::Architectures::": "amd64",
        "APT::Sandbox::User": "",
    }
    options = [f"-o{key}={value}" for key, value in settings.items()]
    return [*options, "-oAPT::Architectures::=arm64"]


def _sources() -> str:
    """One deb822 entry: this machine's Debian mirror, with our suite."""
    uri = next(_debian_mirrors(), "http://deb.debian.org/debian")
    return f"Types: deb\nURIs: {uri}\nSuites: {SUITE}\nComponents: main\nSigned-By: {KEYRING}\n"


def _debian_mirrors() -> Iterator[str]:
    """Mirrors named in the machine's sources, ``URIs: ...`` or ``deb [...] http://... suite``."""
    folder = Path("/etc/apt")
    files = [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*.[sl]*"))]
    for file in files:
        if file.suffix in (".sources", ".list") and file.is_file():
            yield from re.findall(
                r"^(?:URIs:|deb\b.*?)\s*(\S+/debian)/?(?:\s|$)", file.read_text(), re.M
            )


def _unpack(packages: list[Path], tree: Path) -> None:
    """Unpack into a tree whose /bin and /lib lead to /usr, as Debian's do."""
    for name in ("bin", "sbin", "lib", "lib64"):
        (tree / "usr" / name).mkdir(parents=True)
        (tree / name).symlink_to(f"usr/{name}")
    excluded = [f"--exclude={pattern}" for pattern in UNWANTED]
    for package in packages:
        content = tree.with_name("content.tar")
        with content.open("wb") as file:
            _run(["dpkg-deb", "--fsys-tarfile", str(package)], tree, stdout=file)
        _run(["tar", "-xf", str(content), "--keep-directory-symlink", *excluded], tree)
        content.unlink()
    (tree / "usr/bin/sh").symlink_to("mksh")


def _run(command: list[str], folder: Path, stdout: Any = subprocess.DEVNULL) -> None:
    if shutil.which(command[0]) is None:
        raise JailUnavailableError(f"no {command[0]} here, which unpacks Debian's packages")
    done = subprocess.run(
        command,
        cwd=folder,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise JailUnavailableError(f"{' '.join(command[:2])} failed: {last}")
