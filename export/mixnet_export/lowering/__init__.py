"""Lowerings: rewrite a model into an equal one that a runtime supports, or runs faster.

Each pass is a small function from model to model; a plan sets the options of the passes for each
block. A new rule for a runtime is one line in the table below. Nothing here writes model files.
"""

from collections.abc import Mapping
from pathlib import Path

from mixnet_common import UsageError
from mixnet_common.errors import nearest
from mixnet_export.lowering.branches import branch_mixed
from mixnet_export.lowering.choice import EMULATED, OPTIONS, Choice, Plan, format_plan, load_plan
from mixnet_export.lowering.concats import nest_concats
from mixnet_export.lowering.fold import fold_batch_norm, fuse_activations
from mixnet_export.lowering.groups import expand_groups, join_groups
from mixnet_export.lowering.merging import merge_kernels
from mixnet_export.lowering.model import Model
from mixnet_export.lowering.tiling import tile_depthwise
from mixnet_networks import Node
from mixnet_runtimes.targets import Target, find_target

PLANS: Mapping[str, Plan] = {
    plan.name: plan
    for plan in (
        Plan("reference", Choice(), measured="the paper's literal form, as the authors write it"),
        Plan(
            "xnnpack",
            Choice(mixed="auto", groups="auto", join="sum", tiling="nested", concat="nested"),
            measured="LiteRT 2.3 with XNNPACK on x86-64",
        ),
        Plan(
            "xnnpack-multipass",
            Choice(mixed="auto", groups="auto", join="sum", concat="nested"),
            measured="LiteRT 1.1 and TensorFlow 2.17 with XNNPACK on x86-64",
        ),
        Plan(
            "onnxruntime-x86",
            Choice(merge="pairs", mixed="branches", groups="grouped"),
            measured="onnxruntime 1.32 on x86-64",
        ),
        Plan(
            "onnxruntime-x86-int8",
            Choice(merge="auto", mixed="branches", groups="auto"),
            measured="onnxruntime 1.32 on x86-64 with AVX2, without 8-bit dot products",
        ),
    )
}
"""``reference`` has batch norm folded and activations fused, and nothing else; it is the yardstick.
The others are named for the runtime they were measured on."""

DEFAULT = "default"
"""The plan that suits the runtime that a file is for."""


def find_plan(
    lowering: str, form: str, *, precision: str = "float32", target: Target | None = None
) -> Plan:
    """A plan by name, from a TOML file, or ``default``: that of a target for a file's precision.

    Without a target it is that of the format's newest runtime. Raises UsageError if there is no
    plan of that name, or the file is wrong.
    """
    if lowering.endswith(".toml"):
        return load_plan(Path(lowering))
    if lowering != DEFAULT:
        return _named(lowering)
    return _named((target or find_target(None, form)).lowering(precision))


def _named(name: str) -> Plan:
    if name not in PLANS:
        raise UsageError(f"unknown lowering {name!r}", nearest(name, (DEFAULT, *PLANS)))
    return PLANS[name]


def lower(model: Model, plan: Plan | str = "reference") -> Model:
    """Rewrite a model by a plan, or by one named in ``PLANS``.

    What it computes stays the same but for rounding. Raises UsageError for an unknown name, and
    for a plan that lists a block which the model has not.
    """
    plan = _named(plan) if isinstance(plan, str) else plan
    plan.check(model.graph)
    graph = model.graph

    def pixels(node: Node) -> int:
        _, height, width, _ = graph.shape(node.outputs[0])
        return height * width

    def mixing(node: Node) -> str:
        return plan.of(node).mixing(pixels(node))

    model = fuse_activations(fold_batch_norm(model))
    model = merge_kernels(model, lambda node: plan.of(node).merged(node, pixels(node)))
    model = branch_mixed(
        model,
        lambda node: mixing(node) == "branches",
        lambda node: plan.of(node).join == "sum",
        lambda node: plan.of(node).grouping(node) == "dense",
    )
    model = join_groups(model, lambda node: plan.of(node).grouping(node))
    model = expand_groups(model, mixing)
    model = nest_concats(model, lambda node: plan.of(node).concat == "nested")
    return tile_depthwise(
        model,
        lambda node: plan.of(node).tiling,
        lambda node: plan.of(node).pieces == "float32",
    )


__all__ = [
    "DEFAULT",
    "EMULATED",
    "OPTIONS",
    "PLANS",
    "Choice",
    "Model",
    "Plan",
    "find_plan",
    "format_plan",
    "load_plan",
    "lower",
]
