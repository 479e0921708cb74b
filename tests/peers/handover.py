"""Writes what peers are tested with: exported files, the picture, and the answers expected.

Usage: ``python handover.py DIRECTORY``, in an environment with this project. The peers read these
files and need nothing of ours; no peer's software is used here.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mixnet_networks import load_network
from mixnet_networks.graph.reference import evaluate
from mixnet_networks.images.picture import picture, picture_input
from mixnet_networks.weights import save_weights, seeded_weights
from mixnet_runtimes import open_session

NETWORKS = ("mixnet-s", "mixnet-m", "mixnet-l", "mobilenet-v1", "mobilenet-v2")
QUANTIZED = ("mixnet-s",)

SHARPNESS = 8
"""Multiplies the classifiers' logits: a power of two, so that it rounds nothing."""


def main(directory: Path) -> None:
    """Write everything, for networks with the weights of seed 0."""
    for name in NETWORKS:
        export(name, directory)
        np.save(directory / f"{name}.input.npy", picture_of(name))
        np.save(directory / f"{name}.expected.npy", oracle(name))
    classifiers(directory / "classifiers")
    for name in QUANTIZED:
        export(name, directory, "--precision", "int8")
        answer = litert(directory / f"{name}-int8.tflite", picture_of(name))
        np.save(directory / f"{name}-int8.expected.npy", answer)
        answer = reference_kernels(directory / f"{name}-int8.tflite", picture_of(name))
        np.save(directory / f"{name}-int8.reference-kernels.npy", answer)


def export(name: str, directory: Path, *options: str) -> None:
    """Write one file with our own command; the tests verify it, so the command need not."""
    command: Sequence[str] = [sys.executable, "-m", "mixnet_export.cli", "tflite", name]
    where = ["-o", str(directory), "--seed", "0", "--no-verify"]
    subprocess.run([*command, *where, *options], check=True)


def classifiers(directory: Path) -> None:
    """MixNet-S with ImageNet's labels, taking pixels, in float32 and int8.

    Random weights take all photos for the same class. These are cured of that: the classifier's
    bias takes away the picture's logits, so that only what is different in a photo counts.
    """
    network = load_network("mixnet-s")
    weights = seeded_weights(network, 0)
    weights["head.classifier.kernel"] *= SHARPNESS
    weights["head.classifier.bias"] -= SHARPNESS * oracle("mixnet-s")[0].astype(np.float32)
    file = directory / "weights.safetensors"
    save_weights(file, weights)
    command = [sys.executable, "-m", "mixnet_export.cli", "tflite", "mixnet-s", "-o", directory]
    options = ["--weights", file, "--labels", "imagenet", "--input", "pixels", "--no-verify"]
    int8 = ["--precision", "int8", "--calibrate", calibration_images(directory / "images")]
    for precision in ([], int8):
        subprocess.run([*command, *options, *precision], check=True)


def calibration_images(folder: Path) -> Path:
    """The picture turned, mirrored and with its colours changed: on itself all logits are 0."""
    from PIL import Image

    folder.mkdir(exist_ok=True)
    pixels = picture()
    changed = (pixels[::-1], pixels[:, ::-1], 255 - pixels, pixels[..., ::-1], pixels // 2)
    for number, each in enumerate(changed):
        Image.fromarray(np.ascontiguousarray(each)).save(folder / f"{number}.png")
    return folder


def picture_of(name: str) -> Any:
    """The picture as the network takes it."""
    network = load_network(name)
    return picture_input(network.resolution, network.architecture.preprocessing)


def oracle(name: str) -> Any:
    """The logits of the picture, in float64."""
    network = load_network(name)
    weights: dict[str, Any] = {
        key: array.astype(np.float64) for key, array in seeded_weights(network, 0).items()
    }
    return evaluate(network.graph, weights, {"image": picture_of(name).astype(np.float64)})[
        "logits"
    ]


def litert(path: Path, image: Any) -> Any:
    """What LiteRT makes of the picture with a file."""
    (answer,) = open_session(path).run([image]).values()
    return answer


def reference_kernels(path: Path, image: Any) -> Any:
    """The same on the plain kernels, which every release computes alike, to the last bit."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(str(path), experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
