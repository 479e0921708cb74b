"""The counts of a network or of a file, as records.

A network is counted from its graph, a file from the file itself; nothing is run, except to
determine the runtime's partitions of a ``.tflite``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mixnet_bench.counting.conventions import ALL_PRODUCTS, CONVENTIONS, macs_by_convention
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
from mixnet_bench.results.file_run import Given
from mixnet_common import UsageError
from mixnet_common.result import values_of
from mixnet_runtimes import AS_IT_IS, Delegation, Fixed, Selection, fix, is_model_file
from mixnet_runtimes.probing import Use, ask_partitions
from mixnet_runtimes.tflite.undelegated import reasons_for


@dataclass(frozen=True)
class Size:
    """The requested sizes of a network; None means the network's own."""

    classes: int | None = None
    resolution: int | None = None
    multiplier: float | None = None


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
    """The operators outside the delegate, with reasons."""
    return DelegationResult(
        inside=delegation.inside,
        outside=delegation.outside,
        outside_kinds=dict(delegation.outside_kinds),
        outside_reasons=_reasons(delegation),
        reason=delegation.reason,
    )


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


def _reasons(delegation: Delegation) -> dict[str, str]:
    """Why kinds are outside; nothing if no operator at all is inside.

    Then the delegate was not applied, whatever the operators are like.
    """
    return reasons_for(dict(delegation.outside_kinds)) if delegation.partitions else {}
