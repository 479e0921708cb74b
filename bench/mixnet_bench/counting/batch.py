"""By what a file's figures are divided to be those of one image: the batch that it is made for."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from mixnet_bench.counting.record import Layer
from mixnet_runtimes import FileContents
from mixnet_runtimes.contents import Axis

NAMES = ("n", "b", "bs")
"""What writers call a batch, but for names with "batch" in them."""

NO_NAME = "unk__"
"""How names begin that a converter makes up."""


def has_open_batch(inputs: Iterable[Sequence[Axis] | None]) -> bool:
    """Whether the first axis of every input is a batch, as the file states their sizes.

    It is open, and if it has a name, it is one of a batch: a sequence may be open, too.

    >>> has_open_batch([("batch", 3), (None, 5)]), has_open_batch([("sequence", 3)])
    (True, False)
    """
    first = [sizes[0] for sizes in inputs if sizes]
    return bool(first) and all(not isinstance(each, int) and _is_batch(each) for each in first)


def _is_batch(name: str | None) -> bool:
    lower = (name or NO_NAME).lower()
    return "batch" in lower or lower in NAMES or lower.startswith(NO_NAME)


def batch_of(
    contents: FileContents, images: Sequence[int], layers: Iterable[Layer], is_open: bool = False
) -> int | None:
    """The size of the batch; None where no axis is known to be one.

    A convolution says which axis is its batch: ``images`` are the sizes of those. So does a file
    that leaves it open (``is_open``). It is the file's batch where all its inputs and outputs begin
    with that size, too, and every layer's figures can be divided by it. An open batch is 1.
    """
    first = _first_sizes(contents.inputs.values())
    if first <= {1}:
        return 1
    sizes = first | _first_sizes(contents.outputs.values())
    size = next(iter(sizes))
    if len(sizes) > 1 or not size or any(each % size for each in images):
        return None
    if size not in images and not is_open:
        return None
    whole = all((each.macs or 0) % size == 0 for each in _every(layers))
    return size if whole else None


def _first_sizes(tensors: Iterable) -> set[int | None]:  # type: ignore[type-arg]
    return {None if not each.shape else each.shape[0] for each in tensors if each.shape != ()}


def _every(layers: Iterable[Layer]) -> Iterator[Layer]:
    for layer in layers:
        yield layer
        for body in layer.bodies:
            yield from _every(body.layers)


def per_image(layers: Sequence[Layer], batch: int) -> tuple[Layer, ...]:
    """The layers with the figures of one image."""
    return tuple(
        replace(
            layer,
            macs=None if layer.macs is None else layer.macs // batch,
            activations=None if layer.activations is None else layer.activations // batch,
            bodies=tuple(
                replace(body, layers=per_image(body.layers, batch)) for body in layer.bodies
            ),
        )
        for layer in layers
    )
