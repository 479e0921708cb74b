"""A phone that is none: speaks adb's transport protocol over TCP to the real adb, and can fail.

Its shell runs commands for true, with ``sh`` in a folder that stands for the phone's root; what
only a phone has (getprop, dumpsys, settings) are little scripts there. Faults are switched on in
``faults``. It says of itself that it is emulated. ``vanish`` and ``come_back`` pull and plug in the
cable, ``reboot`` ends all that runs there.
"""

import contextlib
import os
import shutil
import socket
import struct
import threading
from dataclasses import dataclass, field
from pathlib import Path

from fake_shell import Sandbox, ShellFaults, serve_shell
from fake_sync import SyncFaults, serve_sync

CNXN, AUTH, OPEN, OKAY, WRTE, CLSE = (
    int.from_bytes(name, "little")
    for name in (b"CNXN", b"AUTH", b"OPEN", b"OKAY", b"WRTE", b"CLSE")
)
VERSION, MAX_PAYLOAD = 0x01000001, 256 * 1024
TOKEN, SIGNATURE, PUBLIC_KEY = 1, 2, 3


@dataclass
class Faults:
    """What is the matter with this phone; nothing by default."""

    unauthorized: bool = False
    silent: bool = False  # takes the connection and never answers: offline
    no_shell_v2: bool = False
    shell: ShellFaults = field(default_factory=ShellFaults)
    sync: SyncFaults = field(default_factory=SyncFaults)


class Gone(Exception):  # noqa: N818
    """The connection ended."""


class Stream:
    """One service on a connection: reads what adb wrote; a write waits until adb has taken it."""

    def __init__(self, link: "Link", local: int, remote: int) -> None:
        self.link, self.local, self.remote = link, local, remote
        self.incoming = bytearray()
        self.changed = threading.Condition()
        self.closed = False
        self.taken = True

    def feed(self, data: bytes) -> None:
        with self.changed:
            self.incoming += data
            self.changed.notify_all()

    def acknowledge(self) -> None:
        with self.changed:
            self.taken = True
            self.changed.notify_all()

    def end(self) -> None:
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    def read(self, count: int) -> bytes:
        """Exactly so many bytes. Raises Gone."""
        with self.changed:
            self.changed.wait_for(lambda: len(self.incoming) >= count or self.closed)
            if len(self.incoming) < count:
                raise Gone
            data = bytes(self.incoming[:count])
            del self.incoming[:count]
            return data

    def write(self, data: bytes) -> None:
        """Send all of it. Raises Gone."""
        for start in range(0, len(data), MAX_PAYLOAD):
            with self.changed:
                self.changed.wait_for(lambda: self.taken or self.closed)
                if self.closed:
                    raise Gone
                self.taken = False
            self.link.send(WRTE, self.local, self.remote, data[start : start + MAX_PAYLOAD])

    def close(self) -> None:
        """Tell adb that this service is over, once what was written has arrived."""
        with self.changed:
            self.changed.wait_for(lambda: self.taken or self.closed, timeout=5)
        with contextlib.suppress(OSError):
            self.link.send(CLSE, self.local, self.remote)
        self.link.streams.pop(self.local, None)


