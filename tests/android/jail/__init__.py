"""A real adbd in a jail: an aarch64 Linux that adb takes for a phone, on this x86-64 machine.

``with Jail() as jail`` gives an address to ``adb connect`` to. Inside are Debian's own adbd, mksh
and toybox, answers of getprop and dumpsys from files, and aarch64 programs through qemu, all in
namespaces of their own. It says of itself that it is emulated; no time taken in it means anything.
"""

from jail.errors import JailUnavailableError
from jail.jail import Jail
from jail.server import adb_server, connected
from jail.wheels import litert_library, onnxruntime_library

__all__ = [
    "Jail",
    "JailUnavailableError",
    "adb_server",
    "connected",
    "litert_library",
    "onnxruntime_library",
]
