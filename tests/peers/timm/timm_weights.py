"""timm's models with random weights and norms like trained ones, as its users save them."""

from typing import Any

import numpy as np
import torch

from mixnet_bench.studies.peers.timm_models import make_torchvision_importable
from mixnet_networks import Network, load_network
from mixnet_networks.images.picture import picture_input

make_torchvision_importable()

import timm  # noqa: E402 - torchvision had to be made importable before


def trained(name: str, resolution: int = 128, **options: Any) -> Any:
    """A model whose batch norms have seen pictures: drawn scales, statistics of a forward pass."""
    torch.manual_seed(1)
    model = timm.create_model(name, **options)
    network = load_network(name, in_channels=options.get("in_chans", 3))
    pictures = picture_input(resolution, network.preprocessing, batch=4)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_(0, 0.3)
                module.momentum = 1.0
        model.classifier.bias.normal_(0, 0.1)
        model.train()(torch.from_numpy(pictures.transpose(0, 3, 1, 2).copy()))
    return model.eval()


def image_of(network: Network) -> Any:
    """The picture as the network takes it."""
    return picture_input(network.resolution, network.preprocessing)


def logits_of(model: Any, image: Any) -> Any:
    """timm's own logits of an image in our layout."""
    with torch.no_grad():
        return model(torch.from_numpy(image.transpose(0, 3, 1, 2).copy())).numpy()


def largest_difference(found: Any, expected: Any) -> float:
    """To the largest of the expected logits, which must not be nearly equal."""
    largest = np.abs(expected).max()
    assert expected.std() > 0.05 * largest, "a constant would prove nothing"
    return float(np.abs(found - expected).max() / largest)
