"""What only a runtime knows of a file, found out where it may crash: see ``child``.

Functions that take a request run in the child; the others ask it.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mixnet_common import MixnetError
from mixnet_runtimes import child, registry
from mixnet_runtimes.child_process import Tell
from mixnet_runtimes.contents import Delegation
from mixnet_runtimes.selection import AS_IT_IS, Selection, from_json


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


_proven: set[tuple[Any, ...]] = set()
"""Files that ran already, by what they are and how they are used."""

_sizes: dict[tuple[Any, ...], dict[int, tuple[int, ...]]] = {}
"""Computed sizes of files, likewise."""


def check_runs(uses: Sequence[Use]) -> None:
    """Open each file and run it once, in children side by side, before this process opens it.

    Raises MixnetError, naming the file, where a runtime refuses it, crashes or takes too much.
    """
    with ExitStack() as stack:
        asked = {}
        for use in uses:
            registry.format_of(use.path)  # a missing file needs no child
            key = _key(use)
            if key not in _proven and key not in asked:
                question = child.Question("mixnet_runtimes.probing:run", use.path, use.to_json())
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
    """How a runtime of this machine cuts a file into delegated pieces.

    Where a runtime refuses the file, crashes or takes too much, that is the reason why nothing is
    known.
    """
    try:
        found = child.ask("mixnet_runtimes.probing:partitions", use.path, use.to_json())
    except MixnetError as error:
        return Delegation(None, reason=error.message)
    return Delegation(**found)


def ask_sizes(use: Use) -> dict[int, tuple[int, ...]]:
    """The sizes of a ``.tflite`` file's tensors when it runs on zeros, by their index.

    Nothing where a runtime refuses the file, crashes or takes too much.
    """
    try:
        found = child.ask("mixnet_runtimes.probing:sizes", use.path, use.to_json())
    except MixnetError:
        return {}
    return {int(index): tuple(shape) for index, shape in found["sizes"]}


def ask_fixed_sizes(use: Use) -> dict[int, tuple[int, ...]]:
    """The sizes of a ``.tflite`` file's tensors at the sizes of its inputs that are given.

    A file that is opened again costs no second child. Raises MixnetError, UsageError where the
    file cannot have those sizes, and CrashError where the interpreter that computes them dies.
    """
    key = _key(use)
    if key not in _sizes:
        found = child.ask("mixnet_runtimes.probing:fixed_sizes", use.path, use.to_json())
        _sizes[key] = {int(index): tuple(shape) for index, shape in found["sizes"]}
    return _sizes[key]


# In the child


def run(request: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """Open a file and run it on made-up inputs; nothing is kept of the outputs."""
    import numpy as np

    from mixnet_runtimes.inputs import made_up

    session = _open(request, tell)
    rng = np.random.default_rng(0)
    try:
        inputs = [made_up(session.path.name, each, rng) for each in session.inputs]
    except MixnetError:
        return {}  # texts and other types that cannot be made up
    tell("running", f"{session.runtime} {session.version}")
    session.set_inputs(inputs)
    try:
        session.invoke()
    except MixnetError:
        # Whole numbers may be indices, which made-up ones do not fit.
        if all(each.dtype.kind == "f" for each in inputs):
            raise
    return {}


def partitions(request: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """The fields of the Delegation that the first installed runtime makes of a file."""
    path, selection = _use(request)
    tell("opening", registry.runtime_name(path, None))
    return asdict(registry.partitions(path, selection))


def sizes(request: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """The sizes of all tensors of a ``.tflite`` file, in a run on zeros."""
    from mixnet_runtimes import tflite_fix

    path, selection = _use(request)
    tell("running", registry.runtime_name(path, None))
    return {"sizes": list(tflite_fix.sizes_when_run(path, selection).items())}


def fixed_sizes(request: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """The sizes of all tensors of a ``.tflite`` file whose inputs have those of a selection."""
    from mixnet_runtimes import tflite_fix

    path, selection = _use(request)
    tell("resizing", registry.runtime_name(path, None))
    return {"sizes": list(tflite_fix.fixed_sizes(path, selection).items())}


def _open(request: Mapping[str, Any], tell: Tell) -> Any:
    path, selection = _use(request)
    tell("opening", registry.runtime_name(path, request["runtime"]))
    return registry.open_session(path, runtime=request["runtime"], selection=selection)


def _use(request: Mapping[str, Any]) -> tuple[Path, Selection]:
    selection = request.get("selection")
    return Path(request["path"]), AS_IT_IS if selection is None else from_json(selection)
