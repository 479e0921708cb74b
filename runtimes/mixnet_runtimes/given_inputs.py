"""Inputs given by the user: arrays from files, or ranges for integers.

A file is read only as far as needed: its header must match the input, and nothing in it is ever
unpickled.
"""

import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from mixnet_common import MixnetError, UsageError
from mixnet_common.errors import nearest
from mixnet_common.readers import FILE_BYTES, opened, show
from mixnet_runtimes.element_types import array_type, describe_type, holds
from mixnet_runtimes.session import TensorInfo

Array = NDArray[Any]

ReadImage = Callable[[Path, TensorInfo], Array]
"""Preprocesses an image for an input."""

ARRAYS = (".npy", ".npz")
DIGITS = 20


@dataclass(frozen=True)
class GivenInputs:
    """Files and ranges by the inputs' names; ``""`` is the only input."""

    files: Mapping[str, Path] = field(default_factory=dict)
    ranges: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """The lowest and the highest value."""


NOTHING_GIVEN = GivenInputs()


def parse_inputs(files: Iterable[str], ranges: Iterable[str]) -> GivenInputs:
    """``--input NAME=FILE`` and ``--input-range NAME=LOW,HIGH``. Raises UsageError.

    >>> parse_inputs([], ["ids=0,49"]).ranges
    {'ids': (0, 49)}
    """
    found: dict[str, Path] = {}
    limits: dict[str, tuple[int, int]] = {}
    for text in files:
        name, equals, path = text.partition("=")
        name, path = (name, path) if equals else ("", text)
        if not path or (equals and not name):
            raise UsageError(f"--input {text!r} is not valid", "write NAME=FILE.npy")
        _put_once(found, name, Path(path), "--input")
    for text in ranges:
        name, _, numbers = text.rpartition("=")
        _put_once(limits, name, _parse_range(text, numbers), "--input-range")
    both = set(found) & set(limits)
    if both:
        raise UsageError(f"--input and --input-range are both given for {_called(min(both))}")
    return GivenInputs(found, limits)


def _put_once(where: dict[str, Any], name: str, value: Any, option: str) -> None:
    if name in where:
        raise UsageError(f"{option} is given twice for {_called(name)}")
    where[name] = value


def _called(name: str) -> str:
    return name or "the only input"


def _parse_range(text: str, numbers: str) -> tuple[int, int]:
    words = [each.strip() for each in numbers.split(",")]
    digits = [word.removeprefix("-") for word in words]
    if len(words) != 2 or not all(
        each.isascii() and each.isdigit() and len(each) <= DIGITS for each in digits
    ):
        raise UsageError(
            f"--input-range {text[:200]!r} is not valid", "write NAME=0,49: minimum, maximum"
        )
    low, high = map(int, words)
    if low > high:
        raise UsageError(f"--input-range {text}: {low} is more than {high}", f"write {high},{low}")
    return low, high


def values_for(
    file: str,
    inputs: Sequence[TensorInfo],
    given: GivenInputs,
    rng: np.random.Generator,
    read_image: ReadImage | None = None,
) -> dict[str, Array]:
    """The given inputs' arrays by name, each of its input's shape and type.

    ``read_image`` prepares a picture for an input. Raises UsageError for a name that the file lacks
    and for values that do not fit, MixnetError for a file that is broken.
    """
    found: dict[str, Array] = {}
    for info, path in _matched(file, inputs, given.files, "--input"):
        if path.suffix.lower() in ARRAYS or read_image is None:
            found[info.name] = read_array(path, info)
        else:
            found[info.name] = read_image(path, info)
    for info, limits in _matched(file, inputs, given.ranges, "--input-range"):
        if info.name in found:
            raise UsageError(f"--input and --input-range are both given for {info.name}")
        found[info.name] = _drawn(info, limits, rng)
    return found


def _matched(
    file: str, inputs: Sequence[TensorInfo], given: Mapping[str, Any], option: str
) -> Iterator[tuple[TensorInfo, Any]]:
    known = {each.name: each for each in inputs}
    for name, value in given.items():
        if not name and len(inputs) != 1:
            raise UsageError(
                f"{option} does not name an input, and {file} has {len(inputs)}:"
                f" {', '.join(known)}",
                f"write {option} {next(iter(known), 'NAME')}=…",
            )
        info = known.get(name) if name else inputs[0]
        if info is None:
            raise UsageError(f"{option}: {file} has no input {name}", nearest(name, known))
        yield info, value


