"""Scores of networks: functions in the user's own files, and the built-in ones.

A score is any callable that takes a ``Candidate`` and returns a number; higher is better. An
exception, or a return value that is not a number, is an error with the candidate's name.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mixnet_bench.architecture_search.chain import Chain
from mixnet_bench.architecture_search.ports import Genotype, Space
from mixnet_common import MixnetError, UsageError, write_whole
from mixnet_common.errors import nearest
from mixnet_common.intervals import Estimate
from mixnet_common.json_object import MOST
from mixnet_common.own_functions import OwnFunction, names_own_function, own_function, reported
from mixnet_common.printable import shown
from mixnet_networks import Network
from mixnet_networks.graph.operators import macs, parameter_count


@dataclass(frozen=True)
class Candidate:
    """A network of the space, the argument of a score. Expensive parts are made on first use."""

    number: int
    """Number of candidates before it."""
    genotype: Genotype
    """The number of the option at each position of the space."""
    latency_ratio: Estimate
    """Its predicted time over the anchor's: ``value``, and ``interval.low`` and ``.high``."""
    latency_ms: float
    """The same in milliseconds, with the anchor's time in the table."""
    space: Space

    @property
    def name(self) -> str:
        """Like ``candidate-17``."""
        return f"candidate-{self.number}"

    @cached_property
    def network(self) -> Network:
        """The network, whose ``graph`` can be built, lowered and exported."""
        return self.space.network(self.genotype)

    @cached_property
    def macs(self) -> int:
        """Multiply-adds for one image."""
        graph = self.network.graph
        return sum(macs(node, graph) for node in graph.nodes)

    @cached_property
    def parameters(self) -> int:
        """Trainable parameters."""
        return parameter_count(self.network.graph.nodes)

    @property
    def toml(self) -> str:
        """The network as the text of a file that every command accepts as a network."""
        return self.space.toml(self.genotype, self.name)

    def save(self, folder: str | Path) -> Path:
        """Write the network's file into a folder; its path, for ``mixnet_mobile.export``."""
        path = Path(folder) / f"{self.name}.toml"
        write_whole(path, self.toml)
        return path


Score = Callable[[Candidate], float]


@dataclass(frozen=True)
class NamedScore:
    """A score, what it is called, and what its results depend on."""

    name: str
    score: Score
    about: str = ""
    """A note on it for the result."""
    sha256: str | None = None
    """Hash of the user's file; None for a built-in score."""
    path: Path | None = None
    best: Genotype | None = None
    """The best network of the space, where that is known."""


PROXY = "a proxy: it does not say how accurate a network is"

SHIPPED: Mapping[str, tuple[Score, str]] = {
    "macs": (lambda candidate: candidate.macs, f"multiply-adds; {PROXY}"),
    "parameters": (lambda candidate: candidate.parameters, f"parameters; {PROXY}"),
}
SYNTHETIC = "synthetic"
"""Name of the score that depends only on a space's options."""


def find_score(text: str, choices: tuple[int, ...]) -> NamedScore:
    """A score by name, or by ``FILE.py:function``. Raises UsageError and MixnetError."""
    if names_own_function(text):
        own = own_function(text, "--score")
        return NamedScore(f"{own.path.name}:{own.name}", own, sha256=own.sha256, path=own.path)
    if text == SYNTHETIC:
        chain = Chain(choices)
        about = "made up, with a known best network; it says nothing of accuracy"
        return NamedScore(text, lambda each: chain(each.genotype), about, best=chain.best())
    if text not in SHIPPED:
        raise UsageError(
            f"unknown score {shown(text)}",
            f"{nearest(text, (*SHIPPED, SYNTHETIC))}, or one of your own: FILE.py:function",
        )
    score, about = SHIPPED[text]
    return NamedScore(text, score, about)


def checked_score(named: NamedScore, candidate: Candidate) -> float:
    """A candidate's score. Raises MixnetError with its name if the function returns no number."""
    what = f"--score {named.name} of {candidate.name}"
    hint = "see its genotype in candidates.jsonl"
    if isinstance(named.score, OwnFunction):
        with reported(what, named.score.path, hint):
            return _number(named.score(candidate), what)
    return _number(named.score(candidate), what)


def _number(value: object, what: str) -> float:
    """A number of any library as Python's. Raises MixnetError for anything else."""
    kind = type(value).__name__
    if isinstance(value, bool | str | bytes | None) or not hasattr(value, "__float__"):
        raise MixnetError(f"{what} returned {shown(value, 40)} ({kind}), not a number")
    try:
        found = float(value)
    except Exception as error:  # an array of several values; a tensor elsewhere
        raise MixnetError(f"{what} returned {kind}, not a single number") from error
    if not math.isfinite(found) or abs(found) > MOST:
        raise MixnetError(f"{what} returned {found:g}; a score must be a finite number")
    return found
