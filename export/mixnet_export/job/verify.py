"""Verification: compares a new file with another runtime's outputs on the sample image.

It compares outputs and judges the difference, independent of how the file was made.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_common import MixnetError
from mixnet_common.temporary import temporary_folder
from mixnet_export.writers import Format
from mixnet_runtimes import Session, TensorInfo, open_session
from mixnet_runtimes.quantized import to_real, to_stored

Array = NDArray[Any]

TOLERANCE = 1e-4
"""Largest difference allowed between two float32 files, relative to the largest logit."""

USUAL = {"float16": 0.01, "int8-dynamic": 0.05, "int8": 0.1, "mixed": 0.1}
"""By precision: by which part of the largest logit files of trained weights differ at most, as a
rule (MixNet-S on characters: 0.0009, 0.04 and 0.08). Random weights differ by up to five times as
much: their logits have nothing in common with classes."""

DEGENERATE = 1e-3
"""Logits that vary by less than this part of the largest prove nothing when they agree."""


@dataclass(frozen=True)
class Verification:
    """The result of comparing two files on the sample image."""

    runtime: str
    against: str
    largest_difference: float
    """Relative to the largest logit."""
    same_top1: bool
    degenerate: bool
    usual: float | None = None
    """Below which the difference usually is; None if nothing is known of that."""

    @property
    def unusual(self) -> bool:
        """Whether the difference is larger than it should be."""
        return self.usual is not None and self.largest_difference > self.usual

    def as_json(self) -> dict[str, Any]:
        """The record as JSON keys."""
        return asdict(self)

    def __str__(self) -> str:
        top1 = "the same" if self.same_top1 else "another"
        return (
            f"{self.runtime} against {self.against}: largest difference "
            f"{self.largest_difference:.1e} of the largest logit, {top1} top-1"
        )

    def in_words(self) -> str:
        """The result of checking a file that is not exact, in percent."""
        usual = f" (usual: under {100 * self.usual:g} %)" if self.usual else ""
        top1 = "the same" if self.same_top1 else "another"
        return (
            f"differs by {percent(self.largest_difference)} of the largest logit{usual},"
            f" {top1} top-1"
        )


def percent(part: float) -> str:
    """A part of 1 in percent, two digits.

    >>> percent(0.0783), percent(0.224), percent(0.00092)
    ('7.8 %', '22 %', '0.092 %')
    """
    return f"{float(f'{100 * part:.2g}'):g} %"


@dataclass(frozen=True)
class Candidate:
    """The content or path of a model file, its format, and its name in a report."""

    content: bytes | Path
    format: Format
    label: str = ""


def verify(
    candidate: Candidate, reference: Candidate, images: Sequence[Array], *, exact: bool
) -> Verification:
    """Run two files on inputs (batch, h, w, 3), one after the other, and compare their outputs.

    Raises MixnetError if an output is not finite, or, if ``exact``, where they differ by more
    than TOLERANCE.
    """
    ours, runtime = run_candidate(candidate, images)
    theirs, against = run_candidate(reference, images)
    result = _compare(ours, theirs, runtime, f"{against} {reference.label}".strip())
    if exact and result.largest_difference > TOLERANCE:
        raise MixnetError(
            f"the file's outputs are wrong: {result} (at most {TOLERANCE:g})",
            "no file was written; please report this with the network and the weights",
        )
    return result


def _compare(ours: Array, theirs: Array, runtime: str, against: str) -> Verification:
    for output, who in ((ours, runtime), (theirs, against)):
        if not np.isfinite(output).all():
            raise MixnetError(
                f"{who} computes logits that are not finite",
                "the weights may not fit the network; no file was written",
            )
    largest = float(np.abs(theirs).max()) or 1.0
    return Verification(
        runtime,
        against,
        float(np.abs(ours - theirs).max()) / largest,
        bool((ours.argmax(axis=-1) == theirs.argmax(axis=-1)).all()),
        bool(theirs.std() < DEGENERATE * largest),
    )


def run_candidate(candidate: Candidate, images: Sequence[Array]) -> tuple[Array, str]:
    """Open a file once and run it on inputs (batch, h, w, 3); logits, and the runtime's name.

    The logits are float64, those of all inputs one under the other. Several outputs, as a
    detector's, are put behind each other: one row an image. Raises MixnetError if the disk has
    no room for the file.
    """
    if isinstance(candidate.content, Path):
        return _run_file(candidate.content, candidate.format, images)
    with temporary_folder() as folder:
        path = folder / f"model{candidate.format.suffix}"
        path.write_bytes(candidate.content)
        return _run_file(path, candidate.format, images)


def _run_file(path: Path, form: Format, images: Sequence[Array]) -> tuple[Array, str]:
    session = open_session(path)  # gone when this returns: Windows deletes no open file
    results = [_logits(session, session.run(_feed(session, form, image))) for image in images]
    return np.concatenate(results), f"{session.runtime} {session.version}"


def _logits(session: Session, outputs: Mapping[str, Array]) -> Array:
    return _row(to_real(outputs[each.name], each) for each in _by_name(session))


def _by_name(session: Session) -> list[TensorInfo]:
    """The outputs in an order that does not depend on the format."""
    return sorted(session.outputs, key=lambda each: each.name)


def _row(outputs: Iterable[Array]) -> Array:
    return np.concatenate([each.reshape(len(each), -1) for each in outputs], axis=1)


def _feed(session: Session, form: Format, image: Array) -> Mapping[str, Array]:
    (entry,) = session.inputs
    return {entry.name: to_stored(form.from_nhwc(image), entry)}
