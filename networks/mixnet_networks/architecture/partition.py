"""How channels are divided among the groups of a convolution (Section 3.2). Pure functions."""

from collections.abc import Callable, Mapping

from mixnet_common import UsageError


def equal_partition(channels: int, groups: int) -> tuple[int, ...]:
    """Every group gets the same share; the first also gets the remainder, as in the authors' code.

    >>> equal_partition(32, 4)
    (8, 8, 8, 8)
    >>> equal_partition(10, 3)
    (4, 3, 3)
    """
    share = channels // groups
    return (channels - share * (groups - 1), *[share] * (groups - 1))


def exponential_partition(channels: int, groups: int) -> tuple[int, ...]:
    """The i-th group gets about 2^-i of the channels, the last one whatever remains.

    >>> exponential_partition(32, 4)
    (16, 8, 4, 4)
    """
    shares = [channels >> index for index in range(1, groups)]
    return (*shares, channels - sum(shares))


PARTITIONS: Mapping[str, Callable[[int, int], tuple[int, ...]]] = {
    "equal": equal_partition,
    "exponential": exponential_partition,
}

FEWEST: Mapping[str, Callable[[int], int]] = {
    "equal": lambda groups: groups,
    "exponential": lambda groups: 1 << (groups - 1),
}
"""The smallest number of channels for which no group is empty."""


def divide(channels: int, groups: int, partition: str) -> tuple[int, ...]:
    """Channels divided by a partition's name. Raises UsageError if a group would be empty."""
    if channels < FEWEST[partition](groups):
        raise UsageError(
            f"{channels} channels are too few for {groups} groups divided {_ADVERBS[partition]}:"
            f" at least {FEWEST[partition](groups)} are needed",
            "take fewer kernel sizes, more channels"
            + (", or omit +exp" if partition == "exponential" else ""),
        )
    return PARTITIONS[partition](channels, groups)


_ADVERBS = {"equal": "equally", "exponential": "exponentially"}
