"""Errors between this machine and a phone, each with a remedy.

Recognizes adb's messages in versions 29 to 37; runs nothing.
"""

import os
import re
from collections.abc import Mapping

from mixnet_android.parsers.text import clean, lines_of
from mixnet_common.errors import MixnetError


class AdbError(MixnetError):
    """adb, the cable or the phone refused."""


class AdbMissing(AdbError):  # noqa: N818 - named after what is the matter, as all below are
    """There is no adb on this machine."""


class Unauthorized(AdbError):  # noqa: N818
    """The phone does not trust this computer yet."""


class Offline(AdbError):  # noqa: N818
    """adb sees the phone, which doesn't answer."""


class NoPermissions(AdbError):  # noqa: N818
    """The user may not open the phone's USB device."""


class NotFound(AdbError):  # noqa: N818
    """adb knows no such phone."""


class Lost(AdbError):  # noqa: N818
    """The connection broke while something was being done."""


class TimedOut(AdbError):  # noqa: N818
    """adb or the phone didn't answer in time."""


class Several(AdbError):  # noqa: N818
    """There are several phones and none was chosen."""

    exit_status = 2


class NoSpace(AdbError):  # noqa: N818
    """The phone's storage is full."""


class NotExecutable(AdbError):  # noqa: N818
    """The phone refuses to run what was put there."""


UNAUTHORIZED = "unlock the phone and accept its question to allow USB debugging from this computer"
OFFLINE = "reconnect the cable, or run: adb reconnect offline"
LOST = "check the cable or the network, then run the command again: finished work is saved"
NO_SPACE = "free some space on it; mixnet-bench devices clean removes the files of this program"

SYMPTOMS: tuple[tuple[str, type[AdbError], str, str], ...] = (
    (r"unauthorized|failed to authenticate", Unauthorized, "does not trust this computer yet",
     UNAUTHORIZED),
    (r"no permissions|insufficient permissions", NoPermissions,
     "is not accessible to this user: the system's USB rules deny it",
     "on Linux install android-sdk-platform-tools-common or add a udev rule, then reconnect it"),
    (r"device (?:'.*' )?(?:is )?offline|device still (?:connecting|authorizing)", Offline,
     "is offline", OFFLINE),
    (r"no devices/emulators found|device '.*' not found|device not found|no device", NotFound,
     "is not connected",
     "connect it and enable USB debugging; mixnet-bench devices lists all phones"),
    (r"more than one device", Several, "is one of several",
     "choose one: --on adb:SERIAL; mixnet-bench devices lists them"),
    (r"no space left|ENOSPC", NoSpace, "has no space left",
     NO_SPACE),
    (r"error: closed|connection reset|broken pipe|protocol fault|EOF|transport|connect failed",
     Lost, "was lost", LOST),
    (r"cannot connect to daemon|failed to start daemon|could not install \*smartsocket\*|"
     r"failed to check server version",
     AdbError, "cannot be reached: the adb server does not start",
     "run adb start-server for the reason; another program may use its port"),
)  # fmt: skip
"""Words in adb's complaints, the error they mean, its message after the phone's name, a hint."""


LONGEST = 4000
"""Number of characters read of a message: its end, which contains the reason."""


SERVER_VARIABLES = ("ADB_SERVER_SOCKET", "ANDROID_ADB_SERVER_ADDRESS", "ANDROID_ADB_SERVER_PORT")
"""Variables that select another adb server than this machine's default, strongest first."""

NO_SERVER = r"cannot connect to daemon|failed to check server version"


def explain(
    complaint: str, serial: str | None, environment: Mapping[str, str] = os.environ
) -> AdbError:
    """The error for adb's message; with adb's own last line if it is unknown."""
    who = f"phone {serial}" if serial else "a phone"
    complaint = complaint[-LONGEST:]
    leading = next((name for name in SERVER_VARIABLES if environment.get(name)), None)
    if leading is not None and re.search(NO_SERVER, complaint, re.IGNORECASE):
        return AdbError(
            f"no adb server answers at {clean(environment[leading])}, the value of ${leading}",
            f"correct or unset ${leading}, or start a server there",
        )
    for pattern, kind, message, hint in SYMPTOMS:
        if re.search(pattern, complaint, re.IGNORECASE):
            return kind(f"{who} {message}", hint)
    lines = lines_of(complaint)
    return AdbError(
        f"{who}: adb failed: {clean(lines[-1], 300) if lines else 'it printed nothing'}"
    )
