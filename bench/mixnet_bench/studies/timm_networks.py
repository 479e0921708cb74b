"""timm's networks through litert-torch or torch.onnx, with random weights that affect all outputs.

Runs in an environment with timm and litert-torch; needs only this package otherwise. Every block
changes the outputs: layer scales are drawn near 1, where timm begins at 1e-6, and norms get
statistics of their own input, so that activations neither vanish nor grow.
"""

import importlib.machinery
import sys
import types
from pathlib import Path
from typing import Any

SEED = 0

SIZES = {"fastvit_t8": 256, "fastvit_s12": 256, "edgenext_xx_small": 256}
"""Height and width that the networks were made for; the others take 224."""

DAMPED = ("dwconv2",)
"""Last convolutions of StarNet's branches, without a norm behind them, are drawn small: with
branches as large as what they are added to, the products in them make rounding grow block by block
until outputs are chance."""

DAMPING = 0.2

_TORCHVISION = (
    "torchvision", "torchvision.datasets", "torchvision.io", "torchvision.models",
    "torchvision.models.feature_extraction", "torchvision.ops", "torchvision.ops.misc",
    "torchvision.transforms", "torchvision.transforms.functional", "torchvision.transforms.v2",
)  # fmt: skip
"""Modules that timm imports and no network here uses."""


def main(name: str, path: str) -> None:
    """Convert the network of this name in timm and write it."""
    import torch

    _stand_in_for_torchvision()
    import timm
    from timm.utils.model import reparameterize_model

    torch.manual_seed(SEED)
    model = timm.create_model(name, pretrained=False)
    size = SIZES.get(name, 224)
    example = torch.randn(2, 3, size, size)
    draw_weights(model, example)
    model = reparameterize_model(model.eval()).eval()
    if path.endswith(".onnx"):
        torch.onnx.export(model, (example[:1],), path, dynamo=True, external_data=False)
        return
    import litert_torch

    litert_torch.convert(model, (example[:1],)).export(str(Path(path)))


def draw_weights(model: Any, example: Any) -> None:
    """Draw weights, norms and layer scales from torch's generator, in place."""
    import torch

    with torch.no_grad():
        for each, values in model.named_parameters():
            if each.endswith("bias"):
                values.normal_(0, 0.05)
            elif values.ndim <= 1 or "gamma" in each or "scale" in each:
                values.normal_(1, 0.1)
            else:
                damping = DAMPING if any(name in each for name in DAMPED) else 1.0
                values.normal_(0, damping * max(values[0].numel(), 1) ** -0.5)
        for norm in (each for each in model.modules() if isinstance(each, torch.nn.BatchNorm2d)):
            norm.momentum = 1.0  # the latest statistics alone
        model.train()(example)


class _Named(type):
    """A class whose attributes are their own names, such as an interpolation mode."""

    def __getattr__(cls, name: str) -> str:
        if name.startswith("__"):
            raise AttributeError(name)
        return name


class _StandIn(types.ModuleType):
    """A module that has a class of any name."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        made = _Named(name, (object,), {"__init__": lambda self, *args, **kwargs: None})
        setattr(self, name, made)
        return made


def _stand_in_for_torchvision() -> None:
    """Let timm be imported where there is no torchvision that fits torch."""
    try:
        import torchvision  # noqa: F401 - only to see whether it can be
    except (ImportError, RuntimeError):
        for name in _TORCHVISION:
            module = _StandIn(name)
            module.__path__ = []
            module.__spec__ = importlib.machinery.ModuleSpec(name, None, is_package=True)
            module.__version__ = "0"  # type: ignore[attr-defined]
            sys.modules[name] = module
            parent, _, own = name.rpartition(".")
            if parent:
                setattr(sys.modules[parent], own, module)


if __name__ == "__main__":
    main(*sys.argv[1:])
