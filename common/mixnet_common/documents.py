"""Reads the JSON documents that the commands print and save: a format and its targets.

The meaning of a target is defined elsewhere; here it is found, and named if it is damaged.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from mixnet_common.console import FORMAT
from mixnet_common.errors import UsageError
from mixnet_common.json_object import JsonObject, WrongValueError
from mixnet_common.printable import shown
from mixnet_common.readers import is_file, read_json, show

Read = TypeVar("Read")


class NoResultsError(UsageError):
    """A file that is there, and no document of a command."""


def read_document(path: Path, hint: str) -> dict[str, Any]:
    """A document of one of the commands, its ``targets`` a list.

    Raises UsageError, with the hint, for any other file: NoResultsError for one that is none.
    """
    try:
        document = read_json(path, hint)
    except UsageError as error:
        if is_file(path):
            raise NoResultsError(error.message, error.hint) from error
        raise
    if not isinstance(document, dict) or not isinstance(document.get("targets"), list):
        raise NoResultsError(f"{show(path)} contains no results", hint)
    if type(document.get("format")) is not int or document["format"] != FORMAT:
        raise UsageError(
            f"{show(path)} has format {shown(document.get('format'))}, and this version reads"
            f" {FORMAT}",
            "use the version that wrote it, or a later one",
        )
    return document


def read_targets(
    document: Mapping[str, Any], path: Path, hint: str, read: Callable[[JsonObject], Read]
) -> list[Read]:
    """The result of ``read`` for every target.

    Raises UsageError that names file, target and key where a value is not what it has to be.
    """
    found = []
    for index, target in enumerate(document["targets"]):
        try:
            found.append(read(JsonObject(target)))
        except WrongValueError as error:
            raise UsageError(f"{show(path)}: targets[{index}]: {error}", hint) from error
    return found
