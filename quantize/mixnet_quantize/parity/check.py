"""The parity check from end to end: from opened files and a list of images to a ``Parity``.

It prints only progress and warnings; the report makes tables and JSON.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mixnet_common import MixnetError, UsageError
from mixnet_common.console import say, warn
from mixnet_common.hashing import sha256_of_parts
from mixnet_common.options import CONFIDENCE as CONFIDENCES
from mixnet_common.options import IMAGES, JOBS, LISTED, POINTS
from mixnet_common.progress import progress_by_worker
from mixnet_networks.labels import Labels
from mixnet_quantize.parity import state
from mixnet_quantize.parity.data import Images, Source, find_images
from mixnet_quantize.parity.foresight import foretell
from mixnet_quantize.parity.gate import Verdict, judge
from mixnet_quantize.parity.layers import check_layers, compare_layers
from mixnet_quantize.parity.machine_kind import MachineKind
from mixnet_quantize.parity.pair import Pair, Side
from mixnet_quantize.parity.record import Bounds, Metric, Record, Scored
from mixnet_quantize.parity.run import Chunk, Comparison, Runner, default_jobs, kind_of, run
from mixnet_quantize.parity.tally import Outcome, Tally
from mixnet_quantize.sensitivity import LayerError
from mixnet_runtimes import AS_IT_IS
from mixnet_runtimes.model_files import identity_of
from mixnet_runtimes.probing import Use, check_runs

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Settings:
    """How a comparison is made and judged."""

    budget: float | None = None
    """Points that may be lost: of top-1, or of agreement where there are no labels."""
    confidence: float = CONFIDENCE
    """Level of every two-sided interval."""
    jobs: int | None = None
    """Images evaluated at the same time; None for the number of CPUs, at most 4."""
    state: Path | None = None
    """File for results image by image, from which an interrupted comparison continues."""
    worst: int = 5
    """Number of worst images in the result."""
    layers: int = 0
    """On how many images layers are compared too; 0 for none."""
    metric: Metric | None = None
    """A custom metric: the mean of what it returns for every image is in the outcome."""


@dataclass(frozen=True)
class File:
    """One of the two files, and what ran it."""

    path: Path
    sha256: str
    size_bytes: int
    runtime: str
    runtime_version: str
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Sizes of its inputs in this run."""
    signature: str | None = None
    fp16: bool = False
    """Computed in float16."""


@dataclass(frozen=True)
class Parity:
    """The result of a comparison: the loss of the second file against the first."""

    first: File
    second: File
    images: Images
    classes: int
    resolution: int
    outcome: Outcome
    layers: tuple[LayerError, ...]
    """In the first file's order; empty unless requested."""
    unreadable: tuple[tuple[str, str], ...]
    """Images that are in no number, and why each could not be read."""
    confidence: float
    verdict: Verdict | None
    """None without a budget."""


@dataclass(frozen=True)
class _Work:
    """A comparison that is about to be run."""

    pair: Pair
    images: Images
    settings: Settings
    runner: Runner

    def run(self, indices: Sequence[int], kind: MachineKind | None) -> Generator[Chunk, None, None]:
        """Run the images of some indices; earlier results are of this kind of machine."""
        jobs = self.settings.jobs or default_jobs()
        scored = _scored(self.settings.metric, self.images)
        return self.runner(Comparison(self.pair, self.images, jobs, kind, scored), indices)


def run_here(work: Comparison, indices: Sequence[int]) -> Generator[Chunk, None, None]:
    """Run images in threads of this process. Results come in the images' order."""
    kind = kind_of(work.pair)
    if work.kind is not None and (differences := work.kind.differences(kind)):
        warn(
            f"this machine differs from the one that produced the earlier results ({differences}):"
            " logits may differ in their last digits"
        )
    first, second = work.pair.sides
    jobs = min(work.jobs, len(work.images.names))  # no more workers than images
    pairs = [work.pair, *(Pair(first, second) for _ in range(jobs - 1))]
    with closing(run(pairs, work.images, indices, work.metric)) as chunks:
        for chunk in chunks:
            chunk.kind = kind
            yield chunk


def _scored(metric: Metric | None, images: Images) -> Scored | None:
    """A metric by an image's index."""
    if metric is None:
        return None
    truth = images.truth
    return lambda index, first, second: metric(
        first, second, None if truth is None else truth[index]
    )