def _drawn(info: TensorInfo, limits: tuple[int, int], rng: np.random.Generator) -> Array:
    kind = array_type(info.dtype)
    if kind is None or kind.kind not in "iu" or kind.name != info.dtype:
        raise UsageError(
            f"--input-range: input {info.name} is {info.dtype}, which is not an integer type",
            f"give --input {info.name}=FILE.npy",
        )
    bounds = np.iinfo(kind)
    if not bounds.min <= limits[0] <= limits[1] <= bounds.max:
        raise UsageError(
            f"--input-range {info.name}={limits[0]},{limits[1]} is beyond {info.dtype}",
            f"it holds {bounds.min} to {bounds.max}",
        )
    return rng.integers(*limits, size=info.shape, dtype=kind, endpoint=True)


# Files of arrays


def read_array(path: Path, info: TensorInfo) -> Array:
    """The array in a ``.npy``, or the one of the input's name (or the only one) in a ``.npz``.

    Raises UsageError if its shape or type is not the input's, MixnetError if it is damaged.
    """

    def check(shape: Sequence[int], dtype: np.dtype) -> None:
        if tuple(shape) != info.shape or not holds(dtype, info.dtype):
            raise UsageError(
                f"{show(path)}: {_type_word(dtype)} {list(shape)} where input {info.name} takes "
                f"{describe_type(info.dtype)} {list(info.shape)}",
                "save an array of exactly that shape and type with numpy.save",
            )

    return _read(path, info, check)


def read_arrays(path: Path, info: TensorInfo) -> Array:
    """The same with any number of inputs along the first axis: real values, or stored integers.

    Raises UsageError if the file is of another kind, MixnetError if it is damaged.
    """

    def check(shape: Sequence[int], dtype: np.dtype) -> None:
        fits = len(shape) == len(info.shape) and tuple(shape[1:]) == info.shape[1:]
        if not fits or not shape[0] or (dtype.kind != "f" and dtype.name != info.dtype):
            rest = ", ".join(map(str, info.shape[1:]))
            raise UsageError(
                f"{show(path)}: {_type_word(dtype)} {list(shape)} where input {info.name} takes"
                f" float32 [any number, {rest}]",
                "save one array of all inputs with numpy.save or numpy.savez",
            )

    return _read(path, info, check)


def _read(path: Path, info: TensorInfo, check: Callable[[Sequence[int], np.dtype], None]) -> Array:
    """An array, once its shape and type have been checked."""
    with _stream(path, info) as stream:
        shape, dtype, read = _header(path, stream)
        check(shape, dtype)
        array = read()
    return np.ascontiguousarray(array.astype(dtype.newbyteorder("="), copy=False))


def _type_word(dtype: np.dtype) -> str:
    return "text" if dtype.kind == "U" else dtype.name


@contextmanager
def _stream(path: Path, info: TensorInfo) -> Iterator[IO[bytes]]:
    """The ``.npy`` to be read: the file itself, or a member of the archive."""
    with opened(path, "write arrays with numpy.save or numpy.savez") as file:
        if path.suffix.lower() != ".npz":
            yield file
            return
        try:
            with zipfile.ZipFile(file) as archive, archive.open(_member(archive, path, info)) as it:
                yield it
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
            raise MixnetError(f"{show(path)} is not a valid .npz file: {error}") from error


def _member(archive: zipfile.ZipFile, path: Path, info: TensorInfo) -> str:
    names = [name for name in archive.namelist() if name.endswith(".npy")]
    wanted = f"{info.name}.npy"
    if wanted in names:
        return wanted
    if len(names) == 1:
        return names[0]
    listed = ", ".join(name.removesuffix(".npy") for name in names) or "none"
    raise UsageError(f"{show(path)} has no array {info.name}", f"it has {listed}")


def _header(path: Path, stream: IO[bytes]) -> tuple[Sequence[int], np.dtype, Callable[[], Array]]:
    """Shape and type, and a function that reads the elements: only what is wanted is read."""
    try:
        version = npy.read_magic(stream)
        reader = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = reader(stream)
    except Exception as error:  # numpy parses the header as Python: SyntaxError, TokenError, ...
        raise MixnetError(
            f"{show(path)} is not a valid .npy file: {' '.join(str(error).split())[:200]}",
            "write it with numpy.save",
        ) from error
    if dtype.hasobject:
        raise MixnetError(
            f"{show(path)} contains Python objects, which are not read",
            "save text as numpy.array([...], dtype=str)",
        )

    def read() -> Array:
        expected = prod(shape) * dtype.itemsize
        data = stream.read(min(expected, FILE_BYTES))
        if len(data) != expected:
            raise MixnetError(
                f"{show(path)} is truncated, or too large", "write it with numpy.save"
            )
        flat = np.frombuffer(data, dtype)
        return flat.reshape(shape, order="F" if fortran else "C")

    return shape, dtype, read


def not_finite(array: Array) -> bool:
    """Whether a float array holds NaN or infinities."""
    return array.dtype.kind == "f" and not bool(np.isfinite(array).all())
