"""``mixnet-bench parity``: compares, prints and saves, then exits with the status of the budget.

Everything that can be refused is refused before the first image is decoded.
"""

from pathlib import Path

from mixnet_bench.accuracy.parity import (
    ParityAnswer,
    ParityRequest,
    answer,
    describe_answer,
    files_read,
)
from mixnet_common import UsageError, write_whole
from mixnet_common.console import (
    json_text,
    print_json,
    print_lines,
    print_sentences,
    print_table,
    say,
)
from mixnet_common.outputs import check_output
from mixnet_quantize.parity import enforce, gate
from mixnet_quantize.parity.report import (
    CLASS_COLUMNS,
    LAYER_COLUMNS,
    class_rows,
    columns,
    headline,
    layer_rows,
    lines,
    parity_rows,
    worst_table,
)


def run_parity(request: ParityRequest, as_json: bool, output: Path | None) -> None:
    """Compare and report. Raises MixnetError and UsageError; beyond the budget too."""
    if output is not None:
        inputs = [*files_read(request), request.settings.state]
        check_output(output, inputs, like="parity.json")
    found = answer(request)
    document = describe_answer(found)
    if output is not None:
        write_whole(output, json_text([document]) + "\n")
    if as_json:
        print_json([document])
    else:
        _print(found)
    if found.parity.verdict is not None:
        enforce(found.parity.verdict)
        say(gate.describe_verdict(found.parity.verdict))


def parse_runtimes(text: str | None) -> tuple[str | None, str | None]:
    """One runtime for both files, or two with a comma between. Raises UsageError.

    >>> parse_runtimes("litert"), parse_runtimes("litert,tensorflow"), parse_runtimes(None)
    (('litert', 'litert'), ('litert', 'tensorflow'), (None, None))
    """
    if text is None:
        return None, None
    names = [name.strip() or None for name in text.split(",")]
    if len(names) > 2:
        raise UsageError(f"--runtimes {text} names {len(names)}", "name one, or one for each file")
    return names[0], names[-1]


def _print(found: ParityAnswer) -> None:
    parity, outcome = found.parity, found.parity.outcome
    above = headline(parity)
    print_sentences(*above)
    print_table(columns(parity), parity_rows(parity))
    print_sentences(*lines(parity)[len(above) :])
    if losing := class_rows(parity, found.labels, len(outcome.worst_errors)):
        print_lines()
        print_table(CLASS_COLUMNS, losing, title="classes with the largest loss")
    for title, worst in (
        ("changed predictions with the largest margin", outcome.worst_flips),
        ("largest logit errors", outcome.worst_errors),
    ):
        if worst:
            print_lines()
            print_table(*worst_table(parity, worst, found.labels), title=title)
    if parity.layers:
        print_lines()
        print_table(LAYER_COLUMNS, layer_rows(parity), title="layers")
