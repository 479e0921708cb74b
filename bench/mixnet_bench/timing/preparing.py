"""Prepares the files of a measurement to run, with the options for their inputs.

Options apply to all files of a command: each file uses those that name one of its inputs.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import numpy as np

from mixnet_bench.accuracy.given_images import read_image
from mixnet_bench.timing.latency import Plan
from mixnet_common.console import warn
from mixnet_common.temporary import temporary_folder
from mixnet_runtimes import GivenInputs, Prepared, Selection, prepare
from mixnet_runtimes.given_inputs import not_finite
from mixnet_runtimes.several_files import inputs_for, selections_for

Way = tuple[Selection, GivenInputs]
"""The settings of one file's runs."""


@contextmanager
def prepared(plan: Plan, ways: Sequence[Way] | None = None) -> Iterator[Plan]:
    """The plan with its files made ready to run; copies are gone when the block is left.

    ``ways`` are those of each file, in place of the plan's own for all of them.

    Raises UsageError if options do not fit the files, and MixnetError for files that cannot be
    run as they are, with the option that helps.
    """
    if ways is None:
        selections = selections_for(plan.paths, plan.selection)
        ways = list(zip(selections, inputs_for(plan.paths, selections, plan.inputs), strict=True))
    with temporary_folder() as folder:
        models = tuple(
            prepare(
                path,
                folder / str(number),
                selection,
                given,
                seed=plan.seed,
                read_image=partial(read_image, path),
            )
            for number, (path, (selection, given)) in enumerate(zip(plan.paths, ways, strict=True))
        )
        for model in models:
            _warn_of_values(model)
        yield replace(plan, models=models)


def _warn_of_values(model: Prepared) -> None:
    """Say so where given floats are NaN or infinite: arithmetic on them may take another time."""
    for name, path in model.values.items():
        if not_finite(np.load(path, allow_pickle=False)):
            warn(f"{model.source.name}: the given values of {name} contain NaN or infinities")
