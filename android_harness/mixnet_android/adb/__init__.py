"""Runs adb: the program, its calls, its errors. Parsing is done elsewhere."""

from mixnet_android.adb.binary import find_adb
from mixnet_android.adb.client import Adb, Phone
from mixnet_android.adb.errors import (
    AdbError,
    AdbMissing,
    Lost,
    NoPermissions,
    NoSpace,
    NotExecutable,
    NotFound,
    Offline,
    Several,
    TimedOut,
    Unauthorized,
)
from mixnet_android.adb.quoting import Answer, quote

__all__ = [
    "Adb",
    "AdbError",
    "AdbMissing",
    "Answer",
    "Lost",
    "NoPermissions",
    "NoSpace",
    "NotExecutable",
    "NotFound",
    "Offline",
    "Phone",
    "Several",
    "TimedOut",
    "Unauthorized",
    "find_adb",
    "quote",
]
