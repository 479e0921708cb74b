"""``export`` and ``optimize``: they write model files, with provenance, after verifying them."""

from pathlib import Path
from typing import TypedDict, Unpack

from mixnet_common.errors import UsageError, nearest
from mixnet_export.job.exporting import Options
from mixnet_export.job.requested import Job, run_job
from mixnet_export.job.source import NetworkRequest
from mixnet_export.optimize.job import optimize as optimize_file
from mixnet_export.optimize.records import OptimizeResult
from mixnet_export.writers import FORMATS
from mixnet_mobile.model_file import AnyFile, ModelFile, path_of
from mixnet_quantize.settings import DEFAULT, Settings


class MoreOptions(TypedDict, total=False):
    """Further arguments of ``export``, named like the options of ``mixnet-export``."""

    classes: int
    resolution: int
    multiplier: float
    batch: int
    seed: int
    preprocessing: str | Path
    input: str
    io: str
    lowering: str | Path
    runtime: str
    """``--for``: the runtime and version that will run the file, such as ``litert-1.1``."""
    budget: float
    data: str | Path
    quantization: Settings
    verify: bool


REQUESTED = ("classes", "resolution", "multiplier", "batch", "seed")
"""Those that determine the network's size or its weights."""


def export(
    network: str | Path | None = None,
    *,
    format: str = "tflite",  # noqa: A002 - the option's name
    output: str | Path = ".",
    weights: str | Path | None = None,
    labels: str | Path | None = None,
    precision: str = "float32",
    calibrate: str | Path | None = None,
    **more: Unpack[MoreOptions],
) -> ModelFile:
    """Write a network as a ``.tflite`` or ``.onnx`` file into the folder ``output``.

    ``network`` is a name or a TOML file, and may be left out where ``weights`` name it; without
    weights they are random, from ``seed``. ``labels`` is ``imagenet`` or a file with one name per
    line, ``calibrate`` a folder of images for int8. The file is verified before it appears, and a
    ``.json`` beside it says what it was made from. Raises UsageError and MixnetError.
    """
    if format not in FORMATS:
        raise UsageError(f"unknown format {format!r}", nearest(format, FORMATS))
    _refuse_unknown(more)
    options = Options(
        lowering=str(more.get("lowering", "default")),
        target=more.get("runtime"),
        precision=precision,
        io=more.get("io", "float32"),
        input=more.get("input", "normalised"),
        calibration=_path(calibrate),
        settings=more.get("quantization", DEFAULT),
        budget=more.get("budget"),
        data=_path(more.get("data")),
        verify=more.get("verify", True),
        random_weights=weights is None,
    )
    sizes = {key: value for key, value in more.items() if key in REQUESTED}
    request = NetworkRequest(
        None if network is None else str(network),
        weights_file=_path(weights),
        **sizes,  # type: ignore[arg-type] # the keys of REQUESTED have the fields' types
    )
    job = Job(
        request,
        FORMATS[format],
        Path(output),
        options,
        None if labels is None else str(labels),
        None if "preprocessing" not in more else str(more["preprocessing"]),
    )
    exported = run_job(job).exported
    return ModelFile(exported.path, exported.provenance)


def _refuse_unknown(more: MoreOptions) -> None:
    """Raise TypeError for an option that there is not, with the nearest one."""
    for name in more:
        if name not in MoreOptions.__annotations__:
            known = nearest(name, MoreOptions.__annotations__)
            raise TypeError(f"export() has no option {name!r}; {known}")


def _path(value: str | Path | None) -> Path | None:
    return None if value is None else Path(value)


def optimize(
    file: AnyFile,
    output: str | Path | None = None,
    *,
    runtime: str | None = None,
    dry_run: bool = False,
    calibrate: str | Path | None = None,
) -> OptimizeResult:
    """Make an existing ``.tflite`` or ``.onnx`` file faster without changing what it computes.

    The result is written into the folder ``output`` under the same name; its path is ``written``
    of what is returned, None if nothing was rewritten (``reason`` says why). With ``calibrate``,
    a folder of images or inputs in a ``.npy`` or ``.npz``, the tiles of an int8 file are in int8
    where that is faster and differs by one step at most on all of them. Every rewritten
    operator and the whole file are compared with the original first. Raises UsageError and
    MixnetError.
    """
    return optimize_file(
        path_of(file),
        None if output is None else Path(output),
        target=runtime,
        dry_run=dry_run,
        calibration=_path(calibrate),
    )
