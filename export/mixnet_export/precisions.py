"""The precisions of a file, by name; a file's name ends in its precision."""

FLOAT32 = "float32"

PRECISIONS = (FLOAT32, "float16", "int8", "int8-dynamic", "mixed")

WITHOUT_SEARCH = tuple(each for each in PRECISIONS if each != "mixed")
"""Those that need no search with a budget."""


def split_precision(stem: str) -> tuple[str, str]:
    """A file's stem without its precision, and that; a name without one is of a float32 file.

    >>> split_precision("mixnet-s-int8-dynamic"), split_precision("mixnet-s")
    (('mixnet-s', 'int8-dynamic'), ('mixnet-s', 'float32'))
    """
    for precision in PRECISIONS[1:]:
        if stem.endswith(f"-{precision}"):
            return stem.removesuffix(f"-{precision}"), precision
    return stem, FLOAT32
