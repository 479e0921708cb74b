"""What a campaign's TOML says, as records. Reads nothing and does nothing."""

from dataclasses import dataclass, field
from pathlib import Path

PRECISIONS = ("float32", "float16", "int8", "int8-dynamic")
"""A mixed precision is a search with a budget of its own, and is run by hand."""

TOGETHER = ("network", "all")
"""Which files take turns: those of one network, or all of the campaign."""

HOST = "host"
"""This machine, among devices."""


@dataclass(frozen=True)
class Entry:
    """One network of a campaign, at a size and with weights."""

    name: str
    """A network's name, a variant's, or the path of a TOML file beside the campaign's."""
    classes: int | None = None
    resolution: int | None = None
    multiplier: float | None = None
    seed: int = 0
    weights: str | None = None
    """A file of weights beside the campaign's; None for seeded ones."""


@dataclass(frozen=True)
class Timing:
    """How every file is timed, in the words of ``mixnet-bench latency``."""

    threads: int = 1
    launches: int = 5
    min_count: int = 100
    min_time_s: float = 5.0
    warmup: int = 10
    seed: int = 0
    timeout_s: float = 60.0
    pin: str | None = None
    profile: bool = False
    together: str = "network"


@dataclass(frozen=True)
class Images:
    """Images for the parity check of every file against its float32 one."""

    data: str
    unlabelled: bool = False


@dataclass(frozen=True)
class Campaign:
    """Everything that one TOML asks for."""

    title: str
    folder: Path
    """Where the TOML lies; its relative paths start here."""
    networks: tuple[Entry, ...]
    formats: tuple[str, ...] = ("tflite",)
    precisions: tuple[str, ...] = ("float32",)
    lowerings: tuple[str, ...] = ("default",)
    devices: tuple[str, ...] = (HOST,)
    calibration: str | None = None
    """A folder of images; None for the shipped picture, which is enough for times only."""
    calibration_images: int = 200
    verify: bool = True
    tables: tuple[str, ...] = ()
    """Tables of the paper to compare with."""
    latency: Timing = field(default_factory=Timing)
    parity: Images | None = None
