"""The shapes of each operator's parameters, from its input shapes and attributes."""

from collections.abc import Mapping
from typing import Any

from mixnet_networks.graph import Shape

Attributes = dict[str, Any]
Shapes = tuple[Shape, ...]


def no_parameters(shapes: Shapes, attributes: Attributes) -> Mapping[str, Shape]:
    """None at all."""
    return {}


def with_bias(parameters: dict[str, Shape], attributes: Attributes, size: int) -> dict[str, Shape]:
    """A kernel's parameters, with a bias of ``size`` where the operator has one."""
    return parameters | ({"bias": (size,)} if attributes["bias"] else {})


def conv_parameters(shapes: Shapes, attributes: Attributes) -> Mapping[str, Shape]:
    """A convolution's kernel (h, w, channels in a group, filters) and bias."""
    filters = attributes["filters"]
    kernel = (*attributes["kernel"], shapes[0][3] // attributes["groups"], filters)
    return with_bias({"kernel": kernel}, attributes, filters)


def depthwise_parameters(shapes: Shapes, attributes: Attributes) -> Mapping[str, Shape]:
    """A depthwise convolution's kernel (h, w, channels, multiplier) and bias."""
    channels, multiplier = shapes[0][3], attributes["multiplier"]
    kernel = (*attributes["kernel"], channels, multiplier)
    return with_bias({"kernel": kernel}, attributes, channels * multiplier)


def dense_parameters(shapes: Shapes, attributes: Attributes) -> Mapping[str, Shape]:
    """A dense layer's kernel (features, units) and bias."""
    units = attributes["units"]
    return with_bias({"kernel": (shapes[0][-1], units)}, attributes, units)


def norm_parameters(shapes: Shapes, attributes: Attributes) -> Mapping[str, Shape]:
    """A batch normalization's four vectors."""
    return dict.fromkeys(("gamma", "beta", "mean", "variance"), (shapes[0][-1],))


def grouped_parameters(shapes: Shapes, attributes: Attributes) -> Mapping[str, Shape]:
    """The kernel of each group of a grouped convolution."""
    filters = attributes["filters"]
    kernels = {
        f"{part}.kernel": (*attributes["kernel"], channels, out)
        for part, channels, out in zip(
            group_names(attributes), attributes["channels"], filters, strict=True
        )
    }
    return with_bias(kernels, attributes, sum(filters))


def mixed_parameters(shapes: Shapes, attributes: Attributes) -> Mapping[str, Shape]:
    """The kernel of each group of a mixed depthwise convolution."""
    multiplier = attributes["multiplier"]
    kernels = {
        f"{part}.kernel": (*kernel, channels, multiplier)
        for part, kernel, channels in zip(
            group_names(attributes), attributes["kernels"], attributes["channels"], strict=True
        )
    }
    return with_bias(kernels, attributes, shapes[0][3] * multiplier)


def group_names(attributes: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of a composite convolution's groups: ``k3``, ``k5`` by kernel, else ``g0``, ``g1``.

    A dilated group is called by the kernel it stands for (Section 3.4); kernel sizes that occur
    twice get the group's index as well.
    """
    if "kernels" not in attributes:
        return tuple(f"g{index}" for index in range(len(attributes["channels"])))
    reach = [
        (kernel[0] - 1) * dilations[0] + 1
        for kernel, dilations in zip(attributes["kernels"], attributes["dilations"], strict=True)
    ]
    unique = len(set(reach)) == len(reach)
    return tuple(f"k{k}" if unique else f"k{k}.g{index}" for index, k in enumerate(reach))
