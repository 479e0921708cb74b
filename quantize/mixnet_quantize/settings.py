"""The settings of quantization: one record, the same for both formats.

Layers are named as in the file. Nothing here opens a file or uses a runtime.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from mixnet_common import UsageError
from mixnet_common.errors import nearest
from mixnet_common.options import PERCENTILE

RANGES = ("min-max", "percentile", "mse", "per-image")
ACTIVATIONS = ("unsigned", "signed")
WEIGHT_BITS = (7, 8)


@dataclass(frozen=True)
class Settings:
    """Everything that determines a quantized file, apart from its calibration inputs."""

    ranges: str = "per-image"
    """How an activation's range follows from its values: one of ``RANGES``. On the trained network
    that ships, this one keeps most (docs/quantization-results.md)."""
    percentile: float = 99.99
    """For ``ranges="percentile"``, and ``"per-image"`` over few images: of the values, the part in
    percent that neither end cuts off."""
    float_layers: tuple[str, ...] = ()
    """Layers that stay in float32, each with everything below its name: ``blocks.4.1`` is a whole
    block, ``blocks.4.1.depthwise`` its depthwise convolutions with their activations."""
    float_nodes: tuple[str, ...] = ()
    """Single operators that stay in float32, by their exact names: tiles of large kernels."""
    integer_io: bool = False
    """Whether integers go in and out of the file, instead of float32."""
    activations: str = "unsigned"
    """For ``.onnx``: whether activations are stored as uint8 or int8 (symmetric)."""
    weight_bits: int = 7
    """For ``.onnx``: bits of the weights that are used; 8 only where all CPUs are known to add
    products in 32 bits (VNNI, ARM)."""

    def __post_init__(self) -> None:
        _check("ranges", self.ranges, RANGES)
        _check("activations", self.activations, ACTIVATIONS)
        PERCENTILE.check(self.percentile, "a percentile of")
        if self.weight_bits not in WEIGHT_BITS:
            raise UsageError(f"weights of {self.weight_bits} bits are not known", "known: 7, 8")

    def is_float(self, name: str) -> bool:
        """Whether the operator of this name stays in float32.

        >>> settings = Settings(float_layers=("blocks.1",), float_nodes=("stem",))
        >>> [settings.is_float(name) for name in ("blocks.1.0.skip", "blocks.10", "stem.act")]
        [True, False, False]
        """
        return name in self.float_nodes or any(below(name, layer) for layer in self.float_layers)

    def check_layers(self, names: Iterable[str]) -> None:
        """Raise UsageError if a float layer is not the name of an operator of the file."""
        known = tuple(names)
        for layer in self.float_layers:
            if not any(below(name, layer) for name in known):
                hint = nearest(layer, {*known, *_blocks(known)})
                raise UsageError(f"the file has no layer {layer!r} to keep in float32", hint)


def below(name: str, layer: str) -> bool:
    """Whether an operator is the layer itself or a part of it.

    >>> below("blocks.1.0.expand", "blocks.1"), below("blocks.10", "blocks.1")
    (True, False)
    """
    return name == layer or name.startswith((f"{layer}.", f"{layer}:"))


def _blocks(names: tuple[str, ...]) -> set[str]:
    """The prefixes of the names, up to each dot."""
    parts = (name.split(".") for name in names)
    return {".".join(each[:count]) for each in parts for count in range(1, len(each))}


def _check(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UsageError(f"{what} cannot be {value!r}", nearest(value, known))


DEFAULT = Settings()
