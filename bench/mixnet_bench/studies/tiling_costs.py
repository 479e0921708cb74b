"""``python -m mixnet_bench.studies.tiling_costs``: checks the cost model of ``optimize`` by timing.

Files of one large depthwise convolution each, in 29 shapes and two precisions, are rewritten
regardless of the model's decision, and timed in turns with their originals, by CPU time. It prints
the expected and the measured ratio, and the constants of the best fit, which belong in
``targets.toml``; nothing is changed here.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from mixnet_bench.machine.description import cpu_model
from mixnet_bench.studies.turns import time_files
from mixnet_common import MixnetError
from mixnet_common.console import CONTEXT, Command, example, print_table
from mixnet_common.cpu_lists import parse_cpus
from mixnet_common.files import write_whole
from mixnet_common.options import LAUNCHES
from mixnet_common.outputs import check_output
from mixnet_common.progress import progress
from mixnet_common.temporary import temporary_folder
from mixnet_export.lowering import Model
from mixnet_export.optimize.building import rewrite
from mixnet_export.optimize.choosing import Choice, Costs, choose, costs_of, direct_cost, tiles_cost
from mixnet_export.optimize.document import fresh_model, read_document, write_document
from mixnet_export.optimize.finding import Found, find
from mixnet_export.optimize.rewriting import Rewriting
from mixnet_export.writers import FORMATS
from mixnet_networks import GraphBuilder
from mixnet_quantize.settings import Settings
from mixnet_runtimes.targets import PRECISIONS, Target, find_target

ROUNDS = 7

FITTED = ("generic_tap", "generic_tap_int8", "sum", "copy", "operator")
"""Constants of the model that are in units of a tap of a microkernel."""


@dataclass(frozen=True)
class Case:
    """A depthwise convolution with SAME padding, alone in a file."""

    kernel: tuple[int, int]
    size: tuple[int, int]
    channels: int
    stride: int = 1
    precision: str = "float32"

    @property
    def title(self) -> str:
        """For people."""
        kernel, size = ("×".join(map(str, pair)) for pair in (self.kernel, self.size))
        stride = f", stride {self.stride}" if self.stride > 1 else ""
        return f"{kernel} on {size}×{self.channels}{stride}"


FLOAT32 = (
    Case((7, 7), (7, 7), 320),
    Case((7, 7), (7, 7), 64),
    Case((7, 7), (14, 14), 120),
    Case((7, 7), (14, 14), 384),
    Case((7, 7), (28, 28), 48),
    Case((7, 7), (56, 56), 40),
    Case((7, 7), (56, 56), 96),
    Case((7, 7), (14, 14), 16),
    Case((7, 7), (28, 28), 64, 2),
    Case((7, 7), (56, 56), 32, 2),
    Case((6, 6), (28, 28), 64),
    Case((9, 9), (14, 14), 120),
    Case((9, 9), (28, 28), 48),
    Case((9, 9), (14, 14), 120, 2),
    Case((11, 11), (14, 14), 120),
    Case((11, 11), (28, 28), 64),
    Case((13, 13), (14, 14), 64),
    Case((31, 31), (7, 7), 64),
    Case((31, 31), (28, 28), 32),
    Case((1, 31), (1, 128), 144),
)
"""Kernels and maps as networks have them."""

SMALL = (
    Case((7, 7), (1, 1), 512),
    Case((7, 7), (2, 2), 256),
    Case((7, 7), (3, 3), 8),
    Case((6, 6), (4, 4), 8, 2),
    Case((5, 6), (5, 5), 4),
    Case((3, 9), (8, 8), 4),
    Case((1, 27), (1, 32), 4),
    Case((31, 31), (3, 3), 64),
    Case((15, 15), (4, 4), 16, 2),
)
"""Shapes with a small gain: the conversions, additions and operators may cost more."""

CASES = tuple(
    replace(each, precision=precision)
    for precision in ("float32", "int8")
    for each in (*FLOAT32, *SMALL)
)


@dataclass(frozen=True)
class MeasuredTiling:
    """A convolution before and after tiling: the expected and the measured times."""

    title: str
    precision: str
    tiles: int
    expected: float
    ratio: float
    direct_ms: float
    tiles_ms: float


@click.command(
    cls=Command,
    context_settings=CONTEXT,
    epilog=example("python -m mixnet_bench.studies.tiling_costs --pin 1"),
)
@click.option("--for", "name", help="Runtime and version of the rules.  [default: newest]")
@click.option("--launches", type=LAUNCHES, default=1, show_default=True, help="Per shape.")
@click.option("--pin", help="CPUs to run on, such as 1.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File for the rows, as JSON.")
def main(name: str | None, launches: int, pin: str | None, output: Path | None) -> None:
    """Time 58 large depthwise convolutions before and after tiling, and fit the cost model."""
    target = find_target(name, "tflite")
    cpus = None if pin is None else parse_cpus(pin)
    if output is not None:
        check_output(output, like="costs.json")
    rows: list[MeasuredTiling] = []
    shares: list[tuple[NDArray[np.float64], float]] = []
    with temporary_folder() as folder, progress("timing", len(CASES)) as advance:
        for case in CASES:
            row, features = measure_case(case, target, folder, launches, cpus)
            rows.append(row)
            shares += features
            advance()
    fitted = fit(shares)
    if output is not None:
        described = {
            "cpu": cpu_model(),
            "target": target.name,
            "costs": fitted,
            "rows": [asdict(each) for each in rows],
        }
        write_whole(output, json.dumps(described, indent=2) + "\n")
    print_table(
        ("convolution", "precision", "tiles", "expected", "measured", "direct ms"),
        [_cells(each) for each in rows],
        caption=f"{cpu_model() or 'an unknown CPU'}; best fit, in taps of a microkernel: "
        + ", ".join(f"{key} {value:.3g}" for key, value in fitted.items()),
    )


def measure_case(
    case: Case, target: Target, folder: Path, launches: int, cpus: Sequence[int] | None
) -> tuple[MeasuredTiling, list[tuple[NDArray[np.float64], float]]]:
    """Time a case; beside the row, what each constant of the model has a part in, and the time."""
    path, tiled = folder / "direct.tflite", folder / "tiles.tflite"
    path.write_bytes(file_of(case))
    found, choice, content = rewritten(path, target)
    tiled.write_bytes(content)
    timed = time_files([path, tiled], launches=launches, rounds=ROUNDS, cpus=cpus)
    row = MeasuredTiling(
        case.title,
        case.precision,
        len(choice.tiles),
        choice.ratio,
        timed.comparisons[0].ratio,
        *timed.ms,
    )
    return row, list(zip(features_of(found, choice, target), timed.ms, strict=True))


def file_of(case: Case) -> bytes:
    """The file of a case, with seeded weights; int8 ranges come from noise."""
    builder = GraphBuilder("tiles")
    shape = (1, *case.size, case.channels)
    x = builder.input("x", shape)
    y = builder.add(
        "depthwise_conv2d",
        "y",
        x,
        kernel=case.kernel,
        strides=(case.stride, case.stride),
        dilations=(1, 1),
        padding="same",
        multiplier=1,
        bias=True,
        activation=None,
    )
    graph = builder.build(y)
    rng = np.random.default_rng(0)
    weights = {
        name: rng.normal(size=sizes).astype(np.float32) for name, _, _, sizes in graph.parameters()
    }
    form = FORMATS["tflite"]
    content = form.write(Model(graph, weights))
    if case.precision == "float32":
        return content
    noise = iter([rng.normal(size=shape).astype(np.float32)])
    return form.quantize(content, "x", noise, Settings(integer_io=True))


def rewritten(path: Path, target: Target) -> tuple[Found, Choice, bytes]:
    """The file with its convolution in tiles, whether that pays or not."""
    document = read_document(path)
    (found,) = find(document, {form: target.tiles(form)[-1] for form in PRECISIONS})
    if not isinstance(found, Found):
        raise MixnetError(f"a convolution that is made here is not rewritten: {found.why}")
    choice = choose(found.shape, found.form, target.tiles("float32"), costs_of(target))
    if choice is None:
        raise MixnetError("a convolution that is made here has no tiles")
    model = fresh_model(document)
    rewrite(model, document.schema, [Rewriting(found, choice)])
    return found, choice, write_document(document, model, {"target": target.name})


def features_of(
    found: Found, choice: Choice, target: Target
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How often each constant counts, and last the microkernels' taps: before and after tiling.

    The model is linear in its constants, so each one alone says how often it counts.
    """
    nothing = Costs(**{each.name: 0.0 for each in fields(Costs)})
    kernels = target.tiles("float32")
    alone = [nothing, *(replace(nothing, **{name: 1.0}) for name in FITTED)]
    direct = [direct_cost(found.shape, found.form, kernels, each) for each in alone]
    tiles = [
        tiles_cost(found.shape, list(choice.tiles), found.form, kernels, each) for each in alone
    ]
    taps, *counts = (np.array(each) for each in zip(direct, tiles, strict=True))
    columns = np.array([*(each - taps for each in counts), taps], dtype=np.float64)
    return columns[:, 0], columns[:, 1]


def fit(shares: Sequence[tuple[NDArray[np.float64], float]]) -> dict[str, float]:
    """The constants that predict all times with the least relative errors, none below zero."""
    from scipy.optimize import nnls

    counts, times = (np.array(each, dtype=np.float64) for each in zip(*shares, strict=True))
    found, _ = nnls(counts / times[:, None], np.ones(len(times)))
    tap = found[-1]
    return {name: float(value / tap) for name, value in zip(FITTED, found, strict=False)}


def _cells(row: MeasuredTiling) -> tuple[str, ...]:
    return (
        row.title,
        row.precision,
        str(row.tiles),
        f"{row.expected:.2f}",
        f"{row.ratio:.2f}",
        f"{row.direct_ms:.3f}",
    )


if __name__ == "__main__":
    main()
