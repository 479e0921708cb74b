"""Names in TFLite's schema: kinds and types, and texts in a FlatBuffer."""

from collections.abc import Mapping
from typing import Any

import numpy as np


def kind_of(code: Any, builtins: Mapping[int, str]) -> str:
    """The kind of an operator code, a custom one's by its name; ``builtins`` are the schema's."""
    # Old files have the code in a byte, newer ones in an int; the larger one holds.
    number = max(code.deprecatedBuiltinCode, code.builtinCode)
    kind = builtins.get(number, f"BUILTIN_{number}")
    return decoded_text(code.customCode) if kind == "CUSTOM" else kind


def names_of(enumeration: Any) -> dict[int, str]:
    """The names of an enumeration in the schema, by their numbers."""
    return {value: key for key, value in vars(enumeration).items() if isinstance(value, int)}


def decoded_text(raw: bytes | str | None) -> str:
    """A FlatBuffer string as text; some schemas give bytes, and None for an absent one."""
    return raw.decode(errors="replace") if isinstance(raw, bytes) else raw or ""


def integers(vector: Any) -> list[int]:
    """A FlatBuffer vector of numbers, such as tensors' indices; empty if it is absent."""
    return [] if vector is None else [int(each) for each in np.asarray(vector).reshape(-1)]
