"""One piece of a campaign's work, and the key under which its result is found again.

A step's key is a hash of all that its result depends on, so that a result is found again as long
as it would come out the same, and never afterwards.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mixnet_common.hashing import sha256

NAME_LENGTH = 100


@dataclass(frozen=True)
class Step:
    """One piece of work with one result."""

    kind: str
    """``count``, ``export``, ``file`` (anyone's), ``inspect`` (a file's count and delegation),
    ``latency``, ``parity`` or ``paper``."""
    name: str
    """For people, unique within the campaign."""
    inputs: Mapping[str, Any]
    """JSON values: all that the result depends on."""
    needs: tuple["Step", ...] = field(default=(), repr=False)
    """The exports whose files it is about."""
    work: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What the work takes besides, and its result does not depend on."""

    @property
    def key(self) -> str:
        """A hash of the kind and the inputs."""
        text = json.dumps([self.kind, self.inputs], sort_keys=True, allow_nan=False)
        return sha256(text)

    @property
    def slug(self) -> str:
        """Kind, name and the key's beginning, in characters that any file system takes."""
        safe = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{self.kind}-{self.name}").strip(".-")
        return f"{safe[:NAME_LENGTH]}-{self.key[:12]}"
