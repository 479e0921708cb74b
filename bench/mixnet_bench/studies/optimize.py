"""``python -m mixnet_bench.studies.optimize``: the gain of ``mixnet-export optimize`` elsewhere.

Networks are converted by litert-torch or torch.onnx, with random weights that affect all outputs,
for int8 quantized by ai-edge-quantizer's static recipe; then optimized, and timed in turns with the
original. The interval is over launches.
"""

import json
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from mixnet_bench.machine.description import cpu_model
from mixnet_bench.studies.turns import Timed, time_files
from mixnet_common import MixnetError, UsageError
from mixnet_common.console import CONTEXT, Command, example, print_table, say
from mixnet_common.cpu_lists import parse_cpus
from mixnet_common.files import write_whole
from mixnet_common.options import LAUNCHES
from mixnet_common.outputs import check_output
from mixnet_common.readers import is_file

CONVERTING_S = 1800.0

SAMPLES = 4
"""Inputs of noise that set int8's ranges."""


@dataclass(frozen=True)
class Subject:
    """A network of timm in one precision, and the time that it may take at most."""

    title: str
    timm: str
    at_most: float
    """Optimized over original on LiteRT 2.3."""
    precision: str = "float32"
    file_format: str = "tflite"

    @property
    def file_name(self) -> str:
        """File name of the original."""
        return f"{self.timm}{'-int8' if self.precision == 'int8' else ''}.{self.file_format}"


SUBJECTS = (
    Subject("StarNet-S1", "starnet_s1", 0.47),
    Subject("FastViT-T8", "fastvit_t8", 0.50),
    Subject("FastViT-S12", "fastvit_s12", 0.55),
    Subject("ConvNeXt-Atto", "convnext_atto", 0.60),
    Subject("ConvNeXt-Tiny", "convnext_tiny", 0.68),
    Subject("MambaOut-Femto", "mambaout_femto", 0.63),
    Subject("ConvFormer-S18", "convformer_s18", 0.58),
    Subject("EdgeNeXt-XXS", "edgenext_xx_small", 0.80),
    Subject("MixNet-S", "tf_mixnet_s", 0.65),
    Subject("MixNet-L", "tf_mixnet_l", 0.50),
    Subject("MixNet-S", "tf_mixnet_s", 0.78, file_format="onnx"),
    Subject("InceptionNeXt-Atto", "inception_next_atto", 1.0),
    Subject("InceptionNeXt-Atto", "inception_next_atto", 1.0, file_format="onnx"),
    Subject("EfficientViT-M0", "efficientvit_m0", 1.0),
    Subject("EfficientViT-M0", "efficientvit_m0", 1.0, file_format="onnx"),
    Subject("StarNet-S1", "starnet_s1", 0.25, "int8"),
    Subject("ConvNeXt-Atto", "convnext_atto", 0.55, "int8"),
    Subject("RepViT-M0.9", "repvit_m0_9", 1.02),
    Subject("MobileNetV4-S", "mobilenetv4_conv_small", 1.02),
    Subject("EfficientNet-Lite0", "tf_efficientnet_lite0", 1.02),
)


