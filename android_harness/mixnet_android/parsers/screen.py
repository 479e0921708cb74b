"""Parses the state of the screen in ``dumpsys power``; runs nothing."""

import re

_WAKEFULNESS = re.compile(r"^[ \t]{0,8}mWakefulness(?:Raw)?=(\w{1,40})[ \t\r]{0,8}$", re.MULTILINE)
_DISPLAY = re.compile(r"Display Power: state=(\w{1,40})")


def parse_screen_on(text: str) -> bool | None:
    """Whether the screen is on; None if it is not reported.

    Raw lines: ``  mWakefulness=Awake`` (or ``Asleep``, ``Dozing``, ``Dreaming``), and until
    Android 12 ``Display Power: state=ON``.
    """
    if match := _WAKEFULNESS.search(text):
        return match[1] in ("Awake", "Dreaming")
    display = _DISPLAY.search(text)
    return display[1] == "ON" if display else None
