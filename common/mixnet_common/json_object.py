"""A JSON object of unknown origin, whose values are read by key, type and range.

A value of another type or out of range is an error that names its key and shows the value. No text
is trusted.
"""

from typing import Any

from mixnet_common.printable import printable, shown

MOST_CHARACTERS = 1000

MOST_PATH = 4096

LEAST, MOST = 1e-18, 1e18
"""Bounds of any number's absolute value, unless it is 0: no measurement is beyond them."""

LEAST_MS, MOST_MS = 1e-6, 1e9
"""Bounds of a time in milliseconds: a nanosecond and eleven days."""

MOST_COUNT = 2**53
"""Limit of counts: other JSON readers cannot represent larger integers."""


class WrongValueError(Exception):
    """A value is not what it has to be; the message begins with its key."""


class JsonObject:
    """A JSON object whose values are read by key, type and range.

    Every method raises WrongValueError if the value is another.
    """

    def __init__(self, value: Any, where: str = "") -> None:
        if not isinstance(value, dict):
            raise WrongValueError(f"{where or 'it'} is not an object")
        self.value, self.where = value, where

    def has(self, *keys: str) -> bool:
        """Whether all keys are there."""
        return all(key in self.value for key in keys)

    def at(self, key: str) -> "JsonObject":
        """The object at a key; an empty one where there is none."""
        inner = self.value.get(key)
        return JsonObject({} if inner is None else inner, self._path(key))

    def text(self, key: str, default: str = "") -> str:
        """Text, as one line."""
        found = self.value.get(key)
        if found is None:
            return default
        if not isinstance(found, str):
            raise WrongValueError(f"{self._path(key)} is not text: {shown(found)}")
        return clean(found)

    def path(self, key: str) -> str:
        """Text that a file system could take as a path; it may still lead anywhere."""
        found = self.value.get(key)
        if not isinstance(found, str) or "\0" in found or len(found) > MOST_PATH:
            raise WrongValueError(f"{self._path(key)} is not a path: {shown(found)}")
        return found

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; empty if there is none."""
        found = self.value.get(key) or []
        if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
            raise WrongValueError(f"{self._path(key)} is not a list of strings")
        return tuple(map(clean, found))

    def number(self, key: str, least: float = -MOST, most: float = MOST) -> float:
        """A number within a range."""
        return _number(self.value.get(key), self._path(key), least, most)

    def maybe(self, key: str, least: float = -MOST, most: float = MOST) -> float | None:
        """The same, or None if there is none."""
        return None if self.value.get(key) is None else self.number(key, least, most)

    def milliseconds(self, key: str) -> float:
        """A time that can have been measured."""
        return self.number(key, LEAST_MS, MOST_MS)

    def whole(self, key: str, least: int = 0, most: int = MOST_COUNT) -> int:
        """A whole number within a range."""
        return _whole(self.value.get(key), self._path(key), least, most)

    def numbers(self, key: str, least: float = -MOST, most: float = MOST) -> list[float]:
        """A list of numbers within a range."""
        found = self._list(key)
        for index, each in enumerate(found):
            if not _is_number(each, least, most):
                _number(each, f"{self._path(key)}[{index}]", least, most)
        return list(map(float, found))

    def wholes(self, key: str, least: int = 0, most: int = MOST_COUNT) -> list[int]:
        """A list of whole numbers within a range."""
        found = self._list(key)
        for index, each in enumerate(found):
            if not _is_whole(each, least, most):
                _whole(each, f"{self._path(key)}[{index}]", least, most)
        return list(found)

    def interval(self, key: str, least: float = -MOST, most: float = MOST) -> tuple[float, float]:
        """Two numbers within a range, of which the first is not the larger."""
        found = self.numbers(key, least, most)
        if len(found) != 2:
            raise WrongValueError(f"{self._path(key)} does not have two numbers")
        if found[0] > found[1]:
            raise WrongValueError(f"{self._path(key)} has its end before its start: {shown(found)}")
        return found[0], found[1]

    def objects(self, key: str) -> list["JsonObject"]:
        """A list of objects; empty if there is none."""
        if self.value.get(key) is None:
            return []
        path = self._path(key)
        return [JsonObject(each, f"{path}[{index}]") for index, each in enumerate(self._list(key))]

    def _list(self, key: str) -> list[Any]:
        found = self.value.get(key)
        if not isinstance(found, list):
            raise WrongValueError(f"{self._path(key)} is not a list")
        return found

    def _path(self, key: str) -> str:
        key = clean(key)
        return f"{self.where}.{key}" if self.where else key


def clean(text: str) -> str:
    r"""One line of characters that can be shown; whatever else there is, is escaped.

    >>> clean("a\n b\x1b[2J")
    'a b\\x1b[2J'
    """
    return printable(" ".join(text.split())[:MOST_CHARACTERS])


def _is_number(found: Any, least: float, most: float) -> bool:
    """Whether it is a number in the range; NaN is in none."""
    return (
        type(found) in (int, float)
        and least <= found <= most
        and (found == 0 or abs(found) >= LEAST)
    )


def _is_whole(found: Any, least: int, most: int) -> bool:
    return type(found) is int and least <= found <= most


def _number(found: Any, path: str, least: float, most: float) -> float:
    if _is_number(found, least, most):
        return float(found)
    if type(found) not in (int, float):
        raise WrongValueError(f"{path} is not a number: {shown(found)}")
    raise _out_of_range(found, path, f"{least:g} to {most:g}")


def _whole(found: Any, path: str, least: int, most: int) -> int:
    if _is_whole(found, least, most):
        return int(found)
    if type(found) is not int:
        raise WrongValueError(f"{path} is not a whole number: {shown(found)}")
    raise _out_of_range(found, path, f"{least} to {most}")


def _out_of_range(found: Any, path: str, bounds: str) -> WrongValueError:
    return WrongValueError(f"{path} is out of range: {shown(found, 40)}, not from {bounds}")
