"""Whether this adb would end a running adb server; checked before that happens.

An adb of another version ends the running server, and with it all work of its other users: the
SDK's own tools, a debugger, another user's session. The versions are therefore compared first.
"""

import os
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from mixnet_android.adb.errors import AdbError
from mixnet_android.adb.process import run_program

PORT = 5037
TIMEOUT_S = 2.0
_VERSION = re.compile(r"Android Debug Bridge version 1\.0\.(\d{1,4})")


def check_server(binary: Path, environment: Mapping[str, str] = os.environ) -> None:
    """Raise AdbError if a server of another version runs here, which ``binary`` would end.

    A server elsewhere is not ended by a client, so none is asked then.
    """
    if environment.get("ADB_SERVER_SOCKET") or environment.get("ANDROID_ADB_SERVER_ADDRESS"):
        return
    named = environment.get("ANDROID_ADB_SERVER_PORT", "")
    port = int(named) if named.isdecimal() and int(named) < 65536 else PORT
    running = server_version(port)
    ours = None if running is None else client_version(binary)
    if running is None or ours is None or running == ours:
        return
    whose = owner_of(port)
    raise AdbError(
        f"{binary} (version {ours}) would stop the adb server that runs on port {port}: it is of "
        f"version {running}{f', of {whose}' if whose else ''}",
        "set $ADB to the adb that started the server, or stop the server: adb kill-server",
    )


def server_version(port: int) -> int | None:
    """The protocol's version of the server on this machine's port; None if none answers."""
    request = b"host:version"
    try:
        with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as server:
            server.settimeout(TIMEOUT_S)
            server.sendall(f"{len(request):04x}".encode() + request)
            answer = b""
            while len(answer) < 12 and (block := server.recv(12 - len(answer))):
                answer += block
    except OSError:
        return None
    match = re.fullmatch(rb"OKAY0004([0-9a-fA-F]{4})", answer)
    return int(match[1], 16) if match else None


def client_version(binary: Path) -> int | None:
    """The same of an adb program; None if it is not reported."""
    try:
        match = _VERSION.search(run_program([str(binary), "version"], 10).stdout)
    except OSError:
        return None
    return int(match[1]) if match else None


def owner_of(port: int) -> str | None:
    """The program that listens on a port and its process, on Linux, where that may be read."""
    wanted = {f"socket:[{inode}]" for inode in _listening(port)}
    for process in Path("/proc").glob("[0-9]*") if wanted else ():
        with suppress(OSError):
            for descriptor in (process / "fd").iterdir():
                with suppress(OSError):
                    if os.readlink(descriptor) in wanted:
                        return f"{os.readlink(process / 'exe')} (process {process.name})"
    return None


def _listening(port: int) -> Iterator[str]:
    """Inodes of sockets that listen on a port; columns of proc_net_tcp: address, state, inode."""
    for name in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in Path("/proc/net", name).read_text().splitlines()[1:]:
                columns = line.split()
                if columns[3] == "0A" and columns[1].endswith(f":{port:04X}"):
                    yield columns[9]
