"""The class of a name: by a list, by the labels in a file, or by the order of names.

A guess that could be wrong without being noticed is refused instead.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mixnet_common import UsageError
from mixnet_networks.labels import Labels


@dataclass(frozen=True)
class Naming:
    """The known names of classes."""

    classes: int
    listed: Labels
    """Names listed by the user, in the order of the logits; they take precedence."""
    listed_in: str
    labels: Labels
    """Names that the model file has."""


def by_name(
    names: Sequence[str], naming: Naming, what: str, hint: str
) -> tuple[Mapping[str, int], str]:
    """The class of each distinct name, and where this was read. Raises UsageError with the hint.

    The list decides, else the file's labels where they have any of the names, else the order of
    the names where there are as many as classes.
    """
    if naming.listed:
        return _in_list(names, naming.listed, naming.listed_in, what, hint), naming.listed_in
    if set(naming.labels) & set(names):
        return _in_list(names, naming.labels, "the file's labels", what, hint), "labels"
    if len(names) != naming.classes:
        raise UsageError(f"{len(names)} {what} for {naming.classes} classes", hint)
    if _misleading(names):
        raise UsageError(
            f"the {what} are numbers of different lengths: their alphabetical order is not their"
            " numerical order",
            "name the classes with --labels FILE, one per line in the order of the outputs",
        )
    return {name: index for index, name in enumerate(sorted(names))}, "names"


def position_of(names: Sequence[str], order: Mapping[str, int]) -> tuple[int, ...]:
    """The class of each name."""
    return tuple(order[name] for name in names)


def _in_list(
    names: Sequence[str], known: Labels, said: str, what: str, hint: str
) -> Mapping[str, int]:
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise UsageError(
            f"{len(unknown)} of the {len(names)} {what} are not in {said}: {_few(unknown)}", hint
        )
    twice = sorted(name for name in set(names) if known.count(name) > 1)
    if twice:
        raise UsageError(f"{said}: more than one class is called {_few(twice)}", hint)
    return {name: known.index(name) for name in names}


def _misleading(names: Sequence[str]) -> bool:
    """True for folders 0 to 10, say, where 10 comes before 2."""
    if not all(name.isdecimal() and len(name) < 10 for name in names):
        return False
    return sorted(names) != sorted(names, key=int)


def _few(names: Sequence[str]) -> str:
    """At most three names."""
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
