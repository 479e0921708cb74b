"""``mixnet-bench tune``: tunes each distinct block of a network and writes the plan."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from mixnet_bench.results.small import TunedBlock, TunedChoice, TunedRatio, TuneResult
from mixnet_bench.tuning.blocks import Block, distinct_blocks, signature
from mixnet_bench.tuning.cache import cache_folder, cache_path, recall, remember
from mixnet_bench.tuning.host import HostTimer
from mixnet_bench.tuning.search import CONFIDENCE, Outcome, Timer, is_faster, search_block
from mixnet_common import MixnetError, UsageError, write_whole
from mixnet_common.console import print_json, print_table, say, warn
from mixnet_common.intervals import Estimate, ratio_of, speed_in_words
from mixnet_common.outputs import check_output, named_files
from mixnet_common.progress import tracked
from mixnet_export.lowering import (
    DEFAULT,
    EMULATED,
    OPTIONS,
    Choice,
    Model,
    Plan,
    find_plan,
    format_plan,
    lower,
)
from mixnet_export.writers import Format
from mixnet_networks import Network
from mixnet_networks.building.build import block_of
from mixnet_networks.graph.sizes import check_memory_for
from mixnet_networks.weights import seeded_weights
from mixnet_quantize.settings import Settings
from mixnet_runtimes.inputs import seeded_input
from mixnet_runtimes.targets import Target
from mixnet_runtimes.turns import log_ratios

DELEGATED = {"mixed": ("slices", "branches", "auto"), "groups": ("grouped", "dense", "auto")}
"""For TFLite, only options that XNNPACK's delegate supports: a split by sizes would divide the
network into partitions, which a block alone doesn't show."""


@dataclass(frozen=True)
class TuneRequest:
    """The network to tune, and its target."""

    network: Network
    form: Format
    precision: str
    threads: int
    use_cache: bool = True
    source: str = ""
    """The name or path that the network was loaded by; ``run`` replaces no such file."""
    fp16: bool = False
    """Whether float32 is computed in float16."""

    def __post_init__(self) -> None:
        """Raise UsageError for float16 in anything but float32 ``.tflite`` files."""
        if self.fp16 and (self.precision, self.form.name) != ("float32", "tflite"):
            raise UsageError(
                f"--fp16 is for float32 .tflite files, not {self.precision} {self.form.suffix}",
                "omit it, or --precision and --format",
            )


def run_tune(
    request: TuneRequest,
    output: Path,
    as_json: bool,
    where: AbstractContextManager[Timer] | None = None,
) -> None:
    """Tune, write the plan to ``output``, and print what was found.

    ``where`` provides the timer; None means this machine.
    """
    check_output(output, named_files(request.source), like="mixnet-s-here.toml")
    if output.suffix != ".toml":
        raise UsageError(f"-o {output} must end in .toml", "--lowering recognizes a plan by .toml")
    cache = _usable_cache() if request.use_cache else None
    with where or nullcontext(_host(request)) as timer:
        plan, outcomes, checks = tune(request, timer, cache)
    write_whole(output, format_plan(plan, _comments(request, plan, outcomes, checks)))
    if as_json:
        rows = [_row(block, outcome) for block, outcome in outcomes]
        print_json([_describe(request, output, plan, rows, checks)])
        return
    _print(outcomes, checks, "EMULATED: these are not times of a phone" if plan.emulated else "")
    say(f"wrote {output}; use it with mixnet-export … --lowering {output}")


def _host(request: TuneRequest) -> HostTimer:
    return HostTimer(request.form.suffix, request.threads, fp16=request.fp16)


def _usable_cache() -> Path | None:
    """The user's folder of earlier results; None, with a warning, where it can't be written."""
    folder = cache_folder()
    try:
        check_output(folder / "block.json")
    except MixnetError as error:
        warn(f"{error.message}: results are not cached for later runs")
        return None
    return folder


def tune(
    request: TuneRequest, timer: Timer, cache: Path | None = None
) -> tuple[Plan, list[tuple[Block, Outcome]], dict[str, Estimate]]:
    """The plan, what was found block by block, and the whole network's time over other plans'.

    ``timer`` times model files wherever it likes. ``cache`` is a folder of earlier results.
    """
    check_memory_for(request.network.graph)
    model = Model(request.network.graph, seeded_weights(request.network))
    blocks = distinct_blocks(model)
    _check_calibrated(request, blocks)
    example = _write(request, blocks[0].model, find_plan("reference", request.form.name))
    target = timer.target(example)
    start = _default(request, target)
    measured = f"{timer.conditions(example)}, {request.precision}"
    outcomes = [
        (block, _tune_block(request, block, start, timer, measured, cache))
        for block in tracked(blocks, "tuning")
    ]
    choices = {name: found.choice for block, found in outcomes for name in block.names}
    in_order = dict.fromkeys(block_of(node.name) for node in model.graph.nodes)
    ordered = {name: choices[name] for name in in_order}
    name = target.name if target else None
    emulated = measured.startswith(EMULATED)
    plan = Plan(f"{request.network.name}.toml", start.general, ordered, measured, name, emulated)
    return plan, outcomes, _check_whole(request, model, plan, start, timer)


def _default(request: TuneRequest, target: Target | None) -> Plan:
    """The plan that the search begins with: the default for the runtime that is tuned for."""
    form, precision = request.form.name, request.precision
    return find_plan(DEFAULT, form, precision=precision, target=target)


