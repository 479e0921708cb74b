"""The content of a model file, as plain records: the same ones for every format.

They describe; they contain no weights and run nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

Shape = tuple[int | None, ...]
"""Sizes of a tensor's dimensions; None means one that the file leaves open."""

Axis = int | str | None
"""A size as a file states it: a number, the name of an open one, or None for an open one without
a name."""

MAIN = ""
"""The key of a file's own graph among its bodies."""


@dataclass(frozen=True)
class FileTensor:
    """One tensor of a file, constant or computed."""

    name: str
    """Unique within the file; a name that a file uses twice gets ``#index`` appended."""
    shape: Shape | None
    """None if the file does not say and it cannot be inferred."""
    dtype: str
    """numpy's name (``float32``, ``int8``), or the format's own in lower case (``int4``)."""
    role: str
    """``input``, ``output``, ``constant`` or ``activation``."""
    stored: int = 0
    """Number of elements stored in the file, of sparse weights those that are not left out; 0 for
    everything but constants."""
    buffer: str = ""
    """Constants with the same buffer share their bytes."""
    quantized: bool = False
    """True if the tensor itself carries a scale (TFLite); ONNX has scales as tensors."""
    scale: float = 0.0
    """Scale of a quantized tensor with one scale; 0.0 for all others."""
    zero_point: int = 0
    sparse: bool = False
    """True if the file stores only some of the elements."""
    value: float | None = None
    """The number in a constant of one element, with which loops count; else None."""
    stated: tuple[Axis, ...] | None = None
    """Sizes of inputs and outputs as stated in the file; in ``shape`` an open batch is 1."""

    @property
    def elements(self) -> int | None:
        """Number of elements, or None if a dimension is unknown."""
        if self.shape is None:
            return None
        known = [size for size in self.shape if size is not None]
        return prod(known) if len(known) == len(self.shape) else None


@dataclass(frozen=True)
class Operator:
    """One operator of a file; tensors by name, an omitted optional input as ``""``."""

    name: str
    """The node's name; where the format has none (TFLite), its first output's."""
    kind: str
    """The format's own word: ``CONV_2D``, ``Conv``."""
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    domain: str = ""
    """ONNX: the operator set (``""`` is the standard one, or ``com.microsoft``)."""
    bodies: Mapping[str, str] = field(default_factory=dict)
    """The graphs that it runs, as keys of ``FileContents.bodies``, by what they are to it:
    ``then_branch``, ``body``, ``condSubgraphIndex``."""


@dataclass(frozen=True)
class Body:
    """A graph within a file that an operator runs: a branch, the body of a loop, a function."""

    name: str
    inputs: tuple[str, ...]
    """Names of tensors, in the order in which the operator passes them."""
    outputs: tuple[str, ...]
    operators: tuple[Operator, ...]
    tensors: Mapping[str, FileTensor]
    """Its own tensors."""
    outer: str | None = None
    """ONNX: the key of the graph whose tensors it sees too; ``MAIN`` is the file's own."""


@dataclass(frozen=True)
class Signature:
    """A named way to use a file (TFLite), with its own inputs, outputs and graph."""

    name: str
    inputs: Mapping[str, FileTensor]
    outputs: Mapping[str, FileTensor]
    subgraph: int = 0


@dataclass(frozen=True)
class FileContents:
    """A model file, read but not run."""

    format: str
    """``tflite`` or ``onnx``."""
    sha256: str
    size_bytes: int
    inputs: Mapping[str, FileTensor]
    """Inputs by the name that a caller uses: the signature's if there is one."""
    outputs: Mapping[str, FileTensor]
    operators: tuple[Operator, ...]
    """In execution order."""
    tensors: Mapping[str, FileTensor]
    warnings: tuple[str, ...] = ()
    """Notes on what this description does not include."""
    bodies: Mapping[str, Body] = field(default_factory=dict)
    """The graphs that operators run, by key; one may be run by several operators."""
    signatures: tuple[Signature, ...] = ()
    """All that the file names."""
    signature: str | None = None
    """The one that is described, where it has a name."""
    origin: Mapping[str, str] = field(default_factory=dict)
    """The file's origin: ``producer``, ``opset``, ``schema version``."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Other metadata by key; for binary metadata, the size."""
    external: tuple[str, ...] = ()
    """ONNX: the files that hold its weights, by their paths beside it."""

    def tensor(self, name: str) -> FileTensor | None:
        """The tensor of that name; None for an omitted input."""
        return self.tensors.get(name) if name else None


@dataclass(frozen=True)
class Delegation:
    """The part of a file that runs inside a delegate (XNNPACK)."""

    partitions: int | None
    """Delegate partitions; 1 is best, 0 means that nothing is delegated. None: see ``reason``."""
    inside: int | None = None
    """Operators that the delegate took over."""
    outside: int | None = None
    """Operators left to the runtime's own kernels."""
    outside_kinds: Mapping[str, int] = field(default_factory=dict)
    """Those left outside, counted by kind."""
    reason: str = ""
    """Why nothing is known, where ``partitions`` is None."""
