"""Options for the inputs of several files: each file uses those that name one of its inputs.

If two files have an input of the same name and need different values, the option names the file
too: ``b.tflite:x=1,16,16,3``. A name that no file has is refused. Reads files; runs nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from mixnet_common import UsageError
from mixnet_common.errors import nearest
from mixnet_runtimes import GivenInputs, Selection, stated_inputs
from mixnet_runtimes.selection import names_of

Value = TypeVar("Value")


def selections_for(paths: Sequence[Path], selection: Selection) -> list[Selection]:
    """The selection of each file. Raises UsageError for what no file has."""
    if len(paths) <= 1 or selection == Selection(fp16=selection.fp16):  # names no input
        return [selection for _ in paths]
    signatures = _signatures(paths, selection.signature)
    stated = [stated_inputs(path, name) for path, name in zip(paths, signatures, strict=True)]
    inputs = [{each.name for each in found} for found in stated]
    dims = [set(names_of(found)) for found in stated]
    shapes = _shared(paths, inputs, selection.shapes, "--shape", "input")
    sizes = _shared(paths, dims, selection.dims, "--dim", "dimension")
    every = [selection.fp16 for _ in paths]
    return list(map(Selection, shapes, sizes, signatures, every))


def inputs_for(
    paths: Sequence[Path], selections: Sequence[Selection], given: GivenInputs
) -> list[GivenInputs]:
    """The given inputs of each file. Raises UsageError for an input that no file has."""
    if len(paths) <= 1 or not (given.files or given.ranges):
        return [given for _ in paths]
    inputs = [
        {each.name for each in stated_inputs(path, selection.signature)}
        for path, selection in zip(paths, selections, strict=True)
    ]
    files = _shared(paths, inputs, given.files, "--input", "input")
    ranges = _shared(paths, inputs, given.ranges, "--input-range", "input")
    return list(map(GivenInputs, files, ranges))


def _signatures(paths: Sequence[Path], name: str | None) -> list[str | None]:
    """The signature for each file: the named one where the file has it."""
    if name is None:
        return [None for _ in paths]
    found: list[str | None] = []
    for path in paths:
        try:
            stated_inputs(path, name)
            found.append(name)
        except UsageError:
            found.append(None)
    if not any(found):
        stated_inputs(paths[0], name)  # which says why
    return found


def _shared(
    paths: Sequence[Path],
    names: Sequence[set[str]],
    given: Mapping[str, Value],
    option: str,
    what: str,
) -> list[dict[str, Value]]:
    """The values of an option for each file: first those that name the file, then the others.

    A value without a name is for the only input.
    """
    found: list[dict[str, Value]] = [{} for _ in paths]
    for name, value in given.items():
        own = [
            (index, name.removeprefix(f"{path.name}:"))
            for index, path in enumerate(paths)
            if name.startswith(f"{path.name}:")
        ]
        takers = own or [
            (index, name) for index, known in enumerate(names) if not name or name in known
        ]
        if not takers:
            raise UsageError(f"{option}: no file has the {what} {name}", nearest(name, _all(names)))
        for index, called in takers:
            if own or called not in found[index]:
                found[index][called] = value
    return found


def _all(names: Iterable[set[str]]) -> set[str]:
    return set().union(*names)
