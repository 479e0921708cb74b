"""timm's models of our networks, as timm builds them, with random weights.

Our weights are not translated, so the outputs of these files are not compared. Batch norms get
statistics like trained ones: with timm's initial zeros and ones, exporters would drop additions and
multiplications that every trained network has.
"""

from collections.abc import Mapping
from typing import Any

TIMM_NAMES: Mapping[str, str] = {
    "mixnet-s": "tf_mixnet_s",
    "mixnet-m": "tf_mixnet_m",
    "mixnet-l": "tf_mixnet_l",
    "mobilenet-v2": "mobilenetv2_100",
}
"""The ``tf_`` variants pad as TensorFlow does, so that they do the same work as ours."""

INPUT_SHAPE = (1, 3, 224, 224)
SEED = 0


def timm_model(network_name: str) -> tuple[Any, Any]:
    """A model ready for inference, and an input (1, 3, 224, 224) to trace it with."""
    import torch

    make_torchvision_importable()
    import timm

    torch.manual_seed(SEED)
    model = timm.create_model(TIMM_NAMES[network_name])
    example = torch.randn(*INPUT_SHAPE)
    _set_norms(model, example)
    return model, example


def _set_norms(model: Any, example: Any) -> None:
    """Draw every batch norm's scale and shift, and set its statistics to those of its input.

    Made-up statistics would let activations grow until swish gives denormal numbers, which are
    slow.
    """
    import torch

    norms = [each for each in model.modules() if isinstance(each, torch.nn.BatchNorm2d)]
    with torch.no_grad():
        for norm in norms:
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.normal_(0, 0.3)
            norm.momentum = 1.0  # the latest statistics alone
        model.train()(example)
    model.eval()


BODILESS = tuple(
    f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor" for name in ("nms", "qnms")
)
"""Operators of torchvision's compiled part that its import asks for; no network here uses them."""

_KEPT: list[Any] = []
"""A library's operators are gone when the object that defined them is."""


def make_torchvision_importable() -> None:
    """Let timm import torchvision where its compiled operators cannot be loaded.

    A torchvision built for CUDA beside a torch without it (or the other way round) fails at its
    import, on operators that it decorates; declared without bodies, they are enough.
    """
    import torch

    try:
        import torchvision  # noqa: F401 - only to see whether it can be
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        library = torch.library.Library("torchvision", "DEF")
        for signature in BODILESS:
            library.define(signature)
        _KEPT.append(library)
