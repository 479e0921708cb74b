"""The multiply-adds of Einsum, from its equation and its operands' sizes. Pure.

Two operands take the product of all indices' sizes. More are multiplied pair by pair from the left,
as onnxruntime and PyTorch do: an index is summed away as soon as nothing else needs it. One operand
is only rearranged or summed, which takes none.
"""

from collections.abc import Sequence
from math import prod

from mixnet_bench.counting.operands import MisfitError, Operands, Sizes


def einsum(operands: Operands) -> int:
    """The multiply-adds of an Einsum operator. Raises UnknownError."""
    count = len(operands.inputs)
    return contraction(
        str(operands.attributes.get("equation", "")), [operands.sizes(i) for i in range(count)]
    )


def contraction(equation: str, shapes: Sequence[Sizes]) -> int:
    """The multiply-adds of an equation. Raises MisfitError if it does not fit the shapes.

    >>> contraction("bhid,bhjd->bhij", [(1, 8, 64, 32), (1, 8, 64, 32)])
    1048576
    >>> contraction("ij,jk,kl", [(2, 3), (3, 4), (4, 5)])  # 2·3·4 and 2·4·5
    64
    """
    left, arrow, right = equation.replace(" ", "").partition("->")
    words = left.split(",")
    if len(words) != len(shapes):
        raise MisfitError(f"its equation {equation!r} does not have one term per input")
    terms = [_labels(word, len(shape)) for word, shape in zip(words, shapes, strict=True)]
    sizes = _sizes(terms, shapes)
    result = _result(right, terms) if arrow else _implicit(terms)
    return _pair_by_pair([set(term) for term in terms], set(result), sizes)


def _labels(word: str, axes: int) -> list[str]:
    """An index for each axis; those of an ellipsis are numbered from the last."""
    before, dots, after = word.partition("...")
    rest = axes - len(before) - len(after)
    if rest < 0 or (rest and not dots) or (not (before + after).isalpha() and before + after):
        raise MisfitError(f"the term {word!r} does not fit a tensor of {axes} axes")
    return [*before, *(f".{place}" for place in range(rest, 0, -1)), *after]


def _sizes(terms: Sequence[Sequence[str]], shapes: Sequence[Sizes]) -> dict[str, int]:
    found: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=True):
        for label, size in zip(term, shape, strict=True):
            known = found.setdefault(label, size)
            if 1 not in (known, size) and known != size:
                raise MisfitError(f"the index {label!r} has the sizes {known} and {size}")
            found[label] = max(known, size)
    return found


def _result(word: str, terms: Sequence[Sequence[str]]) -> set[str]:
    labels = set(word.replace(".", ""))
    if "..." in word:
        labels |= {label for term in terms for label in term if label[0] == "."}
    return labels


def _implicit(terms: Sequence[Sequence[str]]) -> set[str]:
    """Without an arrow: every index that occurs once, and those of an ellipsis."""
    every = [label for term in terms for label in term]
    return {label for label in every if label[0] == "." or every.count(label) == 1}


def _pair_by_pair(terms: list[set[str]], result: set[str], sizes: dict[str, int]) -> int:
    total, together = 0, terms[0]
    for place, term in enumerate(terms[1:], 2):
        total += prod(sizes[label] for label in together | term)
        together = (together | term) & result.union(*terms[place:])
    return total
