"""How channels are divided among the groups of a convolution (Section 3.2). Pure functions."""

from collections.abc import Callable, Mapping


def equal_partition(channels: int, groups: int) -> tuple[int, ...]:
    """Every group gets the same share; what is left over goes to the first, as the authors do it.

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
