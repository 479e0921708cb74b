"""The loss of the trained network in each way of quantizing.

Exports it in every way of ``RECIPES``, compares each file with its format's float32 file on the
full test set, times all files of a format side by side, and writes one table. It changes no
default, but defaults are chosen by it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from mixnet_bench.accuracy.parity import parity
from mixnet_bench.stats.summary import summarize
from mixnet_bench.stats.turns import ratio, ratios_of
from mixnet_bench.studies.glyphs.build import COUNT, PICTURES, build
from mixnet_bench.timing.latency import Plan, Timing, measure, turns_of
from mixnet_common.console import (
    CONTEXT,
    FORMAT,
    Command,
    example,
    json_option,
    print_json,
    print_table,
    say,
)
from mixnet_common.files import write_whole
from mixnet_common.hashing import sha256_of
from mixnet_common.outputs import check_folder, check_output
from mixnet_common.progress import progress_by_share
from mixnet_common.versions import package_version
from mixnet_export.job.exporting import Options, export
from mixnet_export.writers import FORMATS
from mixnet_networks.images.preprocessing import load_preprocessing
from mixnet_networks.importing import import_weights
from mixnet_networks.labels import load_labels
from mixnet_quantize.parity import Parity
from mixnet_quantize.settings import RANGES, Settings

NETWORK, WEIGHTS = "mixnet-s", Path("mixnet-s-glyphs")
RESOLUTION = 96
CALIBRATION_START, CALIBRATION_COUNT = 500_000, 512
"""Calibration pictures: of the training set's typefaces, numbered beyond those trained on."""

ROWS = "rows.json"
"""In the folder of what is made."""

BUDGET = 0.5
"""Points of top-1."""

RUNTIMES = ("ai-edge-litert", "onnxruntime")
"""Packages; a cached row is valid for their versions."""

INT8 = Options(precision="int8")
MIN_MAX, PERCENTILE, MSE, PER_IMAGE = (Settings(ranges=each) for each in RANGES)
BOTH = ("tflite", "onnx")


@dataclass(frozen=True)
class Recipe:
    """A way of quantizing, and the formats in which it differs from the others."""

    name: str
    options: Options
    formats: tuple[str, ...] = BOTH

    @property
    def place(self) -> str:
        """Its folder."""
        return self.name.replace(", ", "_").replace(" ", "-")


RECIPES: tuple[Recipe, ...] = (
    Recipe("float32", Options()),
    Recipe("float16", Options(precision="float16")),
    Recipe("int8-dynamic", Options(precision="int8-dynamic")),
    Recipe(
        "int8, min-max, pieces int8",
        replace(INT8, pieces="int8", settings=MIN_MAX),
    ),
    Recipe(
        "int8, percentile, pieces int8",
        replace(INT8, pieces="int8", settings=PERCENTILE),
    ),
    Recipe("int8, mse, pieces int8", replace(INT8, pieces="int8", settings=MSE)),
    Recipe("int8, per-image, pieces int8", replace(INT8, pieces="int8", settings=PER_IMAGE)),
    Recipe(
        "int8, min-max, pieces float32",
        replace(INT8, pieces="float32", settings=MIN_MAX),
        ("tflite",),
    ),
    Recipe("int8, mse, pieces float32", replace(INT8, pieces="float32", settings=MSE), ("tflite",)),
    Recipe(
        "int8, mse, pieces int8, biases",
        replace(INT8, pieces="int8", settings=MSE, correct_biases=True),
    ),
    Recipe(
        "int8, mse, pieces int8, equalised, biases",
        replace(INT8, pieces="int8", settings=MSE, correct_biases=True, equalise=True),
    ),
    Recipe("int8, default", INT8),
)


