"""``mixnet-bench tune FILE``: times every rewriting of ``optimize``, and writes the faster ones."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from mixnet_bench.results.small import TunedFile, TunedRewriting
from mixnet_bench.tuning.host import HostTimer
from mixnet_bench.tuning.search import Timer
from mixnet_common import UsageError, write_whole
from mixnet_common.console import print_json, print_table, say
from mixnet_common.outputs import check_output
from mixnet_common.printable import printable
from mixnet_common.progress import tracked
from mixnet_common.readers import is_file, missing_file, show
from mixnet_export.lowering import EMULATED
from mixnet_export.optimize.decisions import Measured, ratio_text
from mixnet_export.optimize.measuring import CONFIDENCE
from mixnet_export.optimize.planning import MeasuredPlan, plan_by


def run_tune_file(
    path: Path,
    output: Path,
    threads: int,
    as_json: bool,
    where: AbstractContextManager[Timer] | None = None,
) -> None:
    """Tune, write the plan to ``output``, and print the measurements.

    ``where`` provides the timer; None means this machine.
    """
    check_output(output, [path], like="model-here.toml")
    if output.suffix != ".toml":
        raise UsageError(f"-o {output} must end in .toml", "--lowering recognizes a plan by .toml")
    if not is_file(path):
        raise missing_file(path)
    with where or nullcontext(HostTimer(path.suffix.lower(), threads)) as timer:
        plan = plan_by(path, timer, tracked=lambda groups: tracked(groups, "tuning"))
    write_whole(output, plan.text)
    if as_json:
        print_json([_describe(path, output, plan)])
        return
    print_table(
        ("rewritings", "pattern", "what", "time rewritten / original", "applied"),
        [_row(each) for each in plan.measured],
        title="EMULATED: these are not times of a phone" if _is_emulated(plan) else "",
        caption=f"in brackets: {CONFIDENCE:.0%} confidence interval",
    )
    say(f"wrote {show(output)}; use it with mixnet-export optimize … --lowering {show(output)}")


def _is_emulated(plan: MeasuredPlan) -> bool:
    return plan.decisions.measured.startswith(EMULATED)


def _row(each: Measured) -> tuple[str, ...]:
    applied = "yes" if each.is_faster else "no"
    what = printable(each.what)
    return str(len(each.names)), each.pattern, what, ratio_text(each.found), applied


def _describe(path: Path, output: Path, plan: MeasuredPlan) -> TunedFile:
    return TunedFile(
        name=path.name,
        path=str(output),
        measured=plan.decisions.measured,
        emulated=_is_emulated(plan),
        target=plan.decisions.target or "",
        rewritings=tuple(
            TunedRewriting(
                pattern=each.pattern,
                names=each.names,
                what=each.what,
                ratio=each.found.value,
                interval=None
                if each.found.interval is None
                else (each.found.interval.low, each.found.interval.high),
                faster=each.is_faster,
            )
            for each in plan.measured
        ),
        confidence=CONFIDENCE,
    )
