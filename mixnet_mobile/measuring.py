"""``count``, ``latency``, ``parity`` and ``classify``: they read and run files, and write none."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict, Unpack

from msgspec.structs import replace

from mixnet_bench.accuracy.classify import Classifier, describe_classification
from mixnet_bench.accuracy.parity import parity as compare
from mixnet_bench.counting.describe import Size, describe_target
from mixnet_bench.results.count import CountResult
from mixnet_bench.results.latency import LatencyResult
from mixnet_bench.results.small import ClassifyResult
from mixnet_bench.timing.host import describe_run
from mixnet_bench.timing.latency import Plan
from mixnet_bench.timing.preparing import prepared
from mixnet_bench.timing.trust import extend
from mixnet_mobile.model_file import AnyFile, path_of
from mixnet_quantize.images import listed_images
from mixnet_quantize.parity import Parity
from mixnet_runtimes import AS_IT_IS, Selection


def count(
    target: AnyFile,
    *,
    classes: int | None = None,
    resolution: int | None = None,
    multiplier: float | None = None,
    selection: Selection = AS_IT_IS,
) -> CountResult:
    """Count the parameters, multiply-adds (``macs``) and activations of a network or a file.

    ``target`` is a network's name, its TOML file, or a ``.tflite`` or ``.onnx`` file; the three
    sizes are for networks. Raises UsageError and MixnetError.
    """
    return describe_target(str(Path(target)), Size(classes, resolution, multiplier), selection)


class TimingOptions(TypedDict, total=False):
    """Further arguments of ``latency``, named like the options of ``mixnet-bench latency``."""

    threads: int
    launches: int
    min_count: int
    min_time_s: float
    warmup: int
    seed: int
    timeout_s: float
    cpus: tuple[int, ...] | None
    selection: Selection


def latency(
    file: AnyFile, *, against: AnyFile | None = None, **options: Unpack[TimingOptions]
) -> LatencyResult:
    """Time a file on this machine, side by side with ``against`` if it is given.

    ``ratio`` of the result is the file's time over that of ``against``, and ``against`` of the
    result has its interval. ``against`` may also be a saved ``.json`` of ``mixnet-bench latency``.
    Raises UsageError and MixnetError.
    """
    plan = Plan(paths=(path_of(file),), **options)
    plan, finish = extend(plan, None if against is None else str(Path(against)), None)
    with prepared(plan) as plan:
        measured = describe_run(plan)
    found = finish.compare(measured)[0]
    return measured[0] if found is None else replace(measured[0], against=found)


def parity(first: AnyFile, second: AnyFile, data: str | Path, **options: Any) -> Parity:
    """Compare the accuracy of two model files on the same images, with confidence intervals.

    ``data`` is a folder of images, with a folder for each class. With ``budget`` (percentage points
    of top-1) the result has a ``verdict``: ``within``, ``beyond`` or ``too-few-images``. The other
    options are those of ``mixnet-bench parity``. Raises UsageError and MixnetError.
    """
    return compare(path_of(first), path_of(second), data, **options)


def classify(
    file: AnyFile,
    images: str | Path | Sequence[str | Path],
    *,
    top: int = 5,
    labels: str | Path | None = None,
    preprocessing: str | Path | None = None,
) -> list[ClassifyResult]:
    """The ``top`` classes that a file sees in each image, with their probabilities.

    ``images`` is an image, a folder of images, or a list of both. Raises UsageError and
    MixnetError, naming the image, where one cannot be read.
    """
    path = path_of(file)
    classifier = Classifier(path, _text(preprocessing), _text(labels))
    named = [images] if isinstance(images, str | Path) else images
    found = listed_images(map(Path, named))
    return [
        describe_classification(path, each, classifier, classifier.classify(each, top))
        for each in found
    ]


def _text(value: str | Path | None) -> str | None:
    return None if value is None else str(value)
