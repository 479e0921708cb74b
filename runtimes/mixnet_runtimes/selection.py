"""What is run of a model file: which signature, with which input sizes, in which arithmetic.

Pure: from texts and stated sizes to sizes. A file may leave input sizes open; each is set by the
user's options, or refused by name. It opens no file and is independent of formats.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

from mixnet_common import MixnetError, UsageError
from mixnet_common.errors import nearest
from mixnet_runtimes.session import TensorInfo

Size = int | str | None
"""A size as a file states it: fixed, open under a name, or open without one."""

MOST_ELEMENTS = 2**31
"""No runtime addresses more in one tensor."""

LAYOUTS = {
    1: ("batch", "channels", "height", "width"),
    3: ("batch", "height", "width", "channels"),
}
"""Words for the axes of an image, by the axis that its channels are on."""

EXAMPLE_PIXELS, EXAMPLE_SIZE = 224, 128
"""The size proposed in hints for an open size."""


@dataclass(frozen=True)
class Selection:
    """The signature to run, its sizes and arithmetic; the default runs a file unchanged."""

    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Shapes by input; ``""`` means the only input."""
    dims: Mapping[str, int] = field(default_factory=dict)
    """Sizes of dimensions that an ``.onnx`` file names."""
    signature: str | None = None
    """Signature of a ``.tflite`` file; None for its default."""
    fp16: bool = False
    """A float32 ``.tflite`` is computed in float16."""

    def to_json(self) -> dict[str, Any]:
        """As JSON values, for another process."""
        values = {
            "shapes": {name: list(shape) for name, shape in self.shapes.items()},
            "dims": dict(self.dims),
            "signature": self.signature,
        }
        return {**values, "fp16": True} if self.fp16 else values


AS_IT_IS = Selection()


def from_json(values: Mapping[str, Any]) -> Selection:
    """The selection that ``to_json`` described."""
    shapes = {name: tuple(shape) for name, shape in values["shapes"].items()}
    return Selection(
        shapes, dict(values["dims"]), values["signature"], bool(values.get("fp16", False))
    )


@dataclass(frozen=True)
class Fixed:
    """A model file as a selection makes it: every size of every input is known."""

    inputs: tuple[TensorInfo, ...]
    """In the runtime's order."""
    content: bytes | None = None
    """The file rewritten in memory; None if it can be used unchanged."""
    signature: str | None = None
    """The one that is run, where the file names any."""
    has_data: bool = False
    """Whether there are weights beside the file."""
    given: Selection = AS_IT_IS
    """What is not the file's own choice: of shapes those that differ from the file's."""
    described: bytes | None = None
    """The file at these sizes, to be read only: a runtime opens it with its sizes open."""
    fp16: bool = False
    """It is computed in float16."""


@dataclass(frozen=True)
class Input:
    """An input as its file states it."""

    name: str
    sizes: tuple[Size, ...] | None
    """None if not even the number of axes is stated."""
    dtype: str = ""
    """numpy's name, or the format's own in lower case."""
    scale: float = 0.0
    """real = scale · (stored - zero_point); 0 if it is not quantized."""
    zero_point: int = 0
    usual: tuple[int, ...] = ()
    """The file's own sizes for open ones (TFLite), as an example."""