def _check_calibrated(request: TuneRequest, blocks: Sequence[Block]) -> None:
    """Raise UsageError if blocks are requested in int8 that cannot be calibrated."""
    widest = max(blocks, key=lambda block: len(block.model.graph.inputs))
    if request.precision != "float32" and len(widest.model.graph.inputs) > 1:
        raise UsageError(
            f"{widest.names[0]} of {request.network.name} has several inputs, and calibration"
            " feeds only one",
            "tune it in float32; --lowering takes the result for int8 too",
        )


def _tune_block(
    request: TuneRequest, block: Block, start: Plan, timer: Timer, measured: str, cache: Path | None
) -> Outcome:
    choice = start.of(block.model.graph.nodes[0])
    lowered = lower(block.model, Plan("start", choice)).graph
    conditions = {
        "block": signature(block.model.graph),
        "start": str(choice),
        "lowered": signature(lowered),  # changes with the lowerings themselves
        "on": measured,
    }
    path = cache_path(cache, **conditions) if cache else None
    kept = recall(path) if path else None
    if kept:
        return kept
    options = {**OPTIONS, **(DELEGATED if request.form.name == "tflite" else {})}
    outcome = search_block(block, choice, _writer(request), timer, options)
    if path:
        remember(path, outcome)
    return outcome


def _writer(request: TuneRequest) -> Callable[[Block, Choice], bytes]:
    return lambda block, choice: _write(request, block.model, Plan("candidate", choice))


def _write(request: TuneRequest, model: Model, plan: Plan) -> bytes:
    """A model as a file of the requested precision; int8 ranges come from noise, enough to time."""
    lowered = lower(model, plan)
    content = request.form.write(lowered)
    if request.precision == "float32":
        return content
    (entry,) = model.graph.inputs
    noise = seeded_input(entry.shape, "float32", np.random.default_rng(0))
    samples = iter([request.form.from_nhwc(noise)])
    settings = Settings(float_nodes=lowered.floating)
    return request.form.quantize(content, entry.name, samples, settings)


def _check_whole(
    request: TuneRequest, model: Model, plan: Plan, default: Plan, timer: Timer
) -> dict[str, Estimate]:
    """The tuned network's time over that of the default and of the reference lowering.

    Blocks are timed alone, and a network is more than its blocks: this checks the gain.
    """
    others = {DEFAULT: default, "reference": find_plan("reference", request.form.name)}
    contents = [_write(request, model, each) for each in (plan, *others.values())]
    launches = timer.launches(contents)
    return {
        name: ratio_of(log_ratios(launches, file=0, to=number), CONFIDENCE)
        for number, name in enumerate(others, start=1)
    }


# Reports


def _comments(
    request: TuneRequest,
    plan: Plan,
    outcomes: list[tuple[Block, Outcome]],
    checks: dict[str, Estimate],
) -> list[str]:
    lines = [
        "EMULATED: not timed on a phone; another lowering may be fastest there."
    ] * plan.emulated
    lines += [
        f"The fastest lowering found of {request.network.name} for .{request.form.name}.",
        *(f"The network is {speed_in_words(found, name)}." for name, found in checks.items()),
        "Time of each block relative to the default lowering:",
    ]
    return lines + [f"  {', '.join(block.names)}: {show_gain(found)}" for block, found in outcomes]


def _row(block: Block, outcome: Outcome) -> TunedBlock:
    return TunedBlock(
        blocks=tuple(block.names),
        choice=TunedChoice(**asdict(outcome.choice)),
        ratio=outcome.ratio,
        tried=outcome.tried,
        best=None if outcome.best is None else _describe_ratio(outcome.best),
    )


def _describe_ratio(found: Estimate) -> TunedRatio:
    return TunedRatio(ratio=found.value, interval=_bounds(found), faster=is_faster(found))


def _bounds(found: Estimate) -> tuple[float, float] | None:
    return None if found.interval is None else (found.interval.low, found.interval.high)


def show_ratio(found: Estimate) -> str:
    """A ratio with its interval, and whether it is more than noise.

    >>> from mixnet_common.intervals import Interval
    >>> show_ratio(Estimate(0.98, Interval(0.95, 1.01)))
    '0.980 (0.950–1.010: no detectable difference)'
    """
    if found.interval is None:
        return f"{found.value:.3f}"
    low, high = found.interval.low, found.interval.high
    noise = ": no detectable difference" if low <= 1 <= high else ""
    return f"{found.value:.3f} ({low:.3f}–{high:.3f}{noise})"


def show_gain(found: Outcome) -> str:
    """The gain of a block; if it may be noise, that the block is unchanged."""
    if found.best is None:
        return f"{found.ratio:.3f}"
    if is_faster(found.best):
        return show_ratio(found.best)
    return f"1, unchanged; the best candidate was {show_ratio(found.best)}"


def _describe(
    request: TuneRequest,
    output: Path,
    plan: Plan,
    rows: Sequence[TunedBlock],
    checks: dict[str, Estimate],
) -> TuneResult:
    return TuneResult(
        name=request.network.name,
        path=str(output),
        measured=plan.measured,
        emulated=plan.emulated,
        blocks=tuple(rows),
        ratios={name: found.value for name, found in checks.items()},
        ratio_intervals={name: _bounds(found) for name, found in checks.items()},
        confidence=CONFIDENCE,
    )


def _print(outcomes: list[tuple[Block, Outcome]], checks: dict[str, Estimate], title: str) -> None:
    print_table(
        ("blocks", *OPTIONS, "time / default", "tried"),
        [
            (
                ", ".join(block.names),
                *asdict(found.choice).values(),
                show_gain(found),
                str(found.tried),
            )
            for block, found in outcomes
        ],
        title=title,
        caption="; ".join(
            f"the network is {speed_in_words(found, name)}" for name, found in checks.items()
        )
        + f"; in brackets: {CONFIDENCE:.0%} confidence interval",
    )
