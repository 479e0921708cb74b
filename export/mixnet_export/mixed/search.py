"""The search for a mixed precision: the fewest layers in float32 that keep int8 within a budget.

A loop over functions that are arguments; it builds, runs and times nothing itself, and returns all
steps.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mixnet_common import MixnetError
from mixnet_common.intervals import Estimate
from mixnet_networks.building.build import block_of
from mixnet_quantize.sensitivity import LayerError

Layers = tuple[str, ...]


def show_time(time: Estimate) -> str:
    """A ratio of times and its interval, as printed."""
    if time.interval is None:
        return f"{time.value:.2f}"
    return f"{time.value:.2f} ({time.interval.low:.2f}–{time.interval.high:.2f})"


@dataclass(frozen=True)
class MeasuredMixture:
    """The loss of accuracy of a file."""

    loss: float
    """Points of top-1, or of agreement where there are no labels."""
    holds: bool
    """Whether that is within the budget."""
    db: float | None
    """Signal to noise of the logits; None if nothing differs."""
    measure: str
    """``top-1``, or ``agreement`` where there are no labels."""


@dataclass(frozen=True)
class Step:
    """One file on the way."""

    float_layers: Layers
    loss: float
    holds: bool
    db: float | None
    time: Estimate
    """Its time over the float32 file's, measured in turns."""
    size_bytes: int

    @property
    def time_ratio(self) -> float:
        """Its time over the float32 file's."""
        return self.time.value

    @property
    def faster(self) -> bool:
        """Whether it is faster than float32, and not by chance: its whole interval is below 1."""
        return self.time.interval is not None and self.time.interval.high < 1

    @property
    def acceptable(self) -> bool:
        """Within the budget and faster than float32."""
        return self.holds and self.faster

    def as_json(self) -> dict[str, Any]:
        """The record as JSON keys."""
        bounds = self.time.interval
        return {
            "float_layers": list(self.float_layers),
            "loss": self.loss,
            "holds": self.holds,
            "db": self.db,
            "time_ratio": self.time_ratio,
            "time_ratio_interval": None if bounds is None else [bounds.low, bounds.high],
            "size_bytes": self.size_bytes,
        }


@dataclass(frozen=True)
class Front:
    """The file that was chosen, and every step that led to it, in the order of trying."""

    content: bytes
    chosen: Step
    steps: tuple[Step, ...]
    measure: str
    """Measure of the losses: ``top-1`` or ``agreement``."""


class NoMixtureError(MixnetError):
    """No file is both within the budget and faster than float32; ``steps`` are the attempts."""

    def __init__(self, steps: Sequence[Step]) -> None:
        best = min(steps, key=lambda step: (not step.faster, step.loss))
        count = len(best.float_layers)
        super().__init__(
            "no mix of int8 and float32 is within the budget and faster than float32: the best"
            f" of {len(steps)} loses {best.loss:.2f} points at {show_time(best.time)} of float32's"
            f" time, with {count} {'block' if count == 1 else 'blocks'} in float32",
            "use more calibration images, other --ranges or a larger --budget",
        )
        self.steps = tuple(steps)


def search(
    ranked: Callable[[bytes], Sequence[str]],
    build: Callable[[Layers], bytes],
    measure: Callable[[bytes], MeasuredMixture],
    time: Callable[[bytes], Estimate],
    tell: Callable[[Step], object] = lambda step: None,
) -> Front:
    """The smallest set of layers in float32 that ``measure`` accepts, faster by ``time``.

    ``ranked`` names the layers that may be kept, the most sensitive first, from the plain int8
    file; ``build`` writes a file with some of them in float32. Tried are none, then 1, 2, 4 … of
    the first ones until the budget holds, then the numbers between by halving, then the set
    without each of its members. About 2 log n + k files are built for k of n layers; with the loss
    falling as layers are added, as it does but for noise, no smaller beginning of the ranking
    holds. ``tell`` is called with every step. Raises NoMixtureError if there is none.
    """
    walk = _Walk(build, measure, time, tell)
    if walk.at(()).acceptable:
        return walk.front(())
    if not walk.at(()).faster:
        raise NoMixtureError(walk.steps)
    layers = tuple(ranked(walk.contents[()]))
    low, high = _gallop(walk, layers)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if walk.at(layers[:middle]).holds else (middle, high)
    chosen = _without_surplus(walk, layers[:high])
    if not walk.at(chosen).acceptable:
        raise NoMixtureError(walk.steps)
    return walk.front(chosen)


