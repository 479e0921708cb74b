"""A phone's inputs for a model file as raw bytes, equal to this machine's inputs.

The runner generates inputs itself; if one input of a model is given, all of that model's are sent
as files.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_android.runner.seeded import seeded_input
from mixnet_common import MixnetError
from mixnet_runtimes import Prepared
from mixnet_runtimes.element_types import TEXT


def refuse_text(models: Sequence[Prepared]) -> None:
    """Raise MixnetError for a model that takes text, which has no raw bytes of a known number."""
    for model in models:
        for info in model.inputs:
            if info.dtype == TEXT:
                raise MixnetError(
                    f"{model.source.name}: input {info.name} is text, which cannot be passed to"
                    " the "
                    "runner on phones",
                    "time it on this machine: --on host",
                )


def input_arrays(model: Prepared, seed: int) -> list[NDArray[Any]]:
    """A model's inputs as a phone gets them: given ones, and those that the runner makes up."""
    return [
        np.load(model.values[info.name], allow_pickle=False)
        if info.name in model.values
        else seeded_input(info.shape, info.dtype, seed, index)
        for index, info in enumerate(model.inputs)
    ]


def write_raw(
    models: Sequence[Prepared], seed: int, folder: Path
) -> Mapping[int, tuple[Path, ...]]:
    """Files of the inputs, by model; none for a model whose inputs are all generated."""
    found: dict[int, tuple[Path, ...]] = {}
    for number, model in enumerate(models):
        if not model.values:
            continue
        paths = []
        for index, array in enumerate(input_arrays(model, seed)):
            path = folder / f"model{number}-input{index}.bin"
            path.write_bytes(array.tobytes())
            paths.append(path)
        found[number] = tuple(paths)
    return found
