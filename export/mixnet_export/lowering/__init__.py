"""Lowerings: a model rewritten into an equal one that a runtime can take, or runs faster.

Each is a small function from model to model; a named lowering is a sequence of them. A new one is
one line in the table below. Nothing here writes files.
"""

from collections.abc import Callable, Mapping

from mixnet_common import UsageError
from mixnet_common.errors import nearest
from mixnet_export.lowering.fold import fold_batch_norm, fuse_activations
from mixnet_export.lowering.groups import expand_groups
from mixnet_export.lowering.model import Model

Pass = Callable[[Model], Model]

LOWERINGS: Mapping[str, tuple[Pass, ...]] = {
    "reference": (fold_batch_norm, fuse_activations, expand_groups),
}
"""``reference`` is the paper's literal form with batch norm folded and activations fused."""

DEFAULT = "reference"


def lower(model: Model, lowering: str = DEFAULT) -> Model:
    """Apply a lowering by name. Raises UsageError where there is none of that name."""
    if lowering not in LOWERINGS:
        raise UsageError(f"no lowering is called {lowering!r}", nearest(lowering, LOWERINGS))
    for step in LOWERINGS[lowering]:
        model = step(model)
    return model


__all__ = ["DEFAULT", "LOWERINGS", "Model", "lower"]
