"""An architecture as the text of a TOML file, which is read back as the same architecture.

Default values are omitted; a base is not named, so the file is complete in itself.
"""

import dataclasses
import json
from typing import Any

from mixnet_common import UsageError
from mixnet_networks.architecture import Architecture

_TABLES = ("stem", "stages", "head", "preprocessing", "cells")
_NEVER = ("base", "aliases")
"""Keys of a shipped network alone."""


def architecture_toml(architecture: Architecture, comments: str = "") -> str:
    """The file of an architecture, with lines of comment in front.

    Raises UsageError if it has cells or detection heads, which rows alone do not say.
    """
    if architecture.cells or type(architecture) is not Architecture:
        raise UsageError(f"{architecture.name} cannot be written as a file: it is not only stages")
    lines = [f"# {line}".rstrip() for line in comments.splitlines()]
    lines += _assignments(architecture, leave_out=(*_TABLES, *_NEVER))
    lines += ["", f"stem = {_inline(architecture.stem)}"]
    lines += ["", "stages = [", *(f"  {_inline(row)}," for row in architecture.stages), "]"]
    lines += ["", f"head = {_inline(architecture.head)}"]
    lines += ["", "[preprocessing]", *_assignments(architecture.preprocessing)]
    return "\n".join(lines) + "\n"


def _assignments(record: Any, leave_out: tuple[str, ...] = ()) -> list[str]:
    return [
        f"{field.name} = {toml_value(getattr(record, field.name))}"
        for field in dataclasses.fields(record)
        if field.name not in leave_out and getattr(record, field.name) != field.default
    ]


def _inline(record: Any) -> str:
    return f"{{ {', '.join(_assignments(record))} }}"


def toml_value(value: Any) -> str:
    """A text, number, truth value or list of these as TOML has it.

    >>> toml_value((3, 5)), toml_value(0.25), toml_value(True), toml_value("a b")
    ('[3, 5]', '0.25', 'true', '"a b"')
    """
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, bool | int | float):
        return str(value).lower()
    return json.dumps(value).replace("\x7f", "\\u007f")
