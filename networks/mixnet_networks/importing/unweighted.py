"""Names of arrays that training programs store beside weights."""

NO_WEIGHTS = ("num_batches_tracked", "n_averaged", "global_step", "save_counter")
"""Last parts of the names of counters."""


def is_weight(name: str) -> bool:
    """Whether a name is not that of a counter.

    >>> is_weight("bn1.weight"), is_weight("bn1.num_batches_tracked")
    (True, False)
    """
    return name.replace("/", ".").rpartition(".")[2] not in NO_WEIGHTS
