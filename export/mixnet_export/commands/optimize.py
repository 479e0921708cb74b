"""The command ``mixnet-export optimize``: optimizes one file and prints a table."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mixnet_common import UsageError, write_whole
from mixnet_common.console import (
    allow_emulated_option,
    example,
    json_option,
    output_option,
    print_json,
    print_lines,
    print_table,
    say,
    warn,
)
from mixnet_common.hashing import sha256_of
from mixnet_common.outputs import check_output
from mixnet_common.printable import printable
from mixnet_common.progress import tracked
from mixnet_common.readers import is_file, missing_file, show
from mixnet_export.commands.groups import ExportCommand
from mixnet_export.optimize.records import (
    Figures,
    OptimizeResult,
    OutputProof,
    Rewritten,
    RewrittenRegion,
)

if TYPE_CHECKING:
    from mixnet_export.optimize.decisions import Decisions
    from mixnet_export.optimize.pairs import Pair
    from mixnet_export.optimize.planning import Groups, MeasuredPlan


@click.command(
    "optimize",
    cls=ExportCommand,
    epilog=example(
        "mixnet-export optimize model.tflite -o out/",
        "mixnet-export optimize model.tflite -o out/ --for litert-1.1",
    ),
)
@click.argument("file", type=click.Path(path_type=Path))
@output_option
@click.option(
    "--for",
    "runtime",
    metavar="RUNTIME",
    show_default="the newest LiteRT or onnxruntime",
    help="Runtime and version that will run the file, such as litert-2.3 or tflite-2.17.",
)
@click.option(
    "--allow-fp16",
    is_flag=True,
    help="Mark a float32 .tflite file so that XNNPACK computes it in float16 on CPUs with float16"
    " arithmetic.",
)
@click.option("--dry-run", is_flag=True, help="List what would be rewritten; write no file.")
@click.option(
    "--measure",
    is_flag=True,
    help="Measure every rewriting against the original operators and apply only those that are"
    " faster. Also writes the result as a plan, FILE.toml, into the output directory.",
)
@click.option(
    "--on",
    default="host",
    show_default=True,
    metavar="host|adb[:SERIAL]",
    help="Device of --measure: this machine or a phone.",
)
@allow_emulated_option
@click.option(
    "--lowering",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Apply a plan written by --measure or by mixnet-bench tune FILE.",
)
@click.option(
    "--calibrate",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Folder of images, or .npy or .npz of inputs: tiles of an int8 .tflite are in int8 where"
    " that is faster and differs by one step at most on all of them; outputs are compared on them.",
)
@json_option
def optimize_command(**options: Any) -> None:
    """Make any .tflite or .onnx file faster, with the same outputs.

    Depthwise convolutions with more than 25 taps are split into sums of small ones, and depth
    multipliers into one convolution per multiple. Mixed and grouped convolutions get the form that
    the runtime computes fastest. Scales and offsets are folded into weights. Every rewritten
    operator and the whole file are compared with the original before the file is written; operators
    that are not equal are not rewritten.
    """
    _run(OptimizeOptions(**options))


@dataclass(frozen=True)
class OptimizeOptions:
    """The command's arguments and options, by their names."""

    file: Path
    directory: Path
    runtime: str | None
    allow_fp16: bool
    dry_run: bool
    measure: bool
    on: str
    allow_emulated: bool
    lowering: Path | None
    calibrate: Path | None
    as_json: bool

    def __post_init__(self) -> None:
        """Raise UsageError if options contradict each other."""
        if self.measure and self.lowering is not None:
            raise UsageError(
                "--measure creates a plan, and --lowering uses an existing one", "use one of them"
            )
        if self.on != "host" and not self.measure:
            raise UsageError(f"--on {self.on} says where --measure times", "add --measure")