def row_of(form: str, recipe: str, check: Parity) -> dict[str, Any]:
    """One file's size and accuracy against the float32 file of its format, without its time.

    Accuracies are in percent, the loss in points.
    """
    top1, top5 = check.outcome.top1, check.outcome.top5
    assert top1 is not None  # the test set has labels
    assert top5 is not None
    sizes = (check.second.size_bytes, check.first.size_bytes)
    return {
        "file_format": form,
        "recipe": recipe,
        "images": check.outcome.count,
        "top1": 100 * top1.second.value,
        "top1_interval": _percent(top1.second.interval),
        "top5": 100 * top5.second.value,
        "loss_points": 100 * top1.loss.value,
        "loss_interval": _percent(top1.loss.interval),
        "verdict": check.verdict.kind if check.verdict else None,
        "agreement": 100 * check.outcome.agreement.value,
        "logits_db": check.outcome.logits.db,
        "beyond_rounding": check.outcome.beyond_rounding,
        "size_bytes": sizes[0],
        "size_ratio": sizes[0] / sizes[1],
    }


UNTIMED: dict[str, Any] = dict.fromkeys(("time_ratio", "time_ratio_interval", "median_ms"))
"""The result of ``time_of`` for a file that was not timed."""


def time_of(timing: Timing, first: Timing) -> dict[str, Any]:
    """A row's time, against the float32 file timed beside it."""
    found = ratio(ratios_of(turns_of(timing), turns_of(first), threads=1))
    return {
        "time_ratio": found.value,
        "time_ratio_interval": [found.interval.low, found.interval.high],
        "median_ms": summarize([launch.samples_ms for launch in timing.launches]).median.value,
    }


def _percent(interval: Any) -> list[float]:
    return [100 * interval.low, 100 * interval.high]


def measure_format(
    form: str, recipes: Sequence[Recipe], folders: Mapping[str, Path], plan: Plan | None
) -> list[dict[str, Any]]:
    """Export, compare and time one format's files; the first recipe is what others are held to."""
    wanted = [recipe for recipe in recipes if form in recipe.formats]
    files = [_export(form, recipe, folders) for recipe in wanted]
    rows = []
    for recipe, file in zip(wanted, files, strict=True):
        rows.append(_compared(form, recipe, files[0], file, folders))
        say("  ".join(_cells({**rows[-1], **UNTIMED})))
    times = [UNTIMED] * len(files)
    if plan is not None:
        times = _timed(replace(plan, paths=tuple(files)))
    return [{**row, **time} for row, time in zip(rows, times, strict=True)]


def _compared(
    form: str, recipe: Recipe, reference: Path, file: Path, folders: Mapping[str, Path]
) -> dict[str, Any]:
    """The row of a file. It is saved, so that an interrupted run can continue."""
    hashes = [sha256_of(each) for each in (reference, file)]
    pictures = sha256_of(folders["test"] / "pictures.json")
    same = {
        "files": hashes,
        "pictures": pictures,
        "versions": [package_version(each) for each in RUNTIMES],
    }
    kept = folders["files"] / f"{form}-{recipe.place}.json"
    if kept.is_file():
        found: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
        if found.get("of") == same:
            return dict(found["row"])
    row = row_of(form, recipe.name, parity(reference, file, folders["test"], budget=BUDGET))
    write_whole(kept, json.dumps({"of": same, "row": row}, indent=2) + "\n")
    return row


def _export(form: str, recipe: Recipe, folders: Mapping[str, Path]) -> Path:
    imported = import_weights(WEIGHTS, NETWORK)
    whole = load_preprocessing("whole")  # nothing is cut off the pictures
    network = imported.network.at(resolution=RESOLUTION).shown(whole)
    calibrated = recipe.options.precision in ("int8", "mixed")
    options = replace(
        recipe.options,
        labels=load_labels("glyphs", network.classes),
        calibration=folders["calibration"] if calibrated else None,
        calibration_images=CALIBRATION_COUNT,
    )
    place = folders["files"] / recipe.place
    place.mkdir(parents=True, exist_ok=True)
    return export(network, imported.weights, FORMATS[form], place, options, str(WEIGHTS)).path


