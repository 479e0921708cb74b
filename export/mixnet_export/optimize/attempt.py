"""The interface of a file to ``optimize``, for every format.

An original proposes rewritings as an attempt, writes the result, and verifies it. ``settling``
decides which rewritings remain.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mixnet_common import MixnetError
from mixnet_export.optimize.decisions import Decisions
from mixnet_export.optimize.records import Figures, LeftAlone, OptimizeResult
from mixnet_runtimes.targets import Target

UNPROVEN = "nothing of what could be rewritten is proven equal"


class UnprovenError(MixnetError):
    """Some rewritings, each alone, are not what they were."""

    def __init__(self, failed: Mapping[str, str], hint: str) -> None:
        super().__init__("; ".join(failed.values()), hint)
        self.failed = dict(failed)
        """The difference of each failed rewriting, by its name in a plan."""


@dataclass(frozen=True)
class Attempt:
    """The proposed rewritings of a file."""

    keys: tuple[str, ...]
    """The rewritings by their names in a plan."""
    left: tuple[LeftAlone, ...]
    reason: str
    """Why there is nothing to rewrite; empty if there is."""
    parts: Any
    """The format's data to write and verify it."""


class Original(Protocol):
    """A file that was read, for a target."""

    path: Path
    target: Target
    reason: str
    """Why nothing of it can be changed; empty if it can."""

    @property
    def recorded(self) -> tuple[str, ...]:
        """Packages whose versions its provenance names."""

    def figures(self) -> Figures:
        """It in numbers."""

    def attempt(self, decisions: Decisions) -> Attempt:
        """The proposed rewritings that decisions allow."""

    def content(self, attempt: Attempt, *, allow_fp16: bool = False) -> bytes:
        """The bytes of the rewritten file."""

    def proven(self, result: OptimizeResult, attempt: Attempt, candidate: Path) -> OptimizeResult:
        """The result with what a proof found of the rewritten file.

        Raises UnprovenError with the rewritings that differ, MixnetError if the file does.
        """

    def counted(self, result: OptimizeResult) -> OptimizeResult:
        """The result of a file without rewritings, with what can be found out of it alone."""