COLUMNS = (
    "network", "precision", "partitions", "original ms", "optimized ms", "ratio", "95 %", "at most"
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """The result of one subject."""

    title: str
    precision: str
    target: str
    runtime: str | None
    rewritten: int
    regions: int
    """Rewritten together, before large convolutions were tiled."""
    partitions: tuple[int | None, int | None]
    """Delegate partitions before and after; None if unknown."""
    left_alone: int
    original_ms: float | None
    optimized_ms: float | None
    ratio: float | None
    low: float | None
    high: float | None
    launches: int
    at_most: float
    difference: float | None
    """Largest difference of outputs, over the largest value."""
    reason: str
    """Why nothing was rewritten; empty where something was."""


@click.command(
    cls=Command,
    context_settings=CONTEXT,
    epilog=example(
        "python -m mixnet_bench.studies.optimize --models models --python venv-timm/bin/python",
        "python -m mixnet_bench.studies.optimize --models models --only starnet_s1"
        " --for litert-1.1 --runner venv-litert11/bin/python",
    ),
)
@click.option(
    "--models",
    "folder",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder of the .tflite files; missing ones are made there.",
)
@click.option(
    "--python",
    "converter",
    type=click.Path(path_type=Path),
    help="Python of an environment with timm and litert-torch, to make missing files.",
)
@click.option("--only", multiple=True, help="A network by timm's name; repeatable.")
@click.option("--for", "target", help="Runtime and version to optimize for.  [default: newest]")
@click.option(
    "--runner",
    type=click.Path(path_type=Path),
    help="Python of an environment whose runtime runs the files.  [default: this one]",
)
@click.option("--launches", type=LAUNCHES, default=3, show_default=True, help="Processes.")
@click.option("--pin", help="CPUs to run on, such as 1.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File for the rows, as JSON.")
def main(
    folder: Path,
    converter: Path | None,
    only: tuple[str, ...],
    target: str | None,
    runner: Path | None,
    launches: int,
    pin: str | None,
    output: Path | None,
) -> None:
    """Optimize timm's networks and time each beside its original, in turns, with one thread."""
    chosen = [each for each in SUBJECTS if not only or each.timm in only]
    if not chosen:
        names = ", ".join(dict.fromkeys(each.timm for each in SUBJECTS))
        raise UsageError(f"unknown network {', '.join(only)}", f"known: {names}")
    cpus = None if pin is None else parse_cpus(pin)
    if output is not None:
        read = [*folder.glob("*.tflite"), *(each for each in (converter, runner) if each)]
        check_output(output, read, like="rows.json")
    rows: list[Row] = []
    for subject in chosen:
        say(f"{subject.title} {subject.precision}")
        path = original(subject, folder, converter)
        rows.append(study(subject, path, target, launches, cpus, runner))
        if output is not None:
            write_whole(output, _document(rows))
    runtimes = sorted({each.runtime for each in rows if each.runtime})
    print_table(
        COLUMNS,
        [_cells(each) for each in rows],
        caption=f"{', '.join(runtimes) or 'nothing ran'} on {cpu_model() or 'an unknown CPU'};"
        f" one thread, CPU time, {launches} processes",
    )


def original(subject: Subject, folder: Path, converter: Path | None) -> Path:
    """The file to be optimized; made where it is missing.

    Raises UsageError if it is missing and there is no environment to make it in.
    """
    path = folder / subject.file_name
    if is_file(path):
        return path
    if subject.precision == "int8":
        float32 = Subject(subject.title, subject.timm, 1.0)
        write_whole(path, quantized(original(float32, folder, converter)))
        return path
    if converter is None:
        raise UsageError(f"{path} is missing", "give --python of an environment with litert-torch")
    folder.mkdir(parents=True, exist_ok=True)
    program = Path(__file__).with_name("timm_networks.py")
    done = subprocess.run(
        [str(converter), str(program), subject.timm, str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=CONVERTING_S,
    )
    if done.returncode or not is_file(path):
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise MixnetError(f"{subject.timm} could not be converted: {last[0]}")
    return path


def quantized(path: Path) -> bytes:
    """An int8 file by ai-edge-quantizer's static recipe, its ranges from noise."""
    from ai_edge_litert.interpreter import Interpreter
    from ai_edge_quantizer import quantizer, recipe

    signatures = Interpreter(model_path=str(path)).get_signature_list()
    (name, ports), *_ = signatures.items()
    samples = list(_noise(path, ports["inputs"]))
    job = quantizer.Quantizer(str(path), recipe.static_wi8_ai8())
    return bytes(job.quantize(job.calibrate({name: samples})).quantized_model)


def _noise(path: Path, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    from ai_edge_litert.interpreter import Interpreter

    (entry,) = Interpreter(model_path=str(path)).get_input_details()
    rng = np.random.default_rng(0)
    for _ in range(SAMPLES):
        yield {names[0]: rng.standard_normal(entry["shape"]).astype(np.float32)}


def study(
    subject: Subject,
    path: Path,
    target: str | None,
    launches: int,
    cpus: Sequence[int] | None,
    runner: Path | None,
) -> Row:
    """Optimize one file and time it beside the original."""
    from mixnet_export.optimize.job import optimize

    target = target if subject.file_format == "tflite" else None
    result = optimize(path, path.parent / "optimized" / (target or "newest"), target=target)
    timed: Timed | None = None
    if result.written is not None:
        timed = time_files([path, result.written], launches=launches, cpus=cpus, python=runner)
    found = timed.comparisons[0] if timed else None
    interval = found.interval if found else None
    return Row(
        subject.title,
        subject.precision,
        result.target,
        timed.runtime if timed else None,
        len(result.rewritten),
        len(result.regions),
        (result.before.partitions, result.after.partitions if result.after else None),
        len(result.left_alone),
        timed.ms[0] if timed else None,
        timed.ms[1] if timed else None,
        found.ratio if found else None,
        interval.low if interval else None,
        interval.high if interval else None,
        launches,
        subject.at_most,
        max((each.difference for each in result.outputs), default=None),
        result.reason,
    )


def _document(rows: Sequence[Row]) -> str:
    described = [asdict(each) for each in rows]
    return json.dumps({"cpu": cpu_model(), "rows": described}, indent=2) + "\n"


def _cells(row: Row) -> tuple[str, ...]:
    if row.ratio is None or row.original_ms is None or row.optimized_ms is None:
        return (row.title, row.precision, "", "", "", "left alone", "", f"{row.at_most:.2f}")
    between = "" if row.low is None or row.high is None else f"{row.low:.3f} – {row.high:.3f}"
    return (
        row.title,
        row.precision,
        " → ".join("?" if each is None else str(each) for each in row.partitions),
        f"{row.original_ms:.1f}",
        f"{row.optimized_ms:.1f}",
        f"{row.ratio:.3f}",
        between,
        f"{row.at_most:.2f}",
    )


if __name__ == "__main__":
    main()
