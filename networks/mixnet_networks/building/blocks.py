"""The kinds of block: one function each, which builds a row of an architecture, and one table.

Mixed and grouped convolutions stay single nodes; weights are not needed here.
"""

from collections.abc import Callable, Mapping

from mixnet_networks.architecture import Stage
from mixnet_networks.building.cell_blocks import build_cell
from mixnet_networks.building.parts import Parts

RESIDUAL_GAMMA = 0.3
"""Initial gamma of a bottleneck's last batch norm. Goyal et al. (2017) start it at 0; at
1 a deep network of drawn weights is chaotic: rounding in its first layers is seen in its logits."""


def _inverted_residual(builder: Parts, prefix: str, x: str, stage: Stage, stride: int) -> str:
    """Expand, depthwise, squeeze-and-excite, project, and a skip where shapes allow."""
    block_input, inputs = x, builder.channels(x)
    outputs = builder.scale(stage.out)
    if stage.expand != 1 or stage.expand_always:
        name = f"{prefix}.expand"
        x = builder.grouped(name, x, int(inputs * stage.expand), stage.expand_groups)
        x = builder.norm(name, x, stage.activation)
    if stage.shuffle and stage.expand_groups > 1:
        groups = stage.expand_groups
        x = builder.graph.add("channel_shuffle", f"{prefix}.shuffle", x, groups=groups)
    x = builder.depthwise(f"{prefix}.depthwise", x, stage, stride)
    x = builder.norm(f"{prefix}.depthwise", x, stage.activation)
    if stage.se:
        reduced = max(1, int(inputs * stage.se))
        x = builder.squeeze_excite(f"{prefix}.se", x, reduced, stage.activation)
    x = builder.grouped(f"{prefix}.project", x, outputs, stage.project_groups)
    x = builder.norm(f"{prefix}.project", x)
    if stage.skip and stride == 1 and inputs == outputs:
        x = builder.graph.add("add", f"{prefix}.skip", (x, block_input))
    return x


def _separable(builder: Parts, prefix: str, x: str, stage: Stage, stride: int) -> str:
    """Depthwise, then pointwise, each with its activation (MobileNetV1)."""
    x = builder.depthwise(f"{prefix}.depthwise", x, stage, stride)
    x = builder.norm(f"{prefix}.depthwise", x, stage.activation)
    x = builder.grouped(f"{prefix}.project", x, builder.scale(stage.out), stage.project_groups)
    return builder.norm(f"{prefix}.project", x, stage.activation)


def _convolution(builder: Parts, prefix: str, x: str, stage: Stage, stride: int) -> str:
    """A convolution with batch norm and activation, and nothing else."""
    x = builder.conv(f"{prefix}.conv", x, builder.scale(stage.out), stage.kernels[0], stride)
    return builder.norm(f"{prefix}.conv", x, stage.activation)


def _bottleneck(builder: Parts, prefix: str, x: str, stage: Stage, stride: int) -> str:
    """1x1, k x k, 1x1 and the shortcut, a 1x1 itself where shapes change (He et al., Figure 5).

    The first 1x1 has the stride, as in the authors' network; later ones moved it to the k x k.
    """
    outputs, middle = builder.scale(stage.out), builder.scale(stage.middle)
    shortcut = x
    if stride != 1 or builder.channels(x) != outputs:
        shortcut = builder.conv(f"{prefix}.shortcut", x, outputs, stride=stride)
        shortcut = builder.norm(f"{prefix}.shortcut", shortcut)
    x = builder.conv(f"{prefix}.reduce", x, middle, stride=stride)
    x = builder.norm(f"{prefix}.reduce", x, stage.activation)
    x = builder.conv(f"{prefix}.conv", x, middle, stage.kernels[0])
    x = builder.norm(f"{prefix}.conv", x, stage.activation)
    x = builder.conv(f"{prefix}.expand", x, outputs)
    x = builder.norm(f"{prefix}.expand", x, initial_gamma=RESIDUAL_GAMMA)
    x = builder.graph.add("add", f"{prefix}.skip", (x, shortcut))
    return builder.activate(f"{prefix}.act", x, stage.activation)


def _shuffle(builder: Parts, prefix: str, x: str, stage: Stage, stride: int) -> str:
    """Half of the channels pass, the others go through 1x1, depthwise, 1x1 (Ma et al., Figure 3).

    At stride 2 both branches see all channels, and the first is a depthwise and a 1x1.
    """
    inputs, outputs = builder.channels(x), builder.scale(stage.out)
    if stride == 1:
        half = inputs // 2
        passed = builder.slice_channels(f"{prefix}.passed", x, 0, half)
        x = builder.slice_channels(f"{prefix}.taken", x, half, inputs - half)
    else:
        half = outputs // 2
        passed = builder.plain_depthwise(f"{prefix}.passed.depthwise", x, stage.kernels[0], stride)
        passed = builder.norm(f"{prefix}.passed.depthwise", passed)
        passed = builder.conv(f"{prefix}.passed.project", passed, half)
        passed = builder.norm(f"{prefix}.passed.project", passed, stage.activation)
    x = builder.conv(f"{prefix}.expand", x, outputs - half)
    x = builder.norm(f"{prefix}.expand", x, stage.activation)
    x = builder.plain_depthwise(f"{prefix}.depthwise", x, stage.kernels[0], stride)
    x = builder.norm(f"{prefix}.depthwise", x)
    x = builder.conv(f"{prefix}.project", x, outputs - half)
    x = builder.norm(f"{prefix}.project", x, stage.activation)
    x = builder.graph.add("concat", f"{prefix}.concat", (passed, x))
    return builder.graph.add("channel_shuffle", f"{prefix}.shuffle", x, groups=2)


BLOCK_BUILDERS: Mapping[str, Callable[[Parts, str, str, Stage, int], str]] = {
    "inverted-residual": _inverted_residual,
    "separable": _separable,
    "convolution": _convolution,
    "bottleneck": _bottleneck,
    "shuffle": _shuffle,
    "cell": build_cell,
}
