"""Decides which large convolutions of an int8 file get int8 tiles, on a user's images.

The runs are in ``trials``, in a separate process. A convolution that is not faster, or differs by
more than one step on any image, has float32 tiles, and the reason is reported.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mixnet_common import UsageError
from mixnet_common.readers import show
from mixnet_common.temporary import temporary_folder
from mixnet_export.optimize.calibrating.pictures import Pictures, read_pictures
from mixnet_export.optimize.choosing import costs_of, int8_tiles_cost
from mixnet_export.optimize.decisions import INT8_TILES, Decisions
from mixnet_export.optimize.document import Document
from mixnet_export.optimize.interpreting import input_info, open_interpreter
from mixnet_export.optimize.rewriting import Requantized, Rewriting
from mixnet_runtimes import child
from mixnet_runtimes.targets import Target

LEAST_PICTURES = 8
"""With fewer, ranges that they set say little of others."""

TIMEOUT_S = 1800.0

NOT_FASTER = "int8 tiles are not expected to be faster"

FEW = f"fewer than {LEAST_PICTURES} pictures are too few for int8 ranges"

ELSEWHERE = "it is not in the main graph, which the pictures run through"


class Calibrator:
    """Gives int8 rewritings of one file tiles in int8. Every convolution is tried once."""

    def __init__(self, given: Path, document: Document, target: Target) -> None:
        self._given, self._document, self._target = given, document, target
        self._known: dict[str, Requantized | str] = {}
        self.pictures: Pictures | None = None
        """None if no convolution needs any."""

    def requantized(
        self, document: Document, chosen: Sequence[Rewriting], decisions: Decisions
    ) -> tuple[list[Rewriting], dict[str, str]]:
        """The rewritings, some with int8 tiles; and by name why others of int8 have none.

        ``document`` is what they are to be made in. Raises UsageError for pictures that are none,
        or for a file that takes none, and MixnetError if none can be read.
        """
        open_ones = [
            number
            for number, each in enumerate(chosen)
            if each.found.is_int8 and each.requantized is None
        ]
        if open_ones and self.pictures is None:
            self.pictures = _read(self._given, self._document)
        new = [number for number in open_ones if chosen[number].found.name not in self._known]
        self._try(document, chosen, new)
        now, reasons = list(chosen), dict[str, str]()
        for number in open_ones:
            name = chosen[number].found.name
            found = decisions.why_not(INT8_TILES, name) or self._known[name]
            if isinstance(found, Requantized):
                now[number] = replace(chosen[number], requantized=found)
            else:
                reasons[name] = found
        return now, reasons

    def _try(self, document: Document, chosen: Sequence[Rewriting], numbers: Sequence[int]) -> None:
        """Find out of convolutions, by their numbers, which tiles they can have."""
        wanted = []
        for number in numbers:
            if why := self._reason(chosen[number]):
                self._known[chosen[number].found.name] = why
            else:
                wanted.append(number)
        if not wanted:
            return
        answer = self._asked(document, chosen, wanted)
        for number, seen in zip(wanted, answer["trials"], strict=True):
            found: Requantized | str = seen["why"]
            if not found:
                scales = tuple((float(scale), int(zero)) for scale, zero in seen["scales"])
                found = Requantized(tuple(seen["order"]), scales)
            self._known[chosen[number].found.name] = found

    def _reason(self, rewriting: Rewriting) -> str:
        """Why an operator is not tried; empty if it is."""
        if rewriting.found.subgraph:
            return ELSEWHERE
        if not _is_faster(rewriting, self._target):
            return NOT_FASTER
        assert self.pictures is not None
        return "" if self.pictures.count >= LEAST_PICTURES else FEW

    def _asked(
        self, document: Document, chosen: Sequence[Rewriting], wanted: Sequence[int]
    ) -> Mapping[str, Any]:
        assert self.pictures is not None
        with temporary_folder() as folder:
            path, pictures = folder / "base.tflite", folder / "pictures.npy"
            path.write_bytes(document.content)
            np.save(pictures, self.pictures.inputs)
            request = {
                "path": str(path),
                "original": str(document.path),
                "pictures": str(pictures),
                "target": self._target.name,
                "rewritten": [(each.found.subgraph, each.found.operator) for each in chosen],
                "wanted": list(wanted),
            }
            limits = child.limits_for(path, TIMEOUT_S)
            question = "mixnet_export.optimize.calibrating.trials:measure"
            return child.ask(question, document.path, request, limits)


def exact_in_int8(rewriting: Rewriting, target: Target) -> Rewriting:
    """The same in int8 where it is an int8 convolution with one tile, which has nothing to add."""
    single = len(rewriting.choice.tiles) == 1 and not rewriting.is_whole
    if not single or not rewriting.found.is_int8 or not _is_faster(rewriting, target):
        return rewriting
    return replace(rewriting, requantized=Requantized((0,), ()))


def _is_faster(rewriting: Rewriting, target: Target) -> bool:
    """Whether int8 tiles are expected to be faster than float32 ones."""
    if rewriting.is_whole:
        return False
    found, choice = rewriting.found, rewriting.choice
    kernels = target.tiles(found.form)
    return int8_tiles_cost(found.shape, choice.tiles, kernels, costs_of(target)) < choice.cost


def _read(given: Path, document: Document) -> Pictures:
    """The pictures as inputs of a file. Raises like ``read_pictures``."""
    if len(document.model.signatureDefs or ()) > 1:
        raise UsageError(
            f"{show(document.path)} has several signatures", "--calibrate takes files of one"
        )
    details = open_interpreter(document, delegates=False).get_input_details()
    if len(details) != 1:
        raise UsageError(
            f"{show(document.path)} has {len(details)} inputs", "--calibrate takes files of one"
        )
    return read_pictures(given, document.path, input_info(details[0], document))