def _run(asked: OptimizeOptions) -> None:
    """Measure or read a plan, optimize, and print."""
    from mixnet_export.optimize.job import optimize
    from mixnet_export.optimize.request import check_request

    read = [each for each in (asked.lowering, asked.calibrate) if each is not None]
    check_request(asked.file, asked.directory, read)
    decisions = _decisions(asked)
    result = optimize(
        asked.file,
        asked.directory,
        target=asked.runtime or decisions.target,
        dry_run=asked.dry_run,
        allow_fp16=asked.allow_fp16,
        decisions=decisions,
        calibration=asked.calibrate,
    )
    for text in result.warnings:
        warn(printable(text))
    if asked.as_json:
        print_json([result.as_json()])
        return
    if result.regions:
        _print_regions(result.regions)
    if result.rewritten:
        _print_rewritten(result)
    for output in result.outputs:
        say(_compared(output, result.pictures))
    for why, count in Counter(e.float_because for e in result.rewritten if e.float_because).items():
        say(f"tiles in float32: {_operators(count)}: {printable(why)}")
    for why, count in Counter(each.why for each in result.left_alone).items():
        say(f"not rewritten: {count} operator{'s' * (count != 1)}: {printable(why)}")
    print_lines(_outcome(result, asked.dry_run))


def _decisions(asked: OptimizeOptions) -> "Decisions":
    """The rewritings to apply: measured now, read from a plan, or selected by the cost model."""
    from mixnet_export.optimize.decisions import ALL, load_decisions
    from mixnet_export.optimize.planning import target_for

    file = asked.file
    if asked.lowering is not None:
        decisions = load_decisions(asked.lowering)
        target = target_for(file, asked.runtime or decisions.target)
        decisions.check(sha256_of(file), target.name, show(asked.lowering))
        return decisions
    if not asked.measure:
        return ALL
    path = asked.directory / f"{file.name}.toml"
    check_output(path, [file], like="plan.toml")
    plan = _measured(asked)
    print_plan(plan)
    if not asked.dry_run:
        write_whole(path, plan.text)
        say(f"wrote {show(path)}, for --lowering")
    return plan.decisions


def _measured(asked: OptimizeOptions) -> "MeasuredPlan":
    """The plan that is measured here or on a phone."""
    from mixnet_export.optimize.planning import plan_here, plan_on_phone

    if not is_file(asked.file):
        raise missing_file(asked.file)

    def progress(groups: "Groups") -> "Iterable[Sequence[Pair]]":
        return tracked(groups, "measuring")

    if asked.on == "host":
        return plan_here(asked.file, asked.runtime, progress)
    return plan_on_phone(asked.file, asked.runtime, asked.on, asked.allow_emulated, progress)


def print_plan(plan: "MeasuredPlan") -> None:
    """Print all measured rewritings, including slower ones, to stderr."""
    from mixnet_export.lowering.choice import EMULATED
    from mixnet_export.optimize.decisions import ratio_text

    if plan.decisions.measured.startswith(EMULATED):
        warn("EMULATED: these are not times of a phone")
    for each in plan.measured:
        applied = "applied" if each.is_faster else "not applied"
        say(
            f"{len(each.names)} × {each.pattern}, {each.what}: time rewritten / original"
            f" {ratio_text(each.found)}, {applied}"
        )


def _print_regions(regions: Sequence[RewrittenRegion]) -> None:
    """A row for what was made of several operators together, equal ones in one row."""
    groups: dict[tuple[str, str], list[RewrittenRegion]] = {}
    for each in regions:
        groups.setdefault((each.pattern, each.what), []).append(each)
    print_table(
        ("rewritten", "pattern", "what", "proof"),
        [(str(len(group)), *kind, _proof(group)) for kind, group in groups.items()],
    )


def _print_rewritten(result: OptimizeResult) -> None:
    """A row for each kind of operator; each one by its name is in ``--json``."""
    groups: dict[tuple[str, ...], list[Rewritten]] = {}
    for each in result.rewritten:
        groups.setdefault(_kind(each), []).append(each)
    print_table(
        ("rewritten", "form", "input", "kernel", "tiles", "expected", "proof"),
        [(str(len(group)), *kind, _proof(group)) for kind, group in groups.items()],
        caption=_totals(result),
    )


