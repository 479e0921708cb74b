"""Compares the whole file with its original: all outputs of all signatures, on several inputs."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_common.decibels import decibels
from mixnet_export.optimize import samples
from mixnet_export.optimize.document import Document
from mixnet_export.optimize.interpreting import called, input_info, invoke, open_interpreter
from mixnet_runtimes.session import TensorInfo
from mixnet_runtimes.tflite.words import decoded_text

Array = NDArray[Any]

Feed = Callable[[TensorInfo], Array]
"""Gives values for any input."""

HUGE = 1e300
"""In place of what is not finite, which JSON cannot hold."""


def made_up() -> list[Feed]:
    """Inputs of every kind."""
    return [partial(samples.sample, kind) for kind in samples.KINDS]


def given(pictures: str) -> list[Feed]:
    """Inputs from a ``.npy`` with one in each entry."""
    runs = np.load(pictures, mmap_mode="r")
    return [lambda info, run=run: run for run in runs]  # type: ignore[misc]


def compare_outputs(
    original: Document,
    candidate: Document,
    blunted: Document | None,
    feeds: Sequence[Feed] | None = None,
) -> Iterator[dict[str, Any]]:
    """Every output of every signature, over all inputs; generated ones without ``feeds``.

    ``blunted`` is the original without the weights of the rewritten operators: an output that is
    the same there says nothing of them. None if they have no weights.
    """
    named = [decoded_text(each.signatureKey) for each in original.model.signatureDefs or ()]
    keys: list[str | None] = [*named] if named else [None]
    feeds = made_up() if feeds is None else feeds
    for key in keys:
        runs = [
            _runs(document, key, delegates, feeds)
            for document, delegates in ((original, True), (original, False), (candidate, True))
        ]
        zeros = _zero_points(original, key)
        without = None if blunted is None else _runs(blunted, key, True, feeds)
        for name in runs[0]:
            first, plain, second = (each[name] for each in runs)
            found = compared(first, plain, second, zeros.get(name, 0))
            change = HUGE if without is None else change_of(first, without[name])
            yield {"signature": key, "name": name, "change": change, **found}


def _runs(
    document: Document, key: str | None, delegates: bool, feeds: Sequence[Feed]
) -> dict[str, list[Array]]:
    """The values of each output for each input."""
    interpreter = open_interpreter(document, delegates=delegates)
    found: dict[str, list[Array]] = {}
    for feed in feeds:
        for name, values in _run(interpreter, document, key, feed).items():
            found.setdefault(name, []).append(values)
    return found


def _run(interpreter: Any, document: Document, key: str | None, feed: Feed) -> dict[str, Array]:
    if key is not None:
        runner = interpreter.get_signature_runner(key)
        details = runner.get_input_details()
        values = {
            name: feed(input_info(detail, document)) for name, detail in sorted(details.items())
        }
        return dict(sorted(called(lambda: runner(**values), document).items()))
    for detail in interpreter.get_input_details():
        interpreter.set_tensor(detail["index"], feed(input_info(detail, document)))
    invoke(interpreter, document)
    return {
        f"{number} {each['name']}": interpreter.get_tensor(each["index"])
        for number, each in enumerate(interpreter.get_output_details())
    }


def _zero_points(document: Document, key: str | None) -> dict[str, int]:
    """The zero point of each quantized output, by its name."""
    interpreter = open_interpreter(document)
    if key is not None:
        details = interpreter.get_signature_runner(key).get_output_details()
    else:
        outputs = interpreter.get_output_details()
        details = {f"{number} {each['name']}": each for number, each in enumerate(outputs)}
    return {name: int(each["quantization"][1]) for name, each in details.items()}


def compared(
    first: list[Array], plain: list[Array], second: list[Array], zero: int = 0
) -> dict[str, Any]:
    """The difference between an output of the candidate (``second``) and the original's.

    ``zero`` is what means zero in it, in which SQNR sees no signal.
    """
    if any(one.shape != other.shape for one, other in zip(first, second, strict=True)):
        return {"dtype": first[0].dtype.name, "comparable": False}
    one, own, other = (_joined(each) for each in (first, plain, second))
    if one.dtype.kind not in "fiub" or own.shape != one.shape:
        return {"dtype": first[0].dtype.name, "comparable": False}
    one, own, other = (each.astype(np.float64) for each in (one, own, other))
    finite = np.isfinite(one)
    return {
        "dtype": first[0].dtype.name,
        "comparable": bool(np.array_equal(finite, np.isfinite(other))),
        "largest": float(np.abs(one[finite]).max(initial=0)),
        "difference": _distance(one, other, finite),
        "own": _distance(one, own, finite & np.isfinite(own)),
        "share": float((one[finite] != other[finite]).mean()) if finite.any() else 0.0,
        "sqnr_db": sqnr(one[finite] - zero, other[finite] - zero),
        "own_sqnr_db": sqnr(one[finite] - zero, own[finite] - zero),
        "spread": _spread(first),
        "finite": bool(finite.all()),
    }


def change_of(first: list[Array], without: list[Array]) -> float:
    """The difference between outputs with other weights; huge if they cannot be compared."""
    one, other = _joined(first), _joined(without)
    if one.shape != other.shape or one.dtype.kind not in "fiub":
        return HUGE
    one, other = one.astype(np.float64), other.astype(np.float64)
    finite = np.isfinite(one)
    if not np.array_equal(finite, np.isfinite(other)):
        return HUGE
    return _distance(one, other, finite)


def _joined(values: list[Array]) -> Array:
    return np.concatenate([each.reshape(-1) for each in values])


def _spread(outputs: list[Array]) -> float:
    """The largest difference between outputs for different inputs."""
    found = 0.0
    for one, other in pairwise(outputs):
        if one.shape == other.shape:
            finite = np.isfinite(one) & np.isfinite(other)
            found = max(found, _distance(one.astype(np.float64), other.astype(np.float64), finite))
    return found


def _distance(one: Array, other: Array, where: Array) -> float:
    found = float(np.abs(one[where] - other[where]).max(initial=0))
    return found if np.isfinite(found) else HUGE


def sqnr(signal: Array, other: Array) -> float | None:
    """Signal to noise in dB; None for no noise, minus infinite for no signal."""
    noise = float(np.square(signal - other).sum())
    return decibels(float(np.square(signal).sum()), noise) if noise else None
