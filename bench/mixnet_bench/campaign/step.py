"""One step of a campaign, and the key that identifies its result.

A step's key is a hash of everything that its result depends on, so that a saved result is reused
exactly as long as it would be the same.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from mixnet_bench.campaign.record import Campaign, Entry, FileEntry
from mixnet_common.hashing import sha256
from mixnet_networks import Network

NAME_LENGTH = 100


@dataclass(frozen=True)
class CountWork:
    """The inputs of counting a network."""

    network: Network


@dataclass(frozen=True)
class CampaignWork:
    """The inputs of timing and parity."""

    campaign: Campaign


@dataclass(frozen=True)
class ExportWork(CampaignWork):
    """The inputs of an export."""

    entry: Entry
    network: Network


@dataclass(frozen=True)
class FileWork(CampaignWork):
    """The inputs of a step about an existing file."""

    file: FileEntry


Work = CountWork | CampaignWork | None
Asked = TypeVar("Asked", bound=CampaignWork)


@dataclass(frozen=True)
class Step:
    """One step with one result."""

    kind: str
    """``count``, ``export``, ``file`` (an existing one), ``inspect`` (a file's count and
    delegation), ``latency``, ``parity`` or ``paper``."""
    name: str
    """For people, unique within the campaign."""
    inputs: Mapping[str, Any]
    """JSON values: all that the result depends on."""
    needs: tuple["Step", ...] = field(default=(), repr=False)
    """The exports of its files."""
    work: Work = field(default=None, repr=False)
    """Further inputs, by the kind of step; ``count`` and similar kinds have none."""

    @property
    def campaign(self) -> Campaign:
        """Whose step it is. Raises TypeError for a kind that does not depend on that."""
        return self._asked(CampaignWork).campaign

    @property
    def entry(self) -> Entry:
        """The campaign's entry that an export is of. Raises TypeError for another kind."""
        return self._asked(ExportWork).entry

    @property
    def file(self) -> FileEntry:
        """The campaign's entry of an existing file. Raises TypeError for another kind."""
        return self._asked(FileWork).file

    @property
    def network(self) -> Network:
        """The network of the step. Raises TypeError for another kind."""
        if isinstance(self.work, CountWork | ExportWork):
            return self.work.network
        raise TypeError(f"a {self.kind} step has no network")

    def _asked(self, kind: type[Asked]) -> Asked:
        if not isinstance(self.work, kind):
            raise TypeError(f"a {self.kind} step has no {kind.__name__}")
        return self.work

    @property
    def key(self) -> str:
        """A hash of the kind and the inputs."""
        text = json.dumps([self.kind, self.inputs], sort_keys=True, allow_nan=False)
        return sha256(text)

    @property
    def slug(self) -> str:
        """Kind, name and the start of the key, in characters that all file systems allow."""
        safe = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{self.kind}-{self.name}").strip(".-")
        return f"{safe[:NAME_LENGTH]}-{self.key[:12]}"
