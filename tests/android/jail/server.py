"""An adb server for tests alone: own home, own port, ended by its own name and no other.

It must not meet the server, the keys or the phones of whoever runs the tests.
"""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jail.errors import JailUnavailableError
from jail.jail import Jail
from mixnet_android.adb import AdbMissing, find_adb


@contextmanager
def adb_server(home: Path) -> Iterator[Path]:
    """The environment of this process leads to a fresh server inside the block; yields adb."""
    try:
        adb = find_adb()
    except AdbMissing as error:
        raise JailUnavailableError(f"{error.message}: pip install adbutils brings one") from error
    settings = {
        "HOME": str(home),
        "TMPDIR": str(home),
        "ANDROID_ADB_SERVER_PORT": str(_free_port()),
        "ADB_MDNS": "0",
        "ADB_LIBUSB": "0",
    }
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    os.environ.pop("ANDROID_SERIAL", None)
    try:
        yield adb
    finally:
        subprocess.run([adb, "kill-server"], capture_output=True, timeout=20, check=False)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def connected(jail: Jail, home: Path) -> Iterator[Path]:
    """A server that knows the jail, and nothing else."""
    with adb_server(home) as adb:
        done = subprocess.run(
            [adb, "connect", jail.serial], capture_output=True, text=True, timeout=30, check=False
        )
        if "connected to" not in done.stdout:
            raise JailUnavailableError(f"adb does not connect: {done.stdout}{done.stderr}")
        yield adb


def _free_port() -> int:
    """A port that nobody uses, outside those where adb looks for emulators."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    assert not 5555 <= port <= 5585
    return port
