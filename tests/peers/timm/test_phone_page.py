"""docs/from-checkpoint-to-phone.md with a real model of timm's: its own five best classes.

The photograph goes through timm's own transform there, and through ours here.
"""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from mixnet_bench.studies.peers.timm_models import make_torchvision_importable

make_torchvision_importable()

import timm  # noqa: E402 - torchvision had to be made importable before
from timm.data import create_transform, resolve_data_config  # noqa: E402

from mixnet_bench.cli import main as bench  # noqa: E402
from mixnet_export.cli import main as export  # noqa: E402
from mixnet_networks.images.picture import picture  # noqa: E402
from mixnet_networks.images.preprocessing import load_preprocessing  # noqa: E402
from mixnet_quantize.images import load_image  # noqa: E402

PAGE = Path(__file__).parents[3] / "docs" / "from-checkpoint-to-phone.md"
COMMANDS = {"mixnet-export": export, "mixnet-bench": bench}


@pytest.fixture(scope="module")
def model() -> Any:
    torch.manual_seed(3)
    model = timm.create_model("tf_mixnet_s", num_classes=37)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_(0, 0.3)
                module.momentum = 1.0
        model.train()(torch.randn(2, 3, 96, 96))
    return model.eval()


def photo_in(folder: Path, size: tuple[int, int]) -> Path:
    pixels = Image.fromarray(picture()).resize(size, Image.Resampling.BICUBIC)
    path = folder / "photo.jpg"
    pixels.save(path, quality=95)
    return path


def as_timm_takes_it(model: Any, photo: Path) -> Any:
    transform = create_transform(**resolve_data_config({}, model=model))
    with Image.open(photo) as image:
        return transform(image.convert("RGB"))


@pytest.mark.parametrize("size", [(640, 427), (333, 500), (224, 224), (97, 301), (259, 256)])
def test_our_preprocessing_is_timms(model: Any, size: tuple[int, int], tmp_path: Path) -> None:
    photo = photo_in(tmp_path, size)
    theirs = as_timm_takes_it(model, photo).numpy().transpose(1, 2, 0)
    ours = load_image(photo, 224, load_preprocessing("timm"))

    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def calm(model: Any, image: Any) -> None:
    """Let the logits of an image deviate by 1: random layers make them so large that one wins."""
    with torch.no_grad():
        scale = model(image[None]).std()
        model.classifier.weight /= scale
        model.classifier.bias /= scale


def test_every_file_of_the_page_has_timms_five_best_classes(
    model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    photo = photo_in(tmp_path, (640, 427))
    (tmp_path / "birds.txt").write_text("\n".join(f"bird {index}" for index in range(37)))
    calm(model, as_timm_takes_it(model, photo))
    text = PAGE.read_text(encoding="utf-8")
    exec(next(re.finditer(r"^```python\n(.*?)^```", text, re.M | re.S))[1], {"model": model})
    with torch.no_grad():
        expected = model(as_timm_takes_it(model, photo)[None]).softmax(1)[0].numpy()
    best = [int(index) for index in np.argsort(-expected)[:5]]
    ranked = np.sort(expected)[::-1][:6]
    assert min(ranked[:-1] / ranked[1:]) > 1.01, "a tie would prove nothing"

    files = text[text.index("## The files") :]
    blocks = re.findall(r"^```console\n(.*?)^```", files, re.M | re.S)
    tops = []
    for line in re.findall(r"^\$ (.*)$", "\n".join(blocks[:3]), re.M):
        program, *arguments = shlex.split(line)
        if "int8" in arguments:  # its quantizer is in no peer's environment
            continue
        more = ["--json"] if program == "mixnet-bench" else []
        result = CliRunner().invoke(COMMANDS[program], [*arguments, *more])
        assert result.exit_code == 0, f"{line}\n{result.output}"
        if more:
            tops.append(json.loads(result.stdout)["targets"][0]["top"])

    assert len(tops) == 3
    for top in tops:
        assert [guess["class"] for guess in top] == best
        np.testing.assert_allclose([guess["score"] for guess in top], expected[best], rtol=1e-3)
