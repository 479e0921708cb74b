"""Results as a report uses them: records, read from JSON documents elsewhere. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from mixnet_bench.report.sizes import own_sizes
from mixnet_bench.stats.turns import Turn

EMULATED = "EMULATED"
"""Stands wherever a result of an emulator does."""


@dataclass(frozen=True)
class File:
    """The identity of a model file. Unknown values are empty or 0."""

    name: str
    network: str
    file_format: str
    precision: str
    lowering: str = ""
    classes: int = 0
    resolution: int = 0
    given: str = ""
    """Sizes and signature that options gave it, in words."""
    inputs: str = ""
    """Values of its inputs that options gave, in words."""

    @property
    def has_own_sizes(self) -> bool:
        """Whether classes and resolution are the architecture's own, as far as they are known."""
        return not self._sizes

    @property
    def sized_network(self) -> str:
        """The network, with the sizes that are not its own: ``mixnet-s 10 classes 96 pixels``."""
        return " ".join([self.network, *self._sizes])

    @property
    def _sizes(self) -> list[str]:
        classes, resolution = own_sizes(self.network)
        return [
            *([f"{self.classes} classes"] if self.classes not in (0, classes) else []),
            *([f"{self.resolution} pixels"] if self.resolution not in (0, resolution) else []),
            *filter(None, (self.given, self.inputs)),
        ]

    @property
    def kind(self) -> str:
        """All but the network: ``tflite int8 reference``."""
        return " ".join(each for each in (self.file_format, self.precision, self.lowering) if each)

    @property
    def label(self) -> str:
        """The network, in its size, and the kind."""
        return f"{self.sized_network} {self.kind}".strip()


@dataclass(frozen=True)
class Device:
    """The device of a timing."""

    name: str
    threads: int
    emulated: bool = False
    pinned: str = ""

    @property
    def label(self) -> str:
        """For titles and tables; an emulator is called so."""
        threads = f"{self.threads} thread{'' if self.threads == 1 else 's'}"
        parts = [self.name, threads, *([f"CPUs {self.pinned}"] if self.pinned else [])]
        return f"{EMULATED}: " * self.emulated + ", ".join(parts)


@dataclass(frozen=True)
class Against:
    """A file's time over a baseline's, and the conclusion."""

    baseline: str
    side_by_side: bool
    ratio: float
    interval: tuple[float, float] | None
    smallest_difference: float | None
    """As a share."""
    conclusion: str
    reason: str
    """Why there is no conclusion; else empty."""


@dataclass(frozen=True)
class Sustained:
    """The sustained speed of a device: the burst at first, the plateau at last."""

    duration_s: float
    burst_ms: float
    plateau_ms: float
    throttled_after_s: float | None
    windows: tuple[tuple[float, float], ...]
    """Seconds since the first sample, and the median of the samples from then on."""


@dataclass(frozen=True)
class Latency:
    """One file timed on one device; ``run`` identifies those timed side by side."""

    file: File
    device: Device
    run: str
    runtime: str
    size_bytes: int
    launches: tuple[tuple[float, ...], ...]
    """Every sample in milliseconds, launch by launch."""
    median_ms: float
    interval_ms: tuple[float, float]
    p90_ms: float
    first_ms: float
    load_ms: float
    verdict: str
    reasons: tuple[str, ...]
    conditions: Mapping[str, str]
    categories: Mapping[str, float]
    """Microseconds by kind of operator, where the file was profiled."""
    clocks_mhz: tuple[tuple[float, ...], ...] = ()
    """The clock under every sample, launch by launch, NaN where unknown; empty if all are."""
    against: Against | None = None
    sustained: Sustained | None = None
    sha256: str = ""
    """Hash of the file; empty if unknown."""
    turns: tuple[tuple[Turn, ...], ...] = ()
    """The bursts of every launch, by which files of one run are compared; empty if unknown."""

    @property
    def samples_ms(self) -> list[float]:
        """The samples of all launches."""
        return [sample for launch in self.launches for sample in launch]


@dataclass(frozen=True)
class Count:
    """A network's or a file's count, with the delegation where it is known."""

    file: File
    source: str
    params: int
    macs: int | None
    """None if they are unknown."""
    partitions: int | None
    inside: int | None
    outside: int | None
    kinds: Mapping[str, int]
    reasons: Mapping[str, str]


