"""The per-layer table of a comparison: where in the network the second file begins to deviate.

It runs both files on a few of the images; ``mixnet_quantize.sensitivity`` measures.
"""

from collections.abc import Iterator
from pathlib import Path

from mixnet_common import UsageError
from mixnet_common.progress import progress
from mixnet_quantize.activations.observe import observe_file
from mixnet_quantize.images import batches, load_images, spread
from mixnet_quantize.parity.data import Images
from mixnet_quantize.parity.pair import Batch, Pair
from mixnet_quantize.sensitivity import LayerError, layer_differences


def check_layers(pair: Pair) -> None:
    """Raise UsageError if the two files cannot take the same arrays."""
    first, second = pair.models
    paths = f"{first.session.path} and {second.session.path}"
    if pair.preprocessings[0] != pair.preprocessings[1]:
        raise UsageError(
            f"{paths} need different preprocessing, so their layers cannot be compared",
            "omit --layers, or export both with the same preprocessing",
        )
    if first.batch != second.batch:
        raise UsageError(
            f"{paths} take {first.batch} and {second.batch} images at once",
            "omit --layers, or export both with the same --batch",
        )


def compare_layers(pair: Pair, images: Images, count: int) -> tuple[LayerError, ...]:
    """The error at every layer that both files have, over ``count`` evenly spread images.

    Raises MixnetError if the files have no layer in common.
    """
    paths = [images.path(index) for index in range(len(images.names))]
    chosen = spread(paths, count)
    first, second = (observe_file(side.path, selection=side.selection) for side in pair.sides)
    with progress("comparing layers", -(-len(chosen) // pair.batch)) as step:
        samples = _samples(pair, chosen)
        return tuple(layer_differences(first, second, samples, step))


def _samples(pair: Pair, paths: tuple[Path, ...]) -> Iterator[Batch]:
    loaded = load_images(paths, pair.resolution, pair.preprocessings[0])
    yield from batches(loaded, pair.batch)
