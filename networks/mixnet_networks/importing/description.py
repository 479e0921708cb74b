"""Information on a network from a weights file or from the files beside it. Data only.

If several sources contradict each other, the file itself takes precedence over files beside it, and
both over file names.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Generic, TypeVar

from mixnet_networks.architecture import Architecture, Preprocessing, load_architecture
from mixnet_networks.architecture.aliases import Alias, find_network

Value = TypeVar("Value")


@dataclass(frozen=True)
class Stated(Generic[Value]):
    """A value, and where it is said: ``config.json``, ``'args' in the file``."""

    value: Value
    where: str


@dataclass(frozen=True)
class Named:
    """A network's name as written there, and its name here; None if unknown."""

    text: str
    alias: Alias | None

    @property
    def architecture(self) -> Architecture | None:
        """The network's rows."""
        return load_architecture(self.alias.network) if self.alias else None


@dataclass(frozen=True)
class Description:
    """The description of a network; None if unknown. ``mean`` and ``std`` are for pixels to 255."""

    network: Stated[Named] | None = None
    tag: Stated[str] | None = None
    """timm's tag of the published weights that a model may have begun with."""
    padding: Stated[str] | None = None
    epsilon: Stated[float] | None = None
    classes: Stated[int] | None = None
    resolution: Stated[int] | None = None
    mean: Stated[tuple[float, ...]] | None = None
    std: Stated[tuple[float, ...]] | None = None
    crop: Stated[float] | None = None
    interpolation: Stated[str] | None = None
    labels: Stated[tuple[str, ...]] | None = None
    warnings: tuple[str, ...] = ()
    """Information that cannot be used."""

    @property
    def alias(self) -> Alias | None:
        """Our network with that name."""
        return self.network.value.alias if self.network else None

    def over(self, other: "Description") -> "Description":
        """Completed by another description; where they differ, this one holds."""
        both = {
            field.name: getattr(self, field.name) or getattr(other, field.name)
            for field in fields(self)
        }
        both["network"] = _named(self, other)
        both["warnings"] = (*self.warnings, *other.warnings, *_differences(self, other))
        return Description(**both)

    def conventions(self) -> tuple[Stated[str] | None, Stated[float] | None]:
        """Padding and epsilon, as stated or as the named network has them."""
        named = self.network.value.architecture if self.network else None
        if named is None or self.network is None:
            return self.padding, self.epsilon
        where = f"{self.network.where} ({self.network.value.text})"
        return (
            self.padding or Stated(named.padding, where),
            self.epsilon or Stated(named.epsilon, where),
        )

    def preprocessing(self, own: Preprocessing) -> Preprocessing:
        """A network's preprocessing with what is stated in its place, as timm resizes and crops."""
        stated = self._preprocessing()
        if not stated:
            return own
        changes: dict[str, Any] = {
            key: _of_three(each.value) if key in ("mean", "std") else each.value
            for key, each in stated.items()
        }
        whole = replace(own, mean=_of_three(own.mean), std=_of_three(own.std))
        return replace(whole, **changes, order="resize-crop", sampler="pillow")

    def _preprocessing(self) -> Mapping[str, Stated[Any]]:
        keys = ("mean", "std", "crop", "interpolation")
        stated = {key: getattr(self, key) for key in keys}
        return {key: each for key, each in stated.items() if each is not None}

    @property
    def preprocessing_place(self) -> str:
        """Source of the preprocessing; empty if there is none."""
        return next((each.where for each in self._preprocessing().values()), "")


NOTHING = Description()
"""Description of a file without information."""


def _named(first: Description, second: Description) -> Stated[Named] | None:
    """The network of two descriptions: a known one before an unknown one, then the first.

    Where both have the same name, the one that is for published weights: it knows more.
    """
    one, other = first.network, second.network
    if one is None or other is None or other.value.alias is None:
        return one or other
    same = one.value.text == other.value.text and one.value.alias == find_network(one.value.text)
    return other if one.value.alias is None or same else one


def _differences(first: Description, second: Description) -> tuple[str, ...]:
    """A warning where two name different networks; only their names can be at odds in silence."""
    one, other = first.network, second.network
    if one is None or other is None or None in (first.alias, second.alias):
        return ()
    if first.alias == second.alias or one.value.text == other.value.text:
        return ()
    return (
        f"{one.where} says {one.value.text} and {other.where} {other.value.text}:"
        f" {one.value.text} is taken",
    )


def _of_three(values: tuple[float, ...]) -> tuple[float, ...]:
    return values * 3 if len(values) == 1 else values
