"""Files on the phone: sent once, identified by SHA-256, in one folder that can be removed whole.

A file gets its final name only when it is complete.
"""

import secrets
from dataclasses import dataclass
from pathlib import Path

from mixnet_android.adb.client import Phone
from mixnet_android.adb.errors import AdbError, Lost, NoSpace, NotExecutable
from mixnet_android.adb.quoting import quote
from mixnet_android.parsers import clean, parse_free_bytes
from mixnet_android.parsers.text import integer
from mixnet_android.phone.device import SHARED
from mixnet_common.hashing import sha256_of

ROOT = f"{SHARED}/mixnet-mobile"
FILES = f"{ROOT}/files"
RUNS = f"{ROOT}/runs"
NOTE = f"{ROOT}/settings-to-restore"
"""The settings before they were changed; see ``settings``."""

HOLD = f"{ROOT}/in-use"
BEAT = f"[ ! -d {HOLD} ] || date +%s > {HOLD}/beat"
"""Shows that the holder of the phone is still active; see ``runs.hold``."""

SPARE_BYTES = 16 * 2**20
"""Space that a push leaves free: a phone without space misbehaves."""

HASH_TIMEOUT_S = 120.0

LEFT_BEHIND = """for file in {folder}/.coming-*; do
  [ -e "$file" ] || continue
  size=$(wc -c < "$file"); sleep 1
  [ "$size" != "$(wc -c < "$file")" ] || rm -f "$file"
done"""
"""Removes remains of interrupted pushes; a growing file belongs to another user."""


@dataclass(frozen=True)
class Stored:
    """A file on the phone; ``pushed`` is False if it was there already."""

    path: str
    sha256: str
    size_bytes: int
    pushed: bool


def place_of(path: Path, folder: str, name: str = "") -> str:
    """The path of a file on the phone. Its name does not change: runtimes recognize a file by it.

    ``name`` is a relative path by which another file there names it.

    >>> place_of(Path("my net.tflite"), "ab12")
    '/data/local/tmp/mixnet-mobile/files/ab12/my_net.tflite'
    """
    safe = "".join(each if each.isascii() and (each.isalnum() or each in "._-") else "_"
                   for each in path.name)  # fmt: skip
    return f"{FILES}/{folder}/{name or safe.lstrip('.-') or 'file'}"


def put(phone: Phone, path: Path, folder: str = "", name: str = "") -> Stored:
    """Make a file be on the phone, executable; what is there already is not sent again.

    It lies in a folder of its own hash, or in ``folder`` with files that belong together, there
    under ``name`` if that is how another calls it. Raises NoSpace before anything is sent, and
    AdbError or Lost from the transfer.
    """
    sha256, size = sha256_of(path), path.stat().st_size
    place = place_of(path, folder or sha256, name)
    if is_there(phone, place, sha256, size):
        return Stored(place, sha256, size, pushed=False)
    check_space(phone, size)
    around = place.rpartition("/")[0]
    coming = f"{around}/.coming-{secrets.token_hex(4)}"
    phone.ask("mkdir", "-p", around)
    phone.shell(LEFT_BEHIND.format(folder=quote(around)))
    try:
        phone.push(path, coming)
        if not is_there(phone, coming, sha256, size):
            raise AdbError(
                f"{path.name} arrived on phone {phone.serial} with different content",
                "try another cable; mixnet-bench devices clean removes the file",
            )
        phone.ask("chmod", "755", coming)
        phone.ask("mv", "-f", coming, place)
    except BaseException:
        _forget(phone, coming)
        raise
    return Stored(place, sha256, size, pushed=True)


def is_there(phone: Phone, place: str, sha256: str, size: int) -> bool:
    """Whether the phone has this very content there: by hash, or by size where it can't hash."""
    where = quote(place)
    script = (
        f"[ -f {where} ] || exit 1\n"
        f"wc -c < {where}\n"
        f"if command -v sha256sum >/dev/null; then sha256sum {where} || exit 1; fi"
    )
    answer = phone.shell(script, HASH_TIMEOUT_S)
    words = answer.text.split()
    if answer.status != 0 or not words or words[0] != str(size):
        return False
    return len(words) == 1 or words[1].lstrip("\\") == sha256


def check_space(phone: Phone, size: int) -> None:
    """Raise NoSpace if ``size`` bytes don't fit, with some to spare."""
    free = parse_free_bytes(phone.shell(f"df -k {SHARED}").text)
    if free is not None and free < size + SPARE_BYTES:
        raise NoSpace(
            f"phone {phone.serial} has {free // 2**20} MiB free, and "
            f"{(size + SPARE_BYTES) // 2**20} are needed",
            "free some space on it; mixnet-bench devices clean removes the files of this program",
        )


def check_executable(phone: Phone) -> None:
    """Raise NotExecutable if the phone doesn't run what is put there: one little script is."""
    probe = quote(f"{ROOT}/.probe-{secrets.token_hex(4)}")
    script = (
        f"exec 2>&1\nmkdir -p {ROOT}\n"
        f'echo "#!$(command -v sh)" > {probe} || exit 41\n'
        f'echo "exit 42" >> {probe} && chmod 755 {probe}\n'
        f"{probe} 2>&1\ns=$?\nrm -f {probe}\nexit $s"
    )
    answer = phone.shell(script)
    if answer.status == 41:
        why = clean(answer.text.replace("\n", " "), 400) or "no message"
        raise AdbError(
            f"phone {phone.serial}: {ROOT} cannot be written: {why}", hint_of_writing(why)
        )
    if answer.status != 42:
        said = clean(answer.text, 400) or "no message"
        raise NotExecutable(
            f"phone {phone.serial} does not run programs in {ROOT}: {said}",
            "its build of Android does not allow this to the shell user; use another phone",
        )


def hint_of_writing(why: str) -> str:
    """The remedy for a phone's refusal to write, by its message."""
    if "permission denied" in why.lower() or "read-only" in why.lower():
        return f"its shell user may not write there; see: adb shell ls -ld {SHARED}"
    return "free some space on it; mixnet-bench devices shows the free space"


def clear(phone: Phone) -> int:
    """Remove all our files from the phone; returns the freed bytes. Runs must have ended.

    A note of settings that are not restored yet stays.
    """
    answer = phone.shell(
        f"[ -e {ROOT} ] || exit 0\ndu -sk {ROOT}\nexec 2>&1\n"
        f"if [ -e {NOTE} ]; then\n"
        f'for file in {ROOT}/* {ROOT}/.[!.]*; do [ "$file" = {NOTE} ] || rm -rf "$file"; done\n'
        f"else rm -rf {ROOT}; fi"
    )
    if answer.status != 0:
        raise AdbError(
            f"phone {phone.serial}: cannot remove {ROOT}: {clean(answer.text, 200)}",
            f"remove it with: adb -s {phone.serial} shell rm -rf {ROOT}",
        )
    return (integer(next(iter(answer.text.split()), None)) or 0) * 1024


def _forget(phone: Phone, coming: str) -> None:
    """Remove what has half arrived; where the phone is gone, the next push or clean does."""
    try:
        phone.shell(f"rm -f {quote(coming)}", 10)
    except (Lost, AdbError):
        return