def _timed(plan: Plan) -> list[dict[str, Any]]:
    with progress_by_share("timing") as report:
        timings = measure(plan, report=report)
    return [time_of(each, timings[0]) for each in timings]


def as_markdown(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as the table that the documentation shows."""
    head = (
        "| format | recipe | top-1 | loss in points (95 %) | verdict | logits, dB | size | time |"
    )
    return "\n".join([head, "|" + "--|" * 8, *(f"| {' | '.join(_cells(row))} |" for row in rows)])


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    low, high = row["loss_interval"]
    time = ""
    if row["time_ratio"] is not None:
        fast, slow = row["time_ratio_interval"]
        time = f"{row['time_ratio']:.2f} ({fast:.2f} to {slow:.2f})"
    return (
        f".{row['file_format']}",
        row["recipe"],
        f"{row['top1']:.2f} %",
        f"{row['loss_points']:.2f} ({low:.2f} to {high:.2f})",
        str(row["verdict"]),
        "" if row["logits_db"] is None else f"{row['logits_db']:.1f}",
        f"{row['size_ratio']:.3f}",
        time,
    )


@click.command(
    cls=Command,
    context_settings=CONTEXT,
    epilog=example(
        "python -m mixnet_bench.studies.glyphs.measure --work glyphs/ -o quantization.md"
    ),
)
@click.option("--work", type=click.Path(path_type=Path), required=True, help="Work folder.")
@click.option("--format", "forms", type=click.Choice(BOTH), multiple=True, default=BOTH)
@click.option("--count", type=COUNT, default=PICTURES, show_default=True)
@click.option("--recipe", "names", multiple=True, help="Only recipes with this in their name.")
@click.option("--no-time", is_flag=True, help="Don't time the files.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The table as Markdown.")
@json_option
def main(
    work: Path,
    forms: tuple[str, ...],
    count: int,
    names: tuple[str, ...],
    no_time: bool,
    output: Path | None,
    as_json: bool,
) -> None:
    """Measure every way of quantizing on the trained MixNet-S and its full test set.

    WORK gets the typefaces (fonts/), the pictures (test/, calibration/), the files and every row as
    it is found; what is there is used again.
    """
    _refuse_outputs(work, output)
    folders = _folders(work, count)
    recipes = [
        recipe
        for recipe in RECIPES
        if recipe is RECIPES[0] or not names or any(name in recipe.name for name in names)
    ]
    plan = None if no_time else Plan((), launches=5, min_count=1000, min_time_s=0)
    rows = [row for form in forms for row in measure_format(form, recipes, folders, plan)]
    write_whole(work / ROWS, json.dumps({"format": FORMAT, "rows": rows}, indent=2) + "\n")
    if output is not None:
        write_whole(output, as_markdown(rows) + "\n")
    if as_json:
        print_json(rows)
        return
    print_table(
        ("format", "recipe", "top-1", "loss, points (95 %)", "verdict", "dB", "size", "time"),
        [_cells(row) for row in rows],
        caption=f"Against each format's float32 file; the budget is {BUDGET} points of top-1.",
    )


def _refuse_outputs(work: Path, output: Path | None) -> None:
    """Raise where nothing can be written, or the table would replace what it is made from."""
    check_folder(work, option="--work", like="glyphs/")
    check_output(work / ROWS, option="--work", like="glyphs/")
    if output is not None:
        made = [work / name for name in ("fonts", "calibration", "files", ROWS)]
        check_output(output, [*made, *work.glob("test*")], like="quantization.md")


def _folders(work: Path, count: int) -> dict[str, Path]:
    """The pictures, drawn where they are not there yet."""
    fonts = work / "fonts"
    test = work / ("test" if count == PICTURES else f"test-{count}")
    if not test.exists():
        build("test", fonts, test, count)
    calibration = work / "calibration"
    if not calibration.exists():
        build("train", fonts, calibration, CALIBRATION_COUNT, CALIBRATION_START)
    return {"test": test, "calibration": calibration, "files": work / "files"}


if __name__ == "__main__":
    main()
