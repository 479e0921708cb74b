"""The content of a campaign's TOML, as records. Reads nothing and does nothing."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixnet_common.options import (
    CLASSES,
    INFERENCES,
    LAUNCHES,
    MULTIPLIER,
    RESOLUTION,
    SECONDS,
    SEED,
    SOME_IMAGES,
    THREADS,
    TIMEOUT,
    WARMUP,
)
from mixnet_common.records import (
    Check,
    MisfitError,
    anything,
    checked,
    flag,
    integer,
    line,
    list_of,
    one_of,
    within,
)
from mixnet_export.precisions import WITHOUT_SEARCH
from mixnet_runtimes.targets import find_target

PRECISIONS = WITHOUT_SEARCH
"""A mixed precision is a search with its own budget, and is run separately."""

TOGETHER = ("network", "all")
"""Which files take turns: those of one network, or all of the campaign."""

MOST_TOGETHER = 12
"""Files that take turns in one run: their processes are alive at once, and a round stays short."""

HOST = "host"
"""This machine, among devices."""

FORMATS = ("tflite", "onnx")

DEFAULT = "default"
"""The lowering that depends on what a file is made for."""

MOST = 1000
"""Maximum length of a campaign's lists."""


def _listed(element: Check) -> Check:
    return list_of(element, 1, MOST, unique=True)


def _device(value: Any) -> str:
    if value != HOST and not (isinstance(value, str) and value[:4] == "adb:" and value[4:]):
        raise MisfitError("'host' or 'adb:SERIAL'")
    return line(value)


@dataclass(frozen=True)
class Entry:
    """One network of a campaign, at a size and with weights."""

    name: str = checked(line)
    """A network's name, a variant's, or the path of a TOML file beside the campaign's."""
    classes: int | None = checked(within(CLASSES), None)
    resolution: int | None = checked(within(RESOLUTION), None)
    multiplier: float | None = checked(within(MULTIPLIER), None)
    seed: int = checked(within(SEED), 0)
    weights: str | None = checked(line, None)
    """A file of weights beside the campaign's; None for seeded ones."""
    preprocessing: str | None = checked(line, None)
    """How images are prepared: a name, or a TOML file beside the campaign's; None for what the
    weights or else the network say."""
    labels: str | None = checked(line, None)
    """Names of the classes: ``imagenet``, or a file beside the campaign's; None for the names that
    the weights bring."""


def _table_of(check: Check) -> Check:
    """A check for tables by the names of inputs or dimensions; in the order of their names."""

    def checked_table(value: Any) -> tuple[tuple[str, Any], ...]:
        if not isinstance(value, dict) or len(value) > MOST:
            raise MisfitError(f"a table of at most {MOST} names")
        return tuple((line(name), check(each)) for name, each in sorted(value.items()))

    return checked_table


def _range(value: Any) -> tuple[int, int]:
    low, high = list_of(integer(-(2**63), 2**64 - 1), 2, 2)(value)
    if low > high:
        raise MisfitError("the lowest and the highest value, like [0, 49]")
    return low, high


_SIZE = integer(1, 2**31 - 1)


@dataclass(frozen=True)
class FileEntry:
    """Any model file, and how it is run: as the options of ``mixnet-bench latency``."""

    path: str = checked(line)
    """Beside the campaign's TOML."""
    shapes: tuple[tuple[str, tuple[int, ...]], ...] = checked(_table_of(list_of(_SIZE, 1, 16)), ())
    dims: tuple[tuple[str, int], ...] = checked(_table_of(_SIZE), ())
    signature: str | None = checked(line, None)
    inputs: tuple[tuple[str, str], ...] = checked(_table_of(line), ())
    """Paths beside the campaign's TOML."""
    input_ranges: tuple[tuple[str, tuple[int, int]], ...] = checked(_table_of(_range), ())
    fp16: bool = checked(flag, False)


@dataclass(frozen=True)
class Timing:
    """How every file is timed, in the words of ``mixnet-bench latency``."""

    threads: int = checked(within(THREADS), 1)
    launches: int = checked(within(LAUNCHES), 5)
    min_count: int = checked(within(INFERENCES), 100)
    min_time_s: float = checked(within(SECONDS), 5.0)
    warmup: int = checked(within(WARMUP), 10)
    seed: int = checked(within(SEED), 0)
    timeout_s: float = checked(within(TIMEOUT), 60.0)
    pin: str | None = checked(line, None)
    profile: bool = checked(flag, False)
    fp16: bool = checked(flag, False)
    """All files, which are float32 ``.tflite`` ones, are computed in float16."""
    together: str = checked(one_of(TOGETHER), "all")


@dataclass(frozen=True)
class Images:
    """Images for the parity check of every file against its float32 one."""

    data: str = checked(line)
    unlabelled: bool = checked(flag, False)


@dataclass(frozen=True)
class Campaign:
    """Everything that one TOML asks for."""

    title: str = checked(line)
    folder: Path = checked(anything)
    """Folder of the TOML; its relative paths start here."""
    root: Path | None = checked(anything, None)
    """On another machine: the folder of the files that were sent, each under its
    whole path."""
    networks: tuple[Entry, ...] = checked(anything, ())
    files: tuple[FileEntry, ...] = checked(anything, ())
    formats: tuple[str, ...] = checked(_listed(one_of(FORMATS)), ("tflite",))
    precisions: tuple[str, ...] = checked(_listed(one_of(PRECISIONS)), ("float32",))
    lowerings: tuple[str, ...] = checked(_listed(line), ("default",))
    targets: tuple[str, ...] = checked(anything, ())
    """Runtimes and versions that files are made for, at most one of a format; a format without
    one is for its newest runtime."""
    devices: tuple[str, ...] = checked(_listed(_device), (HOST,))
    calibration: str | None = checked(line, None)
    """A folder of images; None for the sample image, which is enough for times only."""
    calibration_images: int = checked(within(SOME_IMAGES), 200)
    verify: bool = checked(flag, True)
    tables: tuple[str, ...] = checked(_listed(line), ())
    """Tables of the paper to compare with."""
    latency: Timing = checked(anything, factory=Timing)
    parity: Images | None = checked(anything, None)

    def target(self, form: str, lowering: str) -> str | None:
        """The target of a format's files; None for the newest, or by a lowering's name."""
        if lowering != DEFAULT:
            return None
        return next((each for each in self.targets if find_target(each).file_format == form), None)
