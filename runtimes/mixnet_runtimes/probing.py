"""Queries on a file that only a runtime can answer, in a child, since it may crash: see ``child``.

The child's side is in ``probing_child``.
"""

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixnet_common import MixnetError
from mixnet_runtimes import child, registry
from mixnet_runtimes.contents import Delegation
from mixnet_runtimes.selection import AS_IT_IS, Selection


@dataclass(frozen=True)
class Use:
    """A file as a command is about to use it."""

    path: Path
    runtime: str | None = None
    selection: Selection = AS_IT_IS

    def to_json(self) -> dict[str, Any]:
        """As JSON values, for the child."""
        return {
            "path": str(self.path),
            "runtime": self.runtime,
            "selection": self.selection.to_json(),
        }


CHILD = "mixnet_runtimes.probing_child"

_proven: set[tuple[Any, ...]] = set()
"""Files that ran already, by their identity and use."""

_sizes: dict[tuple[Any, ...], dict[int, tuple[int, ...]]] = {}
"""Computed sizes of files, likewise."""


def check_runs(uses: Sequence[Use]) -> None:
    """Open each file and run it once, in children side by side, before this process opens it.

    Raises MixnetError with the file's name if a runtime refuses it, crashes or uses too much.
    """
    with ExitStack() as stack:
        asked = {}
        for use in uses:
            registry.format_of(use.path)  # a missing file needs no child
            key = _key(use)
            if key not in _proven and key not in asked:
                question = child.Question(f"{CHILD}:run", use.path, use.to_json())
                stack.callback(question.end)
                asked[key] = question
        for key, question in asked.items():
            question.answer()
            _proven.add(key)


def _key(use: Use) -> tuple[Any, ...]:
    seen = use.path.stat()
    identity = (seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns)
    return (*identity, json.dumps(use.to_json()))


def ask_partitions(use: Use) -> Delegation:
    """How this machine's runtime divides a file into delegate partitions.

    Where a runtime refuses the file, crashes or takes too much, that is the reason why nothing is
    known.
    """
    try:
        found = child.ask(f"{CHILD}:partitions", use.path, use.to_json())
    except MixnetError as error:
        return Delegation(None, reason=error.message)
    return Delegation(**found)


def ask_sizes(use: Use) -> dict[int, tuple[int, ...]]:
    """The sizes of a ``.tflite`` file's tensors when it runs on zeros, by their index.

    Empty if a runtime refuses the file, crashes or uses too much.
    """
    try:
        found = child.ask(f"{CHILD}:sizes", use.path, use.to_json())
    except MixnetError:
        return {}
    return {int(index): tuple(shape) for index, shape in found["sizes"]}


def ask_fixed_sizes(use: Use) -> dict[int, tuple[int, ...]]:
    """The sizes of a ``.tflite`` file's tensors at the sizes of its inputs that are given.

    A file that is opened again costs no second child. Raises MixnetError, UsageError if the
    file cannot have those sizes, and CrashError if the interpreter that computes them dies.
    """
    key = _key(use)
    if key not in _sizes:
        found = child.ask(f"{CHILD}:fixed_sizes", use.path, use.to_json())
        _sizes[key] = {int(index): tuple(shape) for index, shape in found["sizes"]}
    return _sizes[key]
