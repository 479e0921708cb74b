"""The jail from outside: starts it, lends an address for adb, cuts and mends the cable, ends it.

Everything inside ends with the block, by whatever way it is left, and with this process.
"""

import contextlib
import json
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

from jail.bionic import ABIS, bionic_folder, empty_library
from jail.errors import JailUnavailableError
from jail.packages import root_tree

HERE = Path(__file__).parent
UNSHARE = ("unshare", "--user", "--map-root-user", "--net", "--mount", "--pid", "--fork")
PORT = 5037 + 10000
"""Inside, where nobody else is; outside it is any free one."""


class Jail:
    """A running jail. ``address`` is what ``adb connect`` takes, ``serial`` what adb calls it.

    ``android`` is ``arm64`` or ``x86_64`` where Android's own linker and C library are to be in it.
    """

    def __init__(self, storage_mb: int = 256, android: str | None = None) -> None:
        self.storage_mb, self.android = storage_mb, android
        self.folder = Path(tempfile.mkdtemp(prefix="mixnet-jail-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._cable: _Cable | None = None

    @property
    def address(self) -> str:
        """Host and port."""
        assert self._cable is not None
        return f"127.0.0.1:{self._cable.port}"

    @property
    def serial(self) -> str:
        """What adb calls it."""
        return self.address

    def __enter__(self) -> "Jail":
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End everything in the jail."""
        if self._cable is not None:
            self._cable.close()
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def cut(self) -> None:
        """Pull the cable: connections end and new ones are refused."""
        assert self._cable is not None
        self._cable.cut()

    def mend(self) -> None:
        """Plug it in again."""
        assert self._cable is not None
        self._cable.mend()

    def log(self) -> str:
        """What adbd wrote."""
        return (self.folder / "adbd.log").read_text(errors="replace")

    def _start(self) -> None:
        if sys.platform != "linux" or platform.machine() != "x86_64":
            raise JailUnavailableError("the jail's packages are for Linux on x86-64")
        if shutil.which("unshare") is None:
            raise JailUnavailableError("the jail needs the program unshare (util-linux)")
        tree = root_tree()
        answer = self._launch(tree)
        if not answer["ready"]:
            raise JailUnavailableError(f"adbd does not listen: {self.log()[-300:]}")
        if answer["no_aarch64"]:
            raise JailUnavailableError(f"aarch64 programs need {answer['no_aarch64']}")
        self._cable = _Cable(self.folder / "socket")

    def _launch(self, tree: Path) -> dict[str, Any]:
        (self.folder / "root").mkdir()
        settings: dict[str, Any] = {
            "root": str(self.folder / "root"),
            "tree": str(tree),
            "device": str(HERE / "device"),
            "socket": str(self.folder / "socket"),
            "log": str(self.folder / "adbd.log"),
            "storage_mb": self.storage_mb,
            "port": PORT,
        }
        if self.android is not None:
            files = bionic_folder(self.android)
            settings["system"] = [
                *map(str, files.iterdir()),
                str(empty_library(self.folder, self.android)),
            ]
            settings["abi"] = ABIS[self.android]
        script = [sys.executable, "-I", str(HERE / "inside.py"), json.dumps(settings)]
        errors = self.folder / "errors"
        with errors.open("wb") as stderr:
            self._process = subprocess.Popen(
                [*UNSHARE, "--kill-child", *script],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            last = (errors.read_text(errors="replace").strip().splitlines() or ["no message"])[-1]
            raise JailUnavailableError(f"namespaces are not to be had here: {last}")
        return dict(json.loads(line))


class _Cable:
    """A port on this machine, joined with the jail's socket; it can be pulled."""

    def __init__(self, inside: Path) -> None:
        self._inside = inside
        self._cut = False
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self) -> None:
        self._cut = True
        for each in list(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self._cut = False

    def close(self) -> None:
        self.cut()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._cut:
                client.close()
                continue
            device = socket.socket(socket.AF_UNIX)
            try:
                device.connect(str(self._inside))
            except OSError:
                client.close()
                continue
            self._open |= {client, device}
            for pair in ((client, device), (device, client)):
                threading.Thread(target=self._copy, args=pair, daemon=True).start()

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            self._open.discard(each)
