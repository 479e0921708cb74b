"""``mixnet-bench count``: parameters, multiply-adds and activations of networks and of files.

A network is counted from its graph, a file from the file itself; nothing is run, but for asking the
runtime into how many pieces it cuts a ``.tflite``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mixnet_bench.counting.conventions import (
    ALL_PRODUCTS,
    CONVENTIONS,
    macs_by_convention,
)
from mixnet_bench.counting.file import count_file, count_signatures
from mixnet_bench.counting.graph import count_graph
from mixnet_bench.counting.record import Count, Layer
from mixnet_bench.results.count import (
    CountedBody,
    CountedLayer,
    CountedSignature,
    CountResult,
    DelegationResult,
    FileCountResult,
    TfliteCountResult,
)
from mixnet_bench.results.latency import Given
from mixnet_common import UsageError
from mixnet_common.console import print_json, print_table, tracked, warn
from mixnet_common.result import values_of
from mixnet_runtimes import AS_IT_IS, Delegation, Fixed, Selection, fix, is_model_file
from mixnet_runtimes.probing import Use, ask_partitions
from mixnet_runtimes.several_files import selections_for
from mixnet_runtimes.tflite.undelegated import reasons_for

COLUMNS = ("name", "parameters", "multiply-adds", "activations", "partitions", "outside")
LAYER_COLUMNS = ("layer", "operator", "output", "parameters", "multiply-adds", "activations")


@dataclass(frozen=True)
class Size:
    """What the command line asks of a network; None is the network's own."""

    classes: int | None = None
    resolution: int | None = None
    multiplier: float | None = None


def run(
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
            "--shape, --dim and --signature are for files", "a network has --resolution"
        )
    parts = dict(zip(files, selections_for(files, selection), strict=True))
    counted = [
        describe_target(target, size, parts.get(Path(target), AS_IT_IS))
        for target in tracked(targets, "counting")
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
            print_table(LAYER_COLUMNS, layer_rows(each), title=each.name)
    rows = [row for each in counted for row in (table_row(each), *signature_rows(each))]
    print_table(COLUMNS, rows, caption=_caption(counted))


def describe_target(target: str, size: Size, selection: Selection = AS_IT_IS) -> CountResult:
    """The record of one target; docs/json.md explains every key."""
    if not is_model_file(target):
        return describe_count(count_network(target, size))
    if size != Size():
        raise UsageError(
            f"{target} is a file, whose sizes are fixed",
            "--classes, --resolution and --multiplier are for networks",
        )
    path = Path(target)
    count = count_file(path, selection)
    fixed = fix(path, selection)
    found = FileCountResult(
        **{**values_of(describe_count(count)), "name": path.name},
        shapes={each.name: tuple(each.shape) for each in fixed.inputs},
        signature=fixed.signature,
        given=describe_given(fixed),
        signatures=tuple(
            describe_signature(name, each) for name, each in count_signatures(path, count).items()
        ),
    )
    if count.source != "tflite":
        return found
    delegation = ask_partitions(Use(path, selection=selection))
    return TfliteCountResult(
        **values_of(found),
        partitions=delegation.partitions,
        delegation=describe_delegation(delegation),
    )


def describe_signature(name: str, count: Count | str) -> CountedSignature:
    """The figures of one of several signatures, or why it has none."""
    if isinstance(count, str):
        return CountedSignature(name=name, reason=count)
    return CountedSignature(
        name=name,
        params=count.params,
        macs=count.macs,
        activations=count.activations,
        reason=count.reason or None,
    )


def describe_given(fixed: Fixed) -> Given:
    """Which sizes and signature options gave a file."""
    shapes = {name: tuple(shape) for name, shape in fixed.given.shapes.items()}
    return Given(shapes=shapes or None, signature=fixed.given.signature or None)


def count_network(target: str, size: Size) -> Count:
    """Count a network by name or TOML file from its graph. Raises UsageError."""
    from mixnet_networks import load_network

    network = load_network(
        target,
        classes=size.classes,
        resolution=size.resolution,
        multiplier=size.multiplier,
    )
    return count_graph(network.graph)


def describe_count(count: Count) -> CountResult:
    """A count as a record, layers included."""
    return CountResult(
        name=count.name,
        source=count.source,
        params=count.params,
        macs=count.macs,
        activations=count.activations,
        reason=count.reason or None,
        batch=count.batch,
        convention=ALL_PRODUCTS,
        macs_by_convention=dict(_by_convention(count)),
        not_counted=dict(count.not_counted),
        layers=tuple(map(_describe_layer, count.layers)),
        warnings=tuple(count.warnings),
    )


def _by_convention(count: Count) -> Mapping[str, int | None]:
    if count.macs is None:
        return {each.key: None for each in CONVENTIONS}
    return macs_by_convention(count.macs, batch_norm_elements(count))


def batch_norm_elements(count: Count) -> int:
    """Elements that batch norms compute; none where they are folded."""
    return sum(layer.batch_norm_elements for layer in count.layers)


def describe_delegation(delegation: Delegation) -> DelegationResult:
    """What stays outside the delegate, and why."""
    return DelegationResult(
        inside=delegation.inside,
        outside=delegation.outside,
        outside_kinds=dict(delegation.outside_kinds),
        outside_reasons=_reasons(delegation),
        reason=delegation.reason,
    )


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


def _describe_layer(layer: Layer) -> CountedLayer:
    return CountedLayer(
        name=layer.name,
        op=layer.op,
        macs=layer.macs,
        params=layer.params,
        activations=layer.activations,
        output_shape=tuple(layer.output_shape),
        batch_norm_elements=layer.batch_norm_elements,
        reason=layer.reason or None,
        bodies=tuple(
            CountedBody(name=body.name, layers=tuple(map(_describe_layer, body.layers)))
            for body in layer.bodies
        ),
    )


def _outside(target: CountResult) -> str:
    kinds = _kinds_outside(target).outside_kinds
    return ", ".join(f"{count} {kind}" for kind, count in kinds.items()) or "none"


def _kinds_outside(target: CountResult) -> DelegationResult:
    return target.delegation if isinstance(target, TfliteCountResult) else DelegationResult()


def _reasons(delegation: Delegation) -> dict[str, str]:
    """Why kinds are outside; nothing where no operator at all is inside.

    Then the delegate was not applied, whatever the operators are like.
    """
    return reasons_for(dict(delegation.outside_kinds)) if delegation.partitions else {}


def _caption(counted: Sequence[CountResult]) -> list[str]:
    text = f"multiply-adds: {ALL_PRODUCTS}, for one image; activations: their outputs"
    if any(each.batch is None for each in counted):
        text = text.replace("for one image", "for one image where the batch is known")
    if any(isinstance(each, TfliteCountResult) for each in counted):
        text += "; partitions: pieces run by XNNPACK, outside: operators it leaves"
    if any(len(set(each.macs_by_convention.values())) > 1 for each in counted):
        text += f"; --json has {len(CONVENTIONS) - 1} other conventions beside it"
    return [text, *_why_outside(counted)]


def _why_outside(counted: Sequence[CountResult]) -> list[str]:
    """A line for each kind that is outside for a known reason, whichever file it is in."""
    reasons: dict[str, str] = {}
    for each in counted:
        reasons |= _kinds_outside(each).outside_reasons
    return [f"{kind}: {reason}" for kind, reason in sorted(reasons.items())]
