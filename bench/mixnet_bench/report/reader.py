"""A JSON object of unknown origin, asked for its values by key and type.

What is not of the type asked for is an error that names its key; no text is trusted.
"""

import math
from typing import Any

MOST_CHARACTERS = 1000


class WrongError(Exception):
    """A value is not what it has to be; the message names its key."""


class Json:
    """A JSON object whose values are asked for by key and type."""

    def __init__(self, value: Any, where: str = "") -> None:
        if not isinstance(value, dict):
            raise WrongError(f"{where or 'it'} is no object")
        self.value, self.where = value, where

    def has(self, *keys: str) -> bool:
        """Whether all keys are there."""
        return all(key in self.value for key in keys)

    def at(self, key: str) -> "Json":
        """The object at a key; an empty one where there is none."""
        inner = self.value.get(key)
        return Json({} if inner is None else inner, self._path(key))

    def text(self, key: str, default: str = "") -> str:
        """Text, as one line."""
        found = self.value.get(key)
        if found is None:
            return default
        if not isinstance(found, str):
            raise WrongError(f"{self._path(key)} is no text")
        return clean(found)

    def number(self, key: str) -> float:
        """A finite number."""
        return self._number(self.value.get(key), key)

    def above_zero(self, key: str) -> float:
        """A finite number by which others may be divided."""
        found = self.number(key)
        if found <= 0:
            raise WrongError(f"{self._path(key)} is not above 0")
        return found

    def maybe(self, key: str) -> float | None:
        """A finite number, or None."""
        return None if self.value.get(key) is None else self.number(key)

    def numbers(self, key: str) -> list[float]:
        """A list of finite numbers."""
        found = self.value.get(key)
        if not isinstance(found, list):
            raise WrongError(f"{self._path(key)} is no list")
        return [self._number(each, key) for each in found]

    def pair(self, key: str) -> tuple[float, float]:
        """Two numbers."""
        found = self.numbers(key)
        if len(found) != 2:
            raise WrongError(f"{self._path(key)} has not two numbers")
        return found[0], found[1]

    def objects(self, key: str) -> list["Json"]:
        """A list of objects; empty where there is none."""
        found = self.value.get(key) or []
        if not isinstance(found, list):
            raise WrongError(f"{self._path(key)} is no list")
        return [Json(each, self._path(key)) for each in found]

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; empty where there is none."""
        found = self.value.get(key) or []
        if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
            raise WrongError(f"{self._path(key)} is no list of texts")
        return tuple(map(clean, found))

    def _number(self, found: Any, key: str) -> float:
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise WrongError(f"{self._path(key)} is no number")
        if not math.isfinite(found) or abs(found) > 1e18:
            raise WrongError(f"{self._path(key)} is out of range")
        return found

    def _path(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key


def clean(text: str) -> str:
    r"""One line of characters that can be shown; whatever else there is, is replaced.

    >>> clean("a\n b\x1b[2J") == "a b\ufffd[2J"
    True
    """
    line = " ".join(text.split())[:MOST_CHARACTERS]
    return "".join(each if each.isprintable() else "\ufffd" for each in line)
