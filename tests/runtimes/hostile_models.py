"""Model files that pass for sound and crash or exhaust their runtime."""

from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from tiny_models import TfliteBuilder


def split_into_none(path: Path) -> Path:
    """A SPLIT into 0 parts; LiteRT 2.3 divides by their number."""
    builder = TfliteBuilder()
    x, y = builder.tensor("x", (1, 4)), builder.tensor("y", (1, 4))
    axis = builder.tensor("axis", (), np.array(1, np.int32))
    options = schema.SplitOptionsT()
    options.numSplits = 0
    builder.operator("SPLIT", [axis, x], [y], options)
    builder.graph.inputs, builder.graph.outputs = [x], [y]
    return builder.write(path)


def detection_without_options(path: Path) -> Path:
    """A custom operator of LiteRT's own without the options that it reads."""
    builder = TfliteBuilder()
    x, y = builder.tensor("x", (1, 4)), builder.tensor("y", (1, 4))
    builder.operator("CUSTOM", [x], [y])
    builder.model.operatorCodes[0].customCode = "TFLite_Detection_PostProcess"
    builder.graph.inputs, builder.graph.outputs = [x], [y]
    return builder.write(path)


def huge_activation(path: Path, height: int = 1 << 16) -> Path:
    """A RELU of 32768 × ``height`` floats; of 2^16 they take 8 GiB."""
    builder = TfliteBuilder()
    x, y = (builder.tensor(name, (1, 1 << 15, height, 1)) for name in "xy")
    builder.operator("RELU", [x], [y])
    builder.graph.inputs, builder.graph.outputs = [x], [y]
    return builder.write(path)


CRASHES = {"split": split_into_none, "detection": detection_without_options}
"""Writers of files whose opening ends LiteRT 2.3 by a signal."""
