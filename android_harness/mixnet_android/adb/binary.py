"""Finds the adb program on this machine."""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from mixnet_android.adb.errors import AdbMissing
from mixnet_common.errors import install_hint

NAME = "adb.exe" if sys.platform == "win32" else "adb"

SDK_PLACES = (
    "~/Android/Sdk",
    "~/Library/Android/sdk",
    "~/AppData/Local/Android/Sdk",
    "/usr/lib/android-sdk",
    "/opt/android-sdk",
    "/usr/local/share/android-commandlinetools",
    "/opt/homebrew/share/android-commandlinetools",
)
"""Folders of the SDK by Android Studio and packages on Linux, macOS and Windows."""

INSTALL = (
    f"{install_hint('mixnet-mobile[adb]')}; or install Android's platform-tools"
    " (developer.android.com/tools/releases/platform-tools)"
)


def find_adb(environment: Mapping[str, str] = os.environ) -> Path:
    """The adb to use: ``$ADB``, the PATH's, the SDK's, or the one in adbutils.

    Raises AdbMissing if there is none, or where ``$ADB`` names none.
    """
    if named := environment.get("ADB"):
        found = shutil.which(named, path=environment.get("PATH"))
        if found is None:
            raise AdbMissing(f"$ADB does not name a program: {named}", "correct or unset it")
        return Path(found)
    if found := shutil.which("adb", path=environment.get("PATH")):
        return Path(found)
    for place in (*_sdk(environment), *_bundled()):
        if place.is_file() and os.access(place, os.X_OK):
            return place
    raise AdbMissing("adb is not installed", INSTALL)


def _sdk(environment: Mapping[str, str]) -> Iterator[Path]:
    named = (environment.get(name) for name in ("ANDROID_HOME", "ANDROID_SDK_ROOT"))
    for root in (*(each for each in named if each), *SDK_PLACES):
        yield Path(root).expanduser() / "platform-tools" / NAME


def _bundled() -> Iterator[Path]:
    """adbutils' own, found without importing it."""
    spec = find_spec("adbutils")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        yield Path(folder) / "binaries" / NAME