@dataclass(frozen=True)
class Figure:
    """One figure of the paper beside ours."""

    paper: str
    ours: float | None
    deviation_percent: float | None
    verdict: str
    reason: str


@dataclass(frozen=True)
class PaperRow:
    """A row of one of the paper's tables."""

    table: str
    model: str
    network: str
    params: Figure
    macs: Figure
    top1: str
    top5: str
    ours_top1: float | None
    verdict: str


@dataclass(frozen=True)
class Parity:
    """One file compared with another on images."""

    first: str
    second: str
    images: int
    agreement_percent: float
    loss_points: float | None
    loss_interval: tuple[float, float] | None
    first_percent: float | None = None
    """Top-1 of the first file; None without labels."""
    second_percent: float | None = None
    """Top-1 of the second."""
    file: File | None = None
    """The identity of the second file, if more than its name is known."""
    sha256: str = ""
    """Hash of the second file; empty if unknown."""
    is_random: bool = False
    """Whether a file has random weights, so that its accuracy means nothing."""
    calibrated_on_data: bool = False
    """Whether the images also set the ranges of int8."""


@dataclass(frozen=True)
class ProgramTime:
    """One file timed on one device by LiteRT's own program, which keeps no samples."""

    file: File
    device: Device
    run: str
    program: str
    size_bytes: int
    mean_ms: float
    interval_ms: tuple[float, float] | None
    first_ms: float | None
    ratio: float | None
    """To the first file of the run."""
    ratio_interval: tuple[float, float] | None
    delegated: str
    verdict: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Prediction:
    """A network's time by a latency table."""

    network: str
    kind: tuple[str, str]
    """File format and precision."""
    threads: int
    ratio: float
    interval: tuple[float, float]
    latency_ms: float
    latency_interval_ms: tuple[float, float]
    anchor: str
    measured: str
    """How the table was measured."""
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class FrontNetwork:
    """A network of a search's front, with its predicted time."""

    network: str
    score: float
    ratio: float
    """Its predicted time over the anchor's."""
    interval: tuple[float, float] | None
    latency_ms: float
    params: int
    macs: int
    extrapolated: bool = False
    """Whether it is far from the networks that the table was fitted to."""


@dataclass(frozen=True)
class Search:
    """The result of a search of a space."""

    space: str
    score: str
    about: str
    """A note on the score; empty if none."""
    limit: str
    """The limit as given; empty if there was none."""
    limit_ms: float | None
    anchor: str
    measured: str
    """How the table was measured."""
    emulated: bool
    kind: tuple[str, str]
    """File format and precision; empty if unknown."""
    threads: int
    """0 if unknown."""
    confidence: float
    evaluations: int
    failed: int
    front: tuple[FrontNetwork, ...]
    """From the fastest to the slowest."""


@dataclass(frozen=True)
class Results:
    """Everything that a report is made from."""

    latencies: tuple[Latency, ...] = ()
    counts: tuple[Count, ...] = ()
    papers: tuple[PaperRow, ...] = ()
    parities: tuple[Parity, ...] = ()
    programs: tuple[ProgramTime, ...] = ()
    skipped: tuple[str, ...] = ()
    """Files that were given and are not results."""
    predictions: tuple[Prediction, ...] = ()
    searches: tuple[Search, ...] = ()

    def parity_of(self, latency: Latency) -> Parity | None:
        """The comparison in which a timed file is the second."""
        return next(
            (
                each
                for each in self.parities
                if (each.sha256 == latency.sha256 if each.sha256 else each.file == latency.file)
            ),
            None,
        )

    def measured_ms(self, network: str, kind: tuple[str, str], threads: int) -> float | None:
        """The median of the first timing of a network as a kind of file; None without one.

        Times of emulators are none.
        """
        found = (
            each.median_ms
            for each in self.latencies
            if each.file.sized_network == network
            and (each.file.file_format, each.file.precision) == kind
            and each.device.threads == threads
            and not each.device.emulated
        )
        return next(found, None)

    @property
    def devices(self) -> list[Device]:
        """Devices in the order in which they first appear."""
        return list(dict.fromkeys(each.device for each in self.latencies))
