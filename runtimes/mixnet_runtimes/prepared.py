"""A model file prepared to run: its sizes, its signature and its inputs, as plain files.

Everything that opens files can run the result: a process of this machine, a phone, another program.
The user's file never changes; changes are made in a copy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_common.hashing import sha256
from mixnet_runtimes import rawfile
from mixnet_runtimes.given_inputs import NOTHING_GIVEN, GivenInputs, ReadImage, values_for
from mixnet_runtimes.inputs import made_up, refuse_unmakeable
from mixnet_runtimes.model_files import data_files
from mixnet_runtimes.registry import fix, open_fixed, open_session
from mixnet_runtimes.selection import AS_IT_IS, Fixed, Selection
from mixnet_runtimes.session import Session, TensorInfo


@dataclass(frozen=True)
class Prepared:
    """A file in the form in which it is run."""

    source: Path
    """The user's."""
    path: Path
    """The file that is run: the user's, or a copy with other sizes or another signature."""
    inputs: tuple[TensorInfo, ...]
    values: Mapping[str, Path] = field(default_factory=dict)
    """A ``.npy`` file with the values of each given input; the others are generated."""
    signature: str | None = None
    """The one that is run, where the file names any."""
    data: Mapping[str, Path] = field(default_factory=dict)
    """Files with weights, by the names by which the file expects them beside it."""
    given: Mapping[str, Any] = field(default_factory=dict)
    """What options gave: ``shapes``, ``signature``, ``fp16`` and ``inputs``, as JSON; empty without
    any."""

    @property
    def is_rewritten(self) -> bool:
        """Whether a copy is run."""
        return self.path != self.source

    @property
    def selection(self) -> Selection:
        """The function that makes this from the user's file."""
        shapes = self.given.get("shapes", {})
        sizes = {name: tuple(shape) for name, shape in shapes.items()}
        return Selection(sizes, signature=self.given.get("signature"), fp16=self.fp16)

    @property
    def fp16(self) -> bool:
        """Whether it is computed in float16."""
        return bool(self.given.get("fp16", False))

    def describe(self) -> dict[str, Any]:
        """As JSON values, for a result."""
        return {
            "shapes": {each.name: list(each.shape) for each in self.inputs},
            "signature": self.signature,
            "given": dict(self.given),
            "rewritten": self.is_rewritten,
        }

    def to_json(self) -> dict[str, Any]:
        """As JSON values, for the process that runs it."""
        return {
            "source": str(self.source),
            "path": str(self.path),
            "inputs": [[each.name, list(each.shape), each.dtype] for each in self.inputs],
            "values": {name: str(path) for name, path in self.values.items()},
            "fp16": self.fp16,
        }


def from_json(values: Mapping[str, Any]) -> Prepared:
    """A file described by ``to_json``, with what is needed to run it."""
    return Prepared(
        source=Path(values["source"]),
        path=Path(values["path"]),
        inputs=tuple(
            TensorInfo(name, tuple(shape), kind) for name, shape, kind in values["inputs"]
        ),
        values={name: Path(path) for name, path in values["values"].items()},
        given={"fp16": True} if values["fp16"] else {},
    )


def prepare(
    path: Path,
    folder: Path,
    selection: Selection = AS_IT_IS,
    given: GivenInputs = NOTHING_GIVEN,
    *,
    seed: int = 0,
    read_image: ReadImage | None = None,
) -> Prepared:
    """Prepare a file; new files are written into ``folder``.

    Raises UsageError if options do not fit the file, and MixnetError for a broken file, for
    sizes that stay open and for inputs for which no values can be generated.
    """
    fixed = fix(path, selection)
    values = values_for(path.name, fixed.inputs, given, np.random.default_rng(seed), read_image)
    for info in fixed.inputs:
        if info.name not in values:
            refuse_unmakeable(path.name, info)
    written = path
    folder.mkdir(parents=True, exist_ok=True)
    if fixed.content is not None:
        written = folder / path.name
        written.write_bytes(fixed.content)
    places = {name: folder / f"input-{number}.npy" for number, name in enumerate(values)}
    for name, place in places.items():
        np.save(place, values[name], allow_pickle=False)
    return Prepared(
        source=path,
        path=written,
        inputs=fixed.inputs,
        values=places,
        signature=fixed.signature,
        data=data_files(path) if fixed.has_data else {},
        given=_describe_given(fixed, given, values),
    )


def open_request(request: Mapping[str, Any], threads: int) -> tuple[Prepared, Session]:
    """Open a file described by ``to_json``, or an unchanged file, given only its ``path``."""
    if "inputs" in request:
        prepared = from_json(request)
        return prepared, open_prepared(prepared, threads=threads)
    path = Path(request["path"])
    session = open_session(path, threads=threads)
    return Prepared(path, path, session.inputs), session


def open_prepared(prepared: Prepared, *, threads: int = 1, runtime: str | None = None) -> Session:
    """Open what was prepared with a runtime of this machine. Raises like ``open_session``."""
    return open_fixed(prepared.source, fixed_of(prepared), threads=threads, runtime=runtime)


def in_float32(prepared: Prepared) -> Prepared:
    """The same, not computed in float16."""
    return replace(prepared, given={**prepared.given, "fp16": False})


def fixed_of(prepared: Prepared) -> Fixed:
    """The result of ``fix`` for the file."""
    content = rawfile.load(prepared.path) if prepared.is_rewritten else None
    return Fixed(prepared.inputs, content, prepared.signature, fp16=prepared.fp16)


def input_arrays(prepared: Prepared, rng: np.random.Generator) -> list[NDArray[Any]]:
    """The inputs in order: what is given, and seeded numbers for the rest."""
    return [
        np.load(prepared.values[info.name], allow_pickle=False)
        if info.name in prepared.values
        else made_up(prepared.source.name, info, rng)
        for info in prepared.inputs
    ]


def _describe_given(
    fixed: Fixed, given: GivenInputs, values: Mapping[str, NDArray[Any]]
) -> dict[str, Any]:
    ranges = {name or fixed.inputs[0].name: limits for name, limits in given.ranges.items()}
    inputs = {
        name: {"range": list(ranges[name])}
        if name in ranges
        else {"sha256": sha256(array.tobytes())}
        for name, array in values.items()
    }
    shapes = {name: list(shape) for name, shape in fixed.given.shapes.items()}
    signature, fp16 = fixed.given.signature, fixed.given.fp16
    parts = {"shapes": shapes, "signature": signature, "fp16": fp16, "inputs": inputs}
    return {key: value for key, value in parts.items() if value}