def rank(errors: Sequence[LayerError]) -> list[str]:
    """Blocks by the noise that each adds, the most first, from the error at every layer.

    What a block adds is the noise-to-signal ratio at its end less that at the block's before it.
    """
    ends: dict[str, float] = {}
    for error in errors:
        ends[_block(error.name)] = error.noise / error.signal if error.signal else 0.0
    added = dict(zip(ends, _differences(list(ends.values())), strict=True))
    return sorted(added, key=lambda block: -added[block])


def front_rows(steps: Sequence[Step], chosen: Step) -> list[tuple[str, ...]]:
    """The front as a table's rows, the fewest float layers first."""
    ordered = sorted(steps, key=lambda step: (len(step.float_layers), step.loss))
    return [
        (
            ", ".join(step.float_layers) or "none",
            f"{step.loss:.2f}",
            "equal" if step.db is None else f"{step.db:.1f}",
            show_time(step.time),
            f"{step.size_bytes / 1e6:.1f} MB",
            "chosen" if step == chosen else "within" if step.holds else "beyond",
        )
        for step in ordered
    ]


MEASURED_ON = {"top-1": "labels", "agreement": "agreement"}
"""Their name in a file's provenance."""

COLUMNS = ("in float32", "points lost", "dB", "time", "size", "budget")
"""A row of ``front_rows``; the time is relative to float32's."""


class _Walk:
    """Every file tried so far, each built once."""

    def __init__(
        self,
        build: Callable[[Layers], bytes],
        measure: Callable[[bytes], MeasuredMixture],
        time: Callable[[bytes], Estimate],
        tell: Callable[[Step], object],
    ) -> None:
        self._build, self._measure, self._time, self._tell = build, measure, time, tell
        self._steps: dict[Layers, Step] = {}
        self._kind = ""
        self.contents: dict[Layers, bytes] = {}

    @property
    def steps(self) -> tuple[Step, ...]:
        return tuple(self._steps.values())

    def at(self, layers: Layers) -> Step:
        """The step with these layers in float32."""
        if layers not in self._steps:
            content = self._build(layers)
            measured = self._measure(content)
            self._kind = measured.measure  # of the same images, so of all files
            step = Step(
                layers,
                measured.loss,
                measured.holds,
                measured.db,
                self._time(content),
                len(content),
            )
            self._steps[layers] = step
            self.contents[layers] = content
            self._tell(step)
        return self._steps[layers]

    def front(self, layers: Layers) -> Front:
        return Front(self.contents[layers], self._steps[layers], self.steps, self._kind)


def _gallop(walk: _Walk, layers: Layers) -> tuple[int, int]:
    """A number of layers that is too small, and a larger one that holds.

    Raises NoMixtureError if files become as slow as float32 before one holds.
    """
    low, high = 0, 1
    while low < len(layers):
        high = min(high, len(layers))
        step = walk.at(layers[:high])
        if step.holds:
            return low, high
        if not step.faster:
            break
        low, high = high, 2 * high
    raise NoMixtureError(walk.steps)


def _without_surplus(walk: _Walk, layers: Layers) -> Layers:
    """The layers without those that are not needed, the least sensitive removed first."""
    for layer in reversed(layers[:-1]):
        fewer = tuple(each for each in layers if each != layer)
        if walk.at(fewer).acceptable:
            layers = fewer
    return layers


def _differences(values: Sequence[float]) -> list[float]:
    return [value - before for before, value in zip([0.0, *values], values, strict=False)]


def _block(name: str) -> str:
    """The block of an activation; logits belong to the head."""
    return "head" if name.startswith("logits") else block_of(name)


def search_json(front: Front, budget: float) -> Mapping[str, Any]:
    """The search as JSON keys: what was chosen and every step that was tried."""
    return {
        "budget": budget,
        "measured_on": MEASURED_ON[front.measure],
        "float_layers": list(front.chosen.float_layers),
        "steps": [step.as_json() for step in front.steps],
    }