def parse_shapes(texts: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """``--shape`` options: ``NAME=1,3,224,224``, or without a name for the only input.

    >>> parse_shapes(["x:0=1,3,224,224"])
    {'x:0': (1, 3, 224, 224)}
    """
    found: dict[str, tuple[int, ...]] = {}
    for text in texts:
        name, equals, sizes = text.rpartition("=")
        if equals and not name:
            raise _unlike("--shape", text, "NAME=1,3,224,224")
        shape = tuple(_size(part, "--shape", text, "NAME=1,3,224,224") for part in sizes.split(","))
        if prod(shape) > MOST_ELEMENTS:
            raise UsageError(
                f"--shape {text}: {prod(shape):,} elements",
                f"no runtime supports more than {MOST_ELEMENTS:,}",
            )
        if name in found:
            raise UsageError(f"--shape is given twice for {name or 'the only input'}")
        found[name] = shape
    return found


def parse_dims(texts: Iterable[str]) -> dict[str, int]:
    """``--dim`` options: ``NAME=4``.

    >>> parse_dims(["batch=4"])
    {'batch': 4}
    """
    found: dict[str, int] = {}
    for text in texts:
        name, equals, size = text.rpartition("=")
        if not equals or not name:
            raise _unlike("--dim", text, "NAME=1")
        if name in found:
            raise UsageError(f"--dim is given twice for {name}")
        found[name] = _size(size, "--dim", text, "NAME=1")
    return found


def close(file: str, inputs: Sequence[Input], selection: Selection) -> dict[str, tuple[int, ...]]:
    """The sizes of every input, all of them known.

    The first axis is the batch: where it stays open it is 1. Sizes of one name are one size.
    Raises UsageError for a shape or dimension that does not fit the file, and MixnetError, with the
    option to give, where a size stays open or is 0.
    """
    shapes = _by_input(file, inputs, selection.shapes)
    dims = _by_name(file, inputs, selection.dims)
    for each in inputs:
        if each.name in shapes:
            _learn(file, each, shapes[each.name], dims)
    for each in inputs:
        if each.name not in shapes and each.sizes and isinstance(each.sizes[0], str):
            dims.setdefault(each.sizes[0], 1)
    closed = {each.name: shapes.get(each.name) or _closed(each, dims) for each in inputs}
    _refuse_open(file, inputs, closed)
    return {name: tuple(int(size or 0) for size in sizes or ()) for name, sizes in closed.items()}


def with_sizes(
    inputs: Iterable[Input], closed: Mapping[str, tuple[int, ...]]
) -> tuple[TensorInfo, ...]:
    """The inputs at their sizes."""
    return tuple(
        TensorInfo(each.name, closed[each.name], each.dtype, each.scale, each.zero_point)
        for each in inputs
    )


def rewritten(
    inputs: Iterable[Input], closed: Mapping[str, tuple[int, ...]]
) -> dict[str, tuple[int, ...]]:
    """The inputs whose sizes the file itself does not lead to: a batch of 1 it does."""
    return {
        each.name: closed[each.name]
        for each in inputs
        if each.sizes is None
        or closed[each.name]
        != tuple(
            1 if axis == 0 and not isinstance(size, int) else size
            for axis, size in enumerate(each.sizes)
        )
    }


def names_of(inputs: Iterable[Input]) -> list[str]:
    """The named dimensions of a file, in the order of its inputs."""
    sizes = [size for each in inputs for size in each.sizes or ()]
    return list(dict.fromkeys(size for size in sizes if isinstance(size, str)))


def axis_words(each: Input, axis: int) -> str:
    """The name of an axis in a message: ``height (axis 1)``, ``seq (axis 1)``, ``axis 1``.

    >>> axis_words(Input("x", (None, None, None, 3)), 1)
    'height (axis 1)'
    """
    sizes = each.sizes or ()
    word = sizes[axis] if isinstance(sizes[axis], str) else _image_axes(sizes).get(axis)
    return f"axis {axis}" if word is None else f"{word} (axis {axis})"


# The options


def _size(part: str, option: str, text: str, like: str) -> int:
    digits = part.strip()
    if not (digits.isascii() and digits.isdigit() and 1 <= int(digits[:12]) < MOST_ELEMENTS):
        raise _unlike(option, text, like)
    return int(digits[:12])


def _unlike(option: str, text: str, like: str) -> UsageError:
    return UsageError(
        f"{option} {text[:200]!r} is not valid",
        f"give {like}, with whole numbers from 1",
    )


# What fits the file


def _by_input(
    file: str, inputs: Sequence[Input], given: Mapping[str, tuple[int, ...]]
) -> dict[str, tuple[int, ...]]:
    """The given shapes by the names of the inputs, each of the right rank."""
    known = {each.name: each for each in inputs}
    found: dict[str, tuple[int, ...]] = {}
    for name, shape in given.items():
        if not name and len(inputs) != 1:
            raise UsageError(
                f"--shape does not name an input, and {file} has {len(inputs)}: {_listed(known)}",
                f"write --shape {next(iter(known), 'NAME')}=…",
            )
        each = known.get(name or next(iter(known)))
        if each is None:
            raise UsageError(f"--shape: {file} has no input {name}", nearest(name, known))
        if each.name in found:
            raise UsageError(f"--shape is given twice for {each.name}")
        if each.sizes is not None and len(each.sizes) != len(shape):
            raise UsageError(
                f"--shape: input {each.name} of {file} has {len(each.sizes)} axes, "
                f"and {len(shape)} sizes are given",
                f"write --shape {example(each)}",
            )
        found[each.name] = shape
    return found


def _by_name(file: str, inputs: Sequence[Input], given: Mapping[str, int]) -> dict[str, int]:
    names = names_of(inputs)
    for name in given:
        if not names:
            raise UsageError(f"--dim: {file} names no dimensions", "give sizes with --shape")
        if name not in names:
            raise UsageError(f"--dim: {file} has no dimension {name}", nearest(name, names))
    return dict(given)


def _learn(file: str, each: Input, shape: tuple[int, ...], dims: dict[str, int]) -> None:
    """Take the sizes of named dimensions from a given shape."""
    for name, size in zip(each.sizes or (), shape, strict=False):
        if isinstance(name, str) and dims.setdefault(name, size) != size:
            raise UsageError(
                f"{file}: {name} is {dims[name]} and {size} at once",
                "the options contradict each other: a name has one size",
            )


def _closed(each: Input, dims: Mapping[str, int]) -> tuple[Size, ...] | None:
    if each.sizes is None:
        return None
    sizes = [dims.get(size, size) if isinstance(size, str) else size for size in each.sizes]
    if sizes and not isinstance(sizes[0], int):
        sizes[0] = 1
    return tuple(sizes)


# What stays open


def _refuse_open(
    file: str, inputs: Sequence[Input], closed: Mapping[str, tuple[Size, ...] | None]
) -> None:
    faults, hints = [], []
    for each in inputs:
        sizes = closed[each.name]
        found = _fault(each, sizes)
        if found:
            faults.append(f"input {each.name} {found}")
            hints.append(f"--shape {example(each)}")
    if not faults:
        return
    names = [name for sizes in closed.values() for name in sizes or () if isinstance(name, str)]
    by_name = [f"--dim {name}=…" for name in dict.fromkeys(names)]
    other = f", or {' '.join(by_name)}" if by_name else ""
    raise MixnetError(f"{file}: {'; '.join(faults)}", f"give {' '.join(hints)}{other}")


def _fault(each: Input, sizes: tuple[Size, ...] | None) -> str:
    if sizes is None:
        return "has no declared shape"
    open_axes = [axis for axis, size in enumerate(sizes) if not isinstance(size, int)]
    empty = [axis for axis, size in enumerate(sizes) if size == 0]
    words = []
    if open_axes:
        words.append(f"has open sizes: {', '.join(axis_words(each, axis) for axis in open_axes)}")
    if empty:
        words.append(f"has a size of 0: {', '.join(axis_words(each, axis) for axis in empty)}")
    return " and ".join(words)


def example(each: Input) -> str:
    """A shape to give for an input: its fixed sizes, and usual ones for the others.

    >>> example(Input("x", (None, None, None, 3)))
    'x=1,224,224,3'
    """
    sizes = each.sizes or (None,)
    image = _image_axes(sizes)
    shape = [
        size
        if isinstance(size, int) and size > 0
        else 1
        if axis == 0
        else next((usual for usual in each.usual[axis : axis + 1] if usual > 1), None)
        or (EXAMPLE_PIXELS if image.get(axis) in ("height", "width") else EXAMPLE_SIZE)
        for axis, size in enumerate(sizes)
    ]
    return f"{each.name}={','.join(map(str, shape))}"


def _image_axes(sizes: Sequence[Size]) -> dict[int, str]:
    """Words for the axes of what looks like images: four axes, 1, 3 or 4 channels."""
    if len(sizes) != 4:
        return {}
    for axis in (3, 1):
        if sizes[axis] in (1, 3, 4):
            return dict(enumerate(LAYOUTS[axis]))
    return {}


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
