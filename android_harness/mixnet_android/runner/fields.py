"""Reads one line's fields with type checks: missing or invalid fields are named.

The meaning of the fields is defined elsewhere.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from mixnet_common import MixnetError

MOST = 2**63 - 1


@dataclass(frozen=True)
class Fields:
    """A JSON object from outside; ``where`` names it in errors."""

    where: str
    kind: str
    values: dict[str, Any]

    def refuse(self, key: str, why: str) -> NoReturn:
        """Raise the MixnetError that names this line and key."""
        raise MixnetError(
            f"{self.where} ({self.kind}): {key!r} {why}",
            "the file is damaged or was not written by the runner; run the command again",
        )

    def integer(self, key: str, least: int = 0, most: int = MOST) -> int:
        """A whole number from ``least`` to ``most``."""
        return self._whole(key, self.values.get(key), least, most)

    def integer_or_none(self, key: str) -> int | None:
        """A whole number, or null."""
        return None if self.values.get(key) is None else self.integer(key)

    def integers(self, key: str, least: int = 0) -> tuple[int, ...]:
        """A list of them."""
        return tuple(self._whole(key, each, least, MOST) for each in self._list(key))

    def number(self, key: str, most: float = math.inf) -> float:
        """A finite number from 0 to ``most``."""
        value = self.values.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.refuse(key, f"should be a number, not {str(value)[:40]!r}")
        # A whole number beyond what a float holds would raise OverflowError.
        if not 0 <= value <= min(most, 1e18) or not math.isfinite(value):
            self.refuse(key, f"is out of range: {str(value)[:40]}")
        return float(value)

    def text(self, key: str) -> str:
        """A string; control characters, which could play tricks on a terminal, become spaces."""
        return self._text(key, self.values.get(key))

    def text_or_none(self, key: str) -> str | None:
        """A string or null."""
        return None if self.values.get(key) is None else self.text(key)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings."""
        return tuple(self._text(key, each) for each in self._list(key))

    def choice(self, key: str, known: Sequence[str]) -> str:
        """One of the ``known`` strings."""
        value = self.text(key)
        if value not in known:
            self.refuse(key, f"should be one of {', '.join(known)}, not {value[:40]!r}")
        return value

    def cpus_or_none(self, key: str) -> tuple[int, ...] | None:
        """A list of CPU numbers, or null."""
        return None if self.values.get(key) is None else self.integers(key)

    def mapping(self, key: str) -> dict[str, Any]:
        """An object."""
        value = self.values.get(key)
        if not isinstance(value, dict):
            self.refuse(key, "should be an object")
        return value

    def frequencies(self, key: str) -> dict[int, int]:
        """An object from core to kHz."""
        found = {}
        for core, khz in self.mapping(key).items():
            # Not isdigit(), which takes ² for one.
            if not core.isascii() or not core.isdecimal() or len(core) > 6:
                self.refuse(key, f"names the core {core[:40]!r}")
            found[int(core)] = self._whole(key, khz, 0, MOST)
        return found

    def records(self, key: str) -> tuple["Fields", ...]:
        """A list of objects."""
        found = []
        for each in self._list(key):
            if not isinstance(each, dict):
                self.refuse(key, "should hold objects")
            found.append(Fields(self.where, f"{self.kind}.{key}", each))
        return tuple(found)

    def events(self) -> tuple[tuple[str, int, int, int], ...]:
        """The list ``events``: name, type, index and microseconds of each."""
        found = []
        for each in self._list("events"):
            if not isinstance(each, list) or len(each) != 4:
                self.refuse("events", "should hold [name, type, index, us]")
            numbers = [self._whole("events", value, 0, MOST) for value in each[1:]]
            found.append((self._text("events", each[0]), numbers[0], numbers[1], numbers[2]))
        return tuple(found)

    def _list(self, key: str) -> list[Any]:
        value = self.values.get(key)
        if not isinstance(value, list):
            self.refuse(key, "should be a list")
        return value

    def _whole(self, key: str, value: Any, least: int, most: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            self.refuse(key, f"should be a whole number, not {str(value)[:40]!r}")
        if not least <= value <= most:
            self.refuse(key, f"is out of range: {str(value)[:40]}")
        return int(value)

    def _text(self, key: str, value: Any) -> str:
        if not isinstance(value, str):
            self.refuse(key, f"should be a string, not {str(value)[:40]!r}")
        return "".join(each if each.isprintable() else " " for each in value)
