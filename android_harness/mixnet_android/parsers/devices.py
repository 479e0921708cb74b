"""Parses the output of ``adb devices -l``; runs nothing."""

import re
from dataclasses import dataclass

from mixnet_android.parsers.text import NAMED, SERIAL, clean, lines_of

STATES = (
    "no permissions",
    "unauthorized",
    "authorizing",
    "connecting",
    "bootloader",
    "fastbootd",
    "recovery",
    "sideload",
    "offline",
    "detached",
    "rescue",
    "device",
    "host",
)
"""A phone's state in adb; only ``device`` can be used."""

_LINE = re.compile(
    rf"(?P<serial>\?+|{NAMED})\s+(?P<state>{'|'.join(STATES)})(?=$|[\s(;])(?P<rest>.*)"
)


@dataclass(frozen=True)
class Listed:
    """One line of ``adb devices -l``: a phone's serial, its state, and what adb adds."""

    serial: str
    state: str
    details: dict[str, str]


def parse_devices(text: str) -> tuple[Listed, ...]:
    """Parse the list, in its order; lines of the starting daemon and unknown ones are passed over.

    Raw lines: ``emulator-5554          device product:sdk model:sdk_phone transport_id:1`` and
    ``????????????	no permissions (user in plugdev group; are your udev rules wrong?); see [url]``.
    """
    matches = (_LINE.match(line) for line in lines_of(text) if not line.startswith("*"))
    return tuple(
        Listed(match["serial"], match["state"], _details(match["rest"]))
        for match in matches
        if match and _is_serial(match["serial"])
    )


def _is_serial(text: str) -> bool:
    """Also ``????????????``, which adb prints for a phone that it may not open."""
    return bool(SERIAL.match(text)) or set(text) == {"?"}


def _details(rest: str) -> dict[str, str]:
    pairs = (word.partition(":") for word in rest.split())
    return {clean(key): clean(value) for key, colon, value in pairs if colon and key.isidentifier()}
