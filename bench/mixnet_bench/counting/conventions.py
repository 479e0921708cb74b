"""The ways in which "FLOPS" of a network are counted, as data.

Published counts of one network differ because they count different things; every count here names
its convention and includes the others.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Convention:
    """What is counted: multiply-adds, and a number of operations per element of a batch norm."""

    key: str
    """In JSON."""
    name: str
    batch_norm_operations: int
    short: str
    """As a column's heading."""

    def apply(self, macs: int, batch_norm_elements: int) -> int:
        """Operations, from multiply-adds and the elements that batch norms compute."""
        return macs + self.batch_norm_operations * batch_norm_elements


CONVENTIONS = (
    Convention("conv_dense", "convolutions and dense layers", 0, "conv + dense"),
    Convention(
        "conv_dense_batch_norm_1",
        "convolutions and dense layers + batch norm at 1 operation per element",
        1,
        "+ BN×1",
    ),
    Convention(
        "conv_dense_batch_norm_2",
        "convolutions and dense layers + batch norm at 2 operations per element",
        2,
        "+ BN×2",
    ),
)

PLAIN = CONVENTIONS[0]
"""What ``macs`` means everywhere; the networks of the paper have no other products."""

ALL_PRODUCTS = "convolutions, dense layers, matrix products, recurrent layers and attention"
"""The same in full, for any file."""


def macs_by_convention(macs: int, batch_norm_elements: int) -> dict[str, int]:
    """The count by each convention's key. A file whose batch norms are folded has one number."""
    return {each.key: each.apply(macs, batch_norm_elements) for each in CONVENTIONS}
