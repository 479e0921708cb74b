"""Parses the output of ``dumpsys battery``; runs nothing."""

import re
from dataclasses import dataclass

from mixnet_android.parsers.text import integer, lines_of

STATUSES = {1: "unknown", 2: "charging", 3: "discharging", 4: "not charging", 5: "full"}
"""Android's names for the battery's status, which it prints as a number."""

_FIELD = re.compile(r"^ {1,4}(?P<key>[A-Za-z ]{1,40}): (?P<value>\S{1,40})$")


@dataclass(frozen=True)
class Battery:
    """The battery's state; None if it is not reported. ``stopped``: someone froze or faked it."""

    level_percent: int | None
    celsius: float | None
    status: str | None
    plugged: bool | None
    stopped: bool


def parse_battery(text: str) -> Battery:
    """Parse the dump. Vendors append logs with the same words: the first of each counts.

    Raw lines: ``  level: 87``, ``  temperature: 312`` (tenths of a degree) and
    ``  USB powered: true``.
    """
    fields: dict[str, str] = {}
    for line in lines_of(text):
        if match := _FIELD.match(line.replace("\t", "  ")):
            fields.setdefault(match["key"].strip(), match["value"])
    level, scale = integer(fields.get("level"), 0, 10_000), integer(fields.get("scale"), 1, 10_000)
    tenths = integer(fields.get("temperature"), -400, 1500)
    powered = [value == "true" for key, value in fields.items() if key.endswith(" powered")]
    return Battery(
        level_percent=None if level is None else min(100, round(100 * level / (scale or 100))),
        celsius=None if tenths is None else tenths / 10,
        status=STATUSES.get(integer(fields.get("status"), 0, 99) or 0),
        plugged=any(powered) if powered else None,
        stopped="UPDATES STOPPED" in text,
    )
