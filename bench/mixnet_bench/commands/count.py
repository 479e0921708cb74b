"""``mixnet-bench count``: parameters, multiply-adds and activations of networks and of files.

A network is counted from its graph, a file from the file itself; nothing is run, but for asking the
runtime into how many pieces it cuts a ``.tflite``.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from mixnet_bench.counting.conventions import ALL_PRODUCTS, CONVENTIONS
from mixnet_bench.counting.describe import Size, describe_target
from mixnet_bench.results.count import (
    CountedLayer,
    CountResult,
    DelegationResult,
    FileCountResult,
    TfliteCountResult,
)
from mixnet_common import UsageError
from mixnet_common.console import print_json, print_table, say, warn
from mixnet_common.progress import tracked
from mixnet_runtimes import AS_IT_IS, Selection, is_model_file
from mixnet_runtimes.several_files import selections_for

COLUMNS = ("name", "parameters", "multiply-adds", "activations", "partitions", "outside")
LAYER_COLUMNS = ("layer", "operator", "output", "parameters", "multiply-adds", "activations")
LAYER_DROP = ("activations", "output", "operator")
"""Columns that a narrow terminal does without."""


def run_count(
    targets: Sequence[str],
    size: Size,
    as_json: bool,
    with_layers: bool,
    selection: Selection = AS_IT_IS,
) -> None:
    """Count and print. Raises MixnetError and UsageError."""
    files = [Path(target) for target in targets if is_model_file(target)]
    if selection != AS_IT_IS and not files:
        raise UsageError(
            "--shape, --dim and --signature apply to files", "use --resolution for a network"
        )
    parts = dict(zip(files, selections_for(files, selection), strict=True))
    found = {
        target: describe_target(target, size, parts[Path(target)])
        for target in tracked([each for each in targets if is_model_file(each)], "counting")
    }
    size = sized_like(size, list(found.values()))
    counted = [
        found[target] if target in found else describe_target(target, size) for target in targets
    ]
    for each in counted:
        if each.reason:
            warn(f"{each.name}: multiply-adds unknown: {each.reason}")
        for warning in each.warnings:
            warn(f"{each.name}: {warning}")
        if isinstance(each, TfliteCountResult) and each.delegation.reason:
            warn(f"{each.name}: partitions unknown: {each.delegation.reason}")
    if as_json:
        print_json(counted)
        return
    if with_layers:
        for each in counted:
            print_table(LAYER_COLUMNS, layer_rows(each), title=each.name, drop=LAYER_DROP)
    rows = [row for each in counted for row in (table_row(each), *signature_rows(each))]
    print_table(COLUMNS, rows, caption=_caption(counted), drop=("activations",))


def sized_like(size: Size, files: Sequence[CountResult]) -> Size:
    """A size with the classes of the files, if these agree and no others are requested.

    A network is compared with files of it: with its own 1000 classes it would be another network.
    """
    classes = {classes_of(each) for each in files}
    if size != Size() or len(classes) != 1 or None in classes:
        return size
    (number,) = classes
    say(f"networks are counted with {number:,} classes, like the files")
    return Size(classes=number)


def classes_of(counted: CountResult) -> int | None:
    """A file's classes: the output size of its last layer, if that is one row per image."""
    layers = [layer for layer in counted.layers if layer.macs]
    shape = layers[-1].output_shape if layers else ()
    return shape[1] if len(shape) == 2 and (shape[1] or 0) > 1 else None


def table_row(target: CountResult) -> tuple[str, ...]:
    """One row below ``COLUMNS``."""
    partitions = target.partitions if isinstance(target, TfliteCountResult) else None
    return (
        target.name,
        f"{target.params:,}",
        _millions(target.macs),
        _millions(target.activations),
        "" if partitions is None else str(partitions),
        "" if partitions is None else _outside(target),
    )


def signature_rows(target: CountResult) -> list[tuple[str, ...]]:
    """A row for each signature of a file that has several."""
    if not isinstance(target, FileCountResult):
        return []
    return [
        (
            f"  signature {each.name}",
            _number(each.params),
            _millions(each.macs),
            _millions(each.activations),
            "",
            "counted above" if each.name == target.signature else "",
        )
        for each in target.signatures
    ]


def layer_rows(target: CountResult) -> list[tuple[str, ...]]:
    """The rows below ``LAYER_COLUMNS``; what a layer runs stands indented below it."""
    return list(_layer_rows(target.layers, ""))


def _layer_rows(layers: Sequence[CountedLayer], indent: str) -> Iterator[tuple[str, ...]]:
    for layer in layers:
        yield (
            indent + layer.name,
            layer.op,
            "×".join("?" if size is None else str(size) for size in layer.output_shape),
            f"{layer.params:,}",
            _number(layer.macs),
            _number(layer.activations),
        )
        for body in layer.bodies:
            yield from _layer_rows(body.layers, f"{indent}  {body.name}: ")


UNKNOWN = "–"
"""In a cell whose figure cannot be known."""


def _number(figure: int | None) -> str:
    return UNKNOWN if figure is None else f"{figure:,}"


def _millions(figure: int | None) -> str:
    return UNKNOWN if figure is None else f"{figure / 1e6:.2f}M"


def _outside(target: CountResult) -> str:
    kinds = _kinds_outside(target).outside_kinds
    return ", ".join(f"{count} {kind}" for kind, count in kinds.items()) or "none"


def _kinds_outside(target: CountResult) -> DelegationResult:
    return target.delegation if isinstance(target, TfliteCountResult) else DelegationResult()


def _caption(counted: Sequence[CountResult]) -> list[str]:
    text = f"multiply-adds: {ALL_PRODUCTS}, for one image; activations: their outputs"
    if any(each.batch is None for each in counted):
        text = text.replace("for one image", "for one image where the batch is known")
    if any(isinstance(each, TfliteCountResult) for each in counted):
        text += "; partitions: subgraphs run by XNNPACK; outside: operators that it does not run"
    if any(len(set(each.macs_by_convention.values())) > 1 for each in counted):
        text += f"; --json has {len(CONVENTIONS) - 1} other conventions beside it"
    return [text, *_why_outside(counted)]


def _why_outside(counted: Sequence[CountResult]) -> list[str]:
    """A line for each kind that is outside for a known reason, whichever file it is in."""
    reasons: dict[str, str] = {}
    for each in counted:
        reasons |= _kinds_outside(each).outside_reasons
    return [f"{kind}: {reason}" for kind, reason in sorted(reasons.items())]
