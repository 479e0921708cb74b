"""The parity check on files whose metadata has preprocessing and class names.

``parity`` is the function for programs, ``mixnet_bench.testing.assert_parity`` the one for tests,
and ``mixnet-bench parity`` the command. ``mixnet_quantize.parity`` counts and judges.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from msgspec.structs import replace as replace_fields

from mixnet_bench.cluster.address import Address, parse_address
from mixnet_bench.cluster.connection import connected
from mixnet_bench.cluster.shards import ClusterRunner
from mixnet_bench.counting.inspection import provenance_of
from mixnet_common import UsageError
from mixnet_common.console import warn
from mixnet_common.outputs import check_output, named_files
from mixnet_export.metadata import read_metadata
from mixnet_export.metadata.preparing import ASSUMED, side_metadata
from mixnet_networks.architecture import Preprocessing
from mixnet_networks.images.preprocessing import load_preprocessing, on_pixels
from mixnet_networks.labels import Labels
from mixnet_quantize.images import image_files
from mixnet_quantize.parity import Parity, Settings, Side, Source
from mixnet_quantize.parity import parity as compare
from mixnet_quantize.parity.check import run_here
from mixnet_quantize.parity.report import describe_parity
from mixnet_quantize.parity.result import ComparedFile, ParityResult
from mixnet_quantize.parity.run import Runner
from mixnet_runtimes import AS_IT_IS, Selection
from mixnet_runtimes.model_files import with_companions
from mixnet_runtimes.several_files import selections_for


@dataclass(frozen=True)
class ParityRequest:
    """The files to compare, the images, and the settings."""

    first: Path
    second: Path
    source: Source
    settings: Settings = Settings()  # noqa: RUF009 - it is frozen
    preprocessing: str | None = None
    """Name or TOML file, for both files; None for what the files say."""
    runtimes: tuple[str | None, str | None] = (None, None)
    """Which runtime opens each; None for the first installed one."""
    selection: Selection = AS_IT_IS
    """Sizes and signature, for whichever of the files they name."""
    cluster: Address | None = None
    """Whose workers run the images; None for this process."""
    fp16: bool = False
    """The second file, in float32, is computed in float16."""


@dataclass(frozen=True)
class ParityAnswer:
    """The comparison, and what the files said of themselves."""

    parity: Parity
    preprocessing_from: tuple[str, str]
    """Source of each file's preprocessing: a file, an option, or ``assumed``."""
    labels: Labels
    """Names of the classes; empty if no file has any."""


@dataclass(frozen=True)
class _Said:
    """The metadata of one file."""

    preprocessing: Preprocessing | None
    source: str
    labels: Labels


def parity(first: Path | str, second: Path | str, data: Path | str, **options: Any) -> Parity:
    """Compare two classifiers, ``.tflite`` or ``.onnx``, on a folder of images.

    ``data`` and the options ``classes`` (the command's ``--labels``), ``truth``, ``synsets`` and
    ``unlabelled`` are the fields of ``Source``; ``budget`` (in points), ``confidence``, ``jobs``,
    ``state``, ``worst`` and ``layers`` those of ``Settings``; ``preprocessing``, ``runtimes``,
    ``selection`` and ``fp16`` those of ``ParityRequest``. ``dask`` and ``insecure`` are the
    command's options of the same names. Raises UsageError and MixnetError; a loss beyond the budget
    raises nothing, and stands in ``verdict``.
    """
    return answer(request(first, second, data, **options)).parity


def request(
    first: Path | str, second: Path | str, data: Path | str, **options: Any
) -> ParityRequest:
    """The request of ``parity``'s arguments. Raises TypeError for an unknown option."""
    paths = {
        name: Path(options[name])
        for name in ("truth", "synsets", "state")
        if options.get(name) is not None
    }
    options |= paths
    cluster = parse_address(options.pop("dask", None), options.pop("insecure", False))
    if cluster is not None and options.get("jobs") is not None:
        raise UsageError("--jobs has no effect with --dask, which uses the workers' threads")
    source = Source(Path(data), **_taken(Source, options))
    settings = Settings(**_taken(Settings, options))
    return ParityRequest(Path(first), Path(second), source, settings, cluster=cluster, **options)


def _taken(record: type[Any], options: dict[str, Any]) -> dict[str, Any]:
    """Those options that are fields of a record, which are taken out."""
    return {name: options.pop(name) for name in record.__dataclass_fields__ if name in options}


@contextmanager
def runner_of(cluster: Address | None) -> Iterator[Runner]:
    """Who runs images: this process, or a cluster's workers. Raises UsageError, MixnetError."""
    if cluster is None:
        yield run_here
        return
    with connected(cluster) as workers:
        yield ClusterRunner(workers)


