"""Command line options with several values separated by commas, as click callbacks."""

from collections.abc import Callable, Sequence
from typing import Any

from mixnet_common import UsageError
from mixnet_common.errors import nearest

Callback = Callable[[Any, Any, str], tuple[Any, ...]]


def names(known: Sequence[str] = ()) -> Callback:
    """Splits names, none twice; raises UsageError for none at all, or one that is not known."""

    def split(context: Any, parameter: Any, text: str) -> tuple[str, ...]:
        found = _parts(text)
        if not found:
            raise UsageError(f"{parameter.opts[0]} names nothing")
        for unknown in (each for each in found if known and each not in known):
            hint = nearest(unknown, known)
            raise UsageError(f"{parameter.opts[0]}: there is no {unknown!r}", hint)
        return found

    return split


def _parts(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