class Link:
    """One connection from the adb server."""

    def __init__(self, phone: "FakePhone", connection: socket.socket) -> None:
        self.phone, self.socket = phone, connection
        self.streams: dict[int, Stream] = {}
        self.lock = threading.Lock()
        self.count = 0

    def send(self, command: int, first: int, second: int, data: bytes = b"") -> None:
        header = struct.pack(
            "<6I", command, first, second, len(data), sum(data) & 0xFFFFFFFF, command ^ 0xFFFFFFFF
        )
        with self.lock:
            self.socket.sendall(header + data)

    def receive(self) -> tuple[int, int, int, bytes]:
        command, first, second, length, _, _ = struct.unpack("<6I", self._exactly(24))
        return command, first, second, self._exactly(length)

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            block = self.socket.recv(count - len(data))
            if not block:
                raise Gone
            data += block
        return data

    def serve(self) -> None:
        """Answer until the connection ends."""
        try:
            while True:
                self._answer(*self.receive())
        except (Gone, OSError):
            self.hang_up()

    def hang_up(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for stream in list(self.streams.values()):
            stream.end()

    def _answer(self, command: int, first: int, second: int, data: bytes) -> None:
        if command == CNXN and not self.phone.faults.silent:
            self._greet()
        elif command == AUTH and first == SIGNATURE:
            self.send(AUTH, TOKEN, 0, os.urandom(20))
        elif command == OPEN:
            self._open(first, data.rstrip(b"\0").decode())
        elif second in self.streams:
            self._pass_on(command, second, data)

    def _pass_on(self, command: int, local: int, data: bytes) -> None:
        stream = self.streams[local]
        if command == WRTE:
            stream.feed(data)
            self.send(OKAY, stream.local, stream.remote)
        elif command == OKAY:
            stream.acknowledge()
        elif command == CLSE:
            stream.end()

    def _greet(self) -> None:
        faults = self.phone.faults
        if faults.unauthorized:
            self.send(AUTH, TOKEN, 0, os.urandom(20))
            return
        shell = "" if faults.no_shell_v2 else "shell_v2,"
        banner = (
            f"device::ro.product.name=fake;ro.product.model={self.phone.model};"
            f"ro.product.device=fake;features={shell}stat_v2,cmd,fixed_push_mkdir"
        )
        self.send(CNXN, VERSION, MAX_PAYLOAD, banner.encode())

    def _open(self, remote: int, service: str) -> None:
        self.count += 1
        stream = Stream(self, self.count, remote)
        self.streams[stream.local] = stream
        self.send(OKAY, stream.local, remote)
        threading.Thread(target=self._run, args=(stream, service), daemon=True).start()

    def _run(self, stream: Stream, service: str) -> None:
        phone = self.phone
        try:
            if service == "sync:":
                serve_sync(stream, phone.sandbox, phone.faults.sync, self.hang_up)
            elif service.startswith(("shell", "exec")):
                kind, _, script = service.partition(":")
                serve_shell(
                    stream, script, ",v2" in kind, phone.sandbox, phone.faults.shell, self.hang_up
                )
        except (Gone, OSError):
            pass
        finally:
            stream.close()


class FakePhone:
    """The phone: ``with FakePhone(folder) as phone``, then ``adb connect`` to ``phone.serial``."""

    def __init__(
        self, folder: Path, model: str = "Fake_1", port: int = 0, host: str = "127.0.0.1"
    ) -> None:
        self.sandbox, self.host = Sandbox(folder), host
        self.model, self.port = model, port
        self.faults = Faults()
        self.links: list[Link] = []
        self.server: socket.socket | None = None

    @property
    def serial(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __enter__(self) -> "FakePhone":
        self.come_back()
        return self

    def __exit__(self, *_: object) -> None:
        self.vanish()
        self.sandbox.end_all()
        shutil.rmtree(self.sandbox.root, ignore_errors=True)

    def come_back(self) -> None:
        """Plug the cable in."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self.server = socket.create_server((self.host, self.port), family=family)
        self.port = int(self.server.getsockname()[1])
        assert not 5555 <= self.port <= 5585  # where adb looks for emulators
        threading.Thread(target=self._accept, args=(self.server,), daemon=True).start()

    def vanish(self) -> None:
        """Pull the cable: what runs on the phone goes on."""
        if self.server is not None:
            with contextlib.suppress(OSError):
                self.server.shutdown(socket.SHUT_RDWR)
            self.server.close()
            self.server = None
        for link in self.links:
            link.hang_up()
        self.links.clear()

    def reboot(self) -> None:
        """Everything that ran is gone, the files are not, and the kernel is another."""
        self.vanish()
        self.sandbox.end_all()
        self.sandbox.new_boot()
        self.come_back()

    def _accept(self, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                link = Link(self, connection)
                self.links.append(link)
                threading.Thread(target=link.serve, daemon=True).start()