def _kind(each: Rewritten) -> tuple[str, ...]:
    kernel = _by(each.kernel)
    if max(each.strides) > 1:
        kernel += f" stride {_by(each.strides)}"
    if max(each.dilations) > 1:
        kernel += f" dilation {_by(each.dilations)}"
    tiles = [f"{count}·{tile}" if count > 1 else tile for tile, count in _counted(each).items()]
    if each.requantized:
        tiles[-1] += " in int8"
    expected = f"{100 * each.expected_ratio:.0f} % of the time"
    return each.form, _by(each.input_shape[1:]), kernel, " + ".join(tiles), expected


def _counted(each: Rewritten) -> Counter[str]:
    return Counter(_by(tile) for tile in each.tiles)


def _proof(group: Sequence[Rewritten | RewrittenRegion]) -> str:
    """The largest difference of a group's operators from their reference."""
    errors = [each.error for each in group if each.error is not None]
    if errors:
        return f"differ by {max(errors):.0e}"
    return f"differ by {max(each.steps or 0 for each in group)} steps"


def _compared(output: OutputProof, pictures: int) -> str:
    """The comparison of an output of the whole file."""
    where = f" on {pictures} picture{'s' * (pictures != 1)}" if pictures else ""
    words = f"output {printable(output.name)}: differs by {output.difference:.0e} of the largest"
    if output.sqnr_db is not None:
        words += f", SQNR {output.sqnr_db:.0f} dB"
    return f"{words}, {100 * output.share:.2g} % of its values{where}"


def _totals(result: OptimizeResult) -> str:
    before, after = result.before, result.after
    assert after is not None
    assert result.expected_gain is not None
    return (
        f"size {before.size_bytes / 1e6:.2f} → {after.size_bytes / 1e6:.2f} MB;"
        f" peak of activations {(before.peak_activation_bytes or 0) / 1e6:.2f} →"
        f" {(after.peak_activation_bytes or 0) / 1e6:.2f} MB; {_partitions(before, after)};"
        f" expected: {100 * result.expected_gain:.0f} % less time in these operators"
    )


def _partitions(before: Figures, after: Figures) -> str:
    if before.partitions is None or after.partitions is None:
        return f"delegate partitions unknown ({before.partitions_reason})"
    return f"delegate partitions {before.partitions} → {after.partitions}"


def _outcome(result: OptimizeResult, dry_run: bool) -> str:
    if result.reason and result.written is not None:
        why = printable(result.reason)
        return f"wrote {show(result.written)} (float16 allowed; nothing rewritten: {why})"
    if result.reason:
        return f"nothing to rewrite in {show(result.path)}: {printable(result.reason)}"
    half = ", float16 allowed" if result.fp16_allowed else ""
    counts = [_operators(len(result.rewritten))] if result.rewritten else []
    if result.regions:
        counts.append(f"{len(result.regions)} region{'s' * (len(result.regions) != 1)}")
    count = " and ".join(counts)
    if result.written is None:
        why = "dry run" if dry_run else "no folder"
        return f"{count} would be rewritten for {result.target}; nothing written ({why})"
    what = f"{count} rewritten for {result.target}, {_proven(result)}{half}"
    return f"wrote {show(result.written)} ({what})"


def _proven(result: OptimizeResult) -> str:
    """The verification in words: by operators only, if the outputs are not conclusive."""
    if all(each.says_nothing for each in result.outputs):
        return "each verified as equal; the outputs cannot be used as proof"
    return "verified as equal"


def _operators(count: int) -> str:
    return f"{count} depthwise convolution{'' if count == 1 else 's'}"


def _by(sizes: Iterable[int]) -> str:
    return "×".join(map(str, sizes))
