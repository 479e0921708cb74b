"""The compared exporters, ours and the peers, as data.

A new one is a module with a ``make`` and one entry here. Nothing is imported from a peer before it
makes a file, and nothing here makes one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import cast

from mixnet_bench.studies.peers.timm_models import TIMM_NAMES

OURS = "ours"
REFERENCE = "reference"
"""Our lowering that is the paper's literal form."""

RUNTIMES: Mapping[str, str] = {"litert": "tflite", "onnxruntime": "onnx"}
"""The runtime for a file on this machine, and the suffix of its files."""

PRECISIONS = ("float32", "int8")


@dataclass(frozen=True)
class FileRequest:
    """A file to be made; ``lowering`` is the name or file of one of ours, and empty for peers."""

    exporter: str
    network: str
    precision: str
    runtime: str
    lowering: str = ""

    @property
    def form(self) -> str:
        """``tflite`` or ``onnx``."""
        return RUNTIMES[self.runtime]

    @property
    def label(self) -> str:
        """The file's name in a table, after its network."""
        return f"{self.exporter}, {self.lowering}" if self.lowering else self.exporter


@dataclass(frozen=True)
class Exporter:
    """Who makes files, of what, and what that needs.

    ``packages`` are imported to make a file, by module and distribution; their versions, and the
    sources of ``built_from`` (our packages and modules), tell whether a kept file is still what
    would be made.
    """

    title: str
    maker: str
    """``module:function``, from a FileRequest to the file's content."""
    makes: Mapping[str, tuple[str, ...]]
    """Precisions by runtime."""
    packages: Mapping[str, str]
    built_from: tuple[str, ...]
    networks: tuple[str, ...] | None = None
    """None if it makes all of our networks."""
    same_weights: bool = True
    """Whether its files compute what ours compute."""
    note: str = ""

    def can_make(self, order: FileRequest) -> bool:
        """Whether it makes such files at all, installed or not."""
        known = self.networks is None or order.network in self.networks
        return known and order.precision in self.makes.get(order.runtime, ())

    def missing(self) -> list[str]:
        """Distributions that are not installed."""
        return [name for module, name in self.packages.items() if find_spec(module) is None]

    def load_maker(self) -> Callable[[FileRequest], bytes]:
        """Import what makes the file."""
        module, _, function = self.maker.partition(":")
        return cast(Callable[[FileRequest], bytes], getattr(import_module(module), function))


_PEERS = "mixnet_bench.studies.peers"
_TORCH = {"torch": "torch", "torchvision": "torchvision", "timm": "timm"}
_ONNX_EXPORT = {**_TORCH, "onnx": "onnx", "onnxscript": "onnxscript"}
_RANDOM = "timm's network with random weights, which cost the same time"

EXPORTERS: Mapping[str, Exporter] = {
    OURS: Exporter(
        "mixnet-mobile",
        f"{_PEERS}.ours:make",
        {"litert": PRECISIONS, "onnxruntime": PRECISIONS},
        {
            "numpy": "numpy",
            "ai_edge_litert": "ai-edge-litert",
            "ai_edge_quantizer": "ai-edge-quantizer",
            "onnx": "onnx",
            "onnxruntime": "onnxruntime",
        },
        ("mixnet_networks", "mixnet_export", "mixnet_quantize", f"{_PEERS}.ours"),
        note="int8 by percentile ranges on the sample image",
    ),
    "tensorflow": Exporter(
        "TensorFlow's converter",
        f"{_PEERS}.tensorflow_converter:make",
        {"litert": PRECISIONS},
        {"tensorflow": "tensorflow"},
        ("mixnet_networks", f"{_PEERS}.tensorflow_converter"),
        note="the authors' form (split, convolutions, concat, batch norm) with our weights;"
        " int8 is full-integer on the sample image, with float32 inputs and outputs",
    ),
    "litert-torch": Exporter(
        "timm through litert-torch",
        f"{_PEERS}.litert_torch_converter:make",
        {"litert": ("float32",)},
        {**_TORCH, "litert_torch": "litert-torch"},
        (f"{_PEERS}.timm_models", f"{_PEERS}.litert_torch_converter"),
        tuple(TIMM_NAMES),
        same_weights=False,
        note=f"{_RANDOM}; its input is (1, 3, 224, 224)",
    ),
    "torch-onnx": Exporter(
        "timm through torch.onnx.export",
        f"{_PEERS}.torch_onnx:make",
        {"onnxruntime": ("float32",)},
        _ONNX_EXPORT,
        (f"{_PEERS}.timm_models", f"{_PEERS}.torch_onnx"),
        tuple(TIMM_NAMES),
        same_weights=False,
        note=_RANDOM,
    ),
    "torch-onnx-legacy": Exporter(
        "timm through PyTorch's TorchScript exporter",
        f"{_PEERS}.torch_onnx:make_legacy",
        {"onnxruntime": ("float32",)},
        _ONNX_EXPORT,
        (f"{_PEERS}.timm_models", f"{_PEERS}.torch_onnx"),
        tuple(TIMM_NAMES),
        same_weights=False,
        note=f"{_RANDOM}; torch.onnx.export(…, dynamo=False), once its default",
    ),
}
"""Ours first; peers in the order of the tables."""

PEERS: tuple[str, ...] = tuple(name for name in EXPORTERS if name != OURS)