def parity(
    first: Side,
    second: Side,
    source: Source,
    settings: Settings,
    labels: Labels = (),
    runner: Runner = run_here,
) -> Parity:
    """Show both files all images of a source and count. ``labels`` are the classes' names.

    ``runner`` runs the images: here, or on other machines. Raises UsageError if files or images
    do not fit each other, MixnetError if a file cannot be run or no image can be read; a loss
    beyond the budget only changes the verdict.
    """
    check_settings(settings)
    if settings.metric is not None and (settings.state is not None or runner is not run_here):
        raise UsageError(
            "a custom metric is computed in this process and not saved",
            "omit the state file and the scheduler",
        )
    check_runs([Use(side.path, side.runtime, side.selection) for side in (first, second)])
    pair = Pair(first, second)
    if settings.layers:
        if first.selection.fp16 or second.selection.fp16:
            raise UsageError("--layers compares files in float32", "omit it, or --fp16")
        check_layers(pair)
    images = find_images(source, pair.classes, labels)
    files = [_file(side, pair, index) for index, side in enumerate((first, second))]
    # Before the long part, so that files without a common layer are refused at once.
    layers = compare_layers(pair, images, settings.layers) if settings.layers else ()
    say(foretell(len(images.names), images.truth is not None, settings.budget, settings.confidence))
    tally = Tally(images.truth, pair.classes, settings.worst)
    work = _Work(pair, images, settings, runner)
    unreadable = _compare_all(work, tally, _key(pair, files, images))
    if not tally.count:
        raise MixnetError(f"none of the {len(unreadable)} images could be read")
    outcome = tally.outcome(settings.confidence)
    budget = settings.budget
    return Parity(
        files[0],
        files[1],
        images,
        pair.classes,
        pair.resolution,
        outcome,
        layers,
        tuple(unreadable),
        settings.confidence,
        None if budget is None else judge(outcome, budget / 100, settings.confidence),
    )


def check_settings(settings: Settings) -> None:
    """Raise UsageError for numbers out of range."""
    if settings.budget is not None:
        POINTS.check(settings.budget, "a budget of")
    CONFIDENCES.check(settings.confidence, "a confidence of")
    if settings.jobs is not None:
        JOBS.check(settings.jobs, "jobs:")
    LISTED.check(settings.worst, "worst images:")
    IMAGES.check(settings.layers, "images to compare layers on:")


def _file(side: Side, pair: Pair, index: int) -> File:
    found, session = identity_of(side.path), pair.models[index].session
    return File(
        side.path,
        found.sha256,
        found.size_bytes,
        session.runtime,
        session.version,
        {each.name: each.shape for each in session.inputs},
        session.signature,
        side.selection.fp16,
    )


def _key(pair: Pair, files: Sequence[File], images: Images) -> dict[str, Any]:
    """The identity of a state file's comparison."""
    listing = (
        f"{name}\0{_size(images.path(index))}\n".encode(errors="surrogateescape")
        for index, name in enumerate(images.names)
    )
    return {
        "files": [file.sha256 for file in files],
        "runtimes": [f"{file.runtime} {file.runtime_version}" for file in files],
        "preprocessing": [_plain(asdict(each)) for each in pair.preprocessings],
        **_selected(pair),
        "images": sha256_of_parts(listing),
    }


def _selected(pair: Pair) -> dict[str, Any]:
    """Sizes and signatures, if any are requested: older states have none."""
    if all(side.selection == AS_IT_IS for side in pair.sides):
        return {}
    return {"selections": [side.selection.to_json() for side in pair.sides]}


def _size(path: Path) -> int:
    """In bytes; -1 for a link to nowhere, which will be unreadable."""
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """In the form read from JSON, where tuples are lists."""
    return {key: list(each) if isinstance(each, tuple) else each for key, each in values.items()}


def _compare_all(work: _Work, tally: Tally, key: state.Key) -> list[tuple[str, str]]:
    """Run what is not in the state file, and count everything. The images that are unreadable."""
    images, kept = work.images, work.settings.state
    done = bytearray(len(images.names))
    unreadable: list[tuple[str, str]] = []
    bounds = Bounds(len(images.names), work.pair.classes)

    def add(record: Record) -> None:
        if not done[record.index]:
            done[record.index] = 1
            tally.add(record)

    with ExitStack() as stack:
        journal = (
            None if kept is None else stack.enter_context(state.opened(kept, key, bounds, add))
        )
        todo = [index for index, each in enumerate(done) if not each]
        if len(todo) < len(done):
            say(f"{len(done) - len(todo)} of {len(done)} images are already in {kept}")
        report = stack.enter_context(progress_by_worker("comparing", len(todo)))
        chunks = stack.enter_context(closing(work.run(todo, journal.kind if journal else None)))
        try:
            for chunk in chunks:
                if journal is not None:
                    journal.append(chunk.records, chunk.kind)
                for record in chunk.records:
                    add(record)
                for name, why in chunk.unreadable:
                    warn(why)
                    unreadable.append((name, why))
                report(chunk.count, chunk.worker)
        except (KeyboardInterrupt, SystemExit):
            if kept is not None:
                say(f"{tally.count} images are in {kept}; the same command continues from there")
            raise
    return sorted(unreadable)