def answer(asked: ParityRequest, runner: Runner | None = None) -> ParityAnswer:
    """Find the preprocessing of both files, and compare. Raises like ``parity``.

    ``runner`` runs the images in the place of whom the request names.
    """
    if asked.settings.state is not None:
        inputs = files_read(asked)
        check_output(asked.settings.state, inputs, option="--state", like="parity.state")
    paths = (asked.first, asked.second)
    said = [_read(path) for path in paths]
    chosen = (
        [_by_option(each, asked.preprocessing) for each in said]
        if asked.preprocessing is not None
        else _by_files(paths, said)
    )
    labels = next((each.labels for each in said if each.labels), ())
    selections = selections_for(paths, asked.selection)
    if asked.fp16:
        selections[1] = replace(selections[1], fp16=True)
    sides = [
        Side(path, preprocessing, runtime, selection)
        for path, (preprocessing, _), runtime, selection in zip(
            paths, chosen, asked.runtimes, selections, strict=True
        )
    ]
    _warn_of_unlike(sides)
    with nullcontext(runner) if runner else runner_of(asked.cluster) as run:
        found = compare(sides[0], sides[1], asked.source, asked.settings, labels, run)
    fitting = labels if len(labels) == found.classes else ()
    return ParityAnswer(found, (chosen[0][1], chosen[1][1]), fitting)


def files_read(asked: ParityRequest) -> Iterator[Path]:
    """All files that a comparison reads, which no output may replace; not its state.

    Raises UsageError if there are no images.
    """
    source = asked.source
    yield from with_companions((asked.first, asked.second))
    yield from named_files(source.classes, source.truth, source.synsets, asked.preprocessing)
    yield from image_files(source.folder)


def _read(path: Path) -> _Said:
    """The card in a file and that beside it; each may have what the other has not."""
    own, beside = read_metadata(path), side_metadata(path)
    side_name = f"{path.name}.json"
    labels = own.labels or beside.labels
    if own.preprocessing is not None:
        return _Said(own.preprocessing, path.name, labels)
    return _Said(beside.preprocessing, side_name if beside.preprocessing else "", labels)


def _by_option(said: _Said, option: str) -> tuple[Preprocessing, str]:
    """The preprocessing of the option; a file that normalises pixels itself still gets pixels."""
    chosen = load_preprocessing(option)
    if said.preprocessing is not None and takes_pixels(said.preprocessing):
        chosen = on_pixels(chosen)
    return chosen, option


def _by_files(paths: Sequence[Path], said: Sequence[_Said]) -> list[tuple[Preprocessing, str]]:
    """Each file's own, else the other's, else the assumed one. Guesses are warned about.

    A file without metadata is assumed to take normalised images, as exporters write it.
    """
    chosen = []
    for path, own, other in zip(paths, said, reversed(said), strict=True):
        if own.preprocessing is not None:
            chosen.append((own.preprocessing, own.source))
        elif other.preprocessing is not None:
            warn(f"{path} has no preprocessing metadata; that of the other file is used")
            chosen.append((other.preprocessing, other.source))
        else:
            warn(f"{path} has no preprocessing metadata; the preprocessing of {ASSUMED} is used")
            chosen.append((load_preprocessing(ASSUMED), "assumed"))
    return chosen


def takes_pixels(preprocessing: Preprocessing) -> bool:
    """True for a file that takes values from 0 to 255 and normalises them itself."""
    return set(preprocessing.mean) == {0.0} and set(preprocessing.std) == {1.0}


def _warn_of_unlike(sides: Sequence[Side]) -> None:
    """Say so where the files see different images, which may be all that sets them apart."""
    first, second = (side.preprocessing for side in sides)
    if first == second:
        return
    pixels = takes_pixels(first) != takes_pixels(second)
    if not (pixels and on_pixels(first) == on_pixels(second)):
        warn(
            f"{sides[0].path} and {sides[1].path} have different preprocessing metadata"
            f" ({_difference(first, second)}); its effect counts as a loss of the second"
        )


def _difference(first: Preprocessing, second: Preprocessing) -> str:
    names = [
        name
        for name in Preprocessing.__dataclass_fields__
        if replace(first, **{name: getattr(second, name)}) != first
    ]
    return ", ".join(names)


def describe_answer(found: ParityAnswer) -> ParityResult:
    """The record of a comparison; docs/json.md explains every key."""
    result = describe_parity(found.parity, found.preprocessing_from)
    first, second = map(_with_source, result.files)
    return replace_fields(result, files=(first, second))


def _with_source(file: ComparedFile) -> ComparedFile:
    """With the source of its weights, if the provenance beside it has it."""
    provenance = provenance_of(Path(file.path or ""), file.sha256 or "") or {}
    weights = provenance.get("weights")
    source = weights.get("source") if isinstance(weights, dict) else None
    return replace_fields(file, weights_from=source) if isinstance(source, str) else file
