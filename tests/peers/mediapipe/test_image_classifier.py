"""Our files in MediaPipe's ImageClassifier: the same five best classes as mixnet-bench classify.

Photographs are scikit-image's. MediaPipe does not crop, so it gets what our pipeline cuts out.
"""

import re
import shutil
from pathlib import Path
from typing import Any

import mediapipe as mp
import numpy as np
import pytest
import skimage.data
from mediapipe.tasks.python import BaseOptions
from mediapipe.tasks.python.vision import ImageClassifier, ImageClassifierOptions
from PIL import Image

from mixnet_bench.accuracy.classify import Classifier
from mixnet_export.metadata import read_metadata
from mixnet_quantize.images import decode, fit, load_image
from mixnet_quantize.images.resize import resize_tensorflow

FILES = ["mixnet-s", "mixnet-s-int8"]
PHOTOS = ["astronaut", "chelsea", "coffee", "rocket", "motorcycle_left", "retina", "ihc"]
PAGE = Path(__file__).parents[3] / "docs" / "from-checkpoint-to-phone.md"


@pytest.fixture(scope="module", params=PHOTOS)
def photo(request: pytest.FixtureRequest) -> Path:
    folder = Path(skimage.data.__file__).parent
    return next(
        folder / f"{request.param}{end}"
        for end in (".png", ".jpg")
        if (folder / f"{request.param}{end}").exists()
    )


def answers(model: Path, pixels: Any, results: int = -1) -> list[tuple[int, str, float]]:
    """MediaPipe's classes, names and scores, the best first."""
    options = ImageClassifierOptions(
        base_options=BaseOptions(model_asset_path=str(model)), max_results=results
    )
    with ImageClassifier.create_from_options(options) as classifier:
        image = mp.Image(image_format=mp.ImageFormat.SRGB, data=np.ascontiguousarray(pixels))
        (head,) = classifier.classify(image).classifications
    assert head.head_name == "logits"
    return [(each.index, each.category_name, each.score) for each in head.categories]


@pytest.mark.parametrize("name", FILES)
def test_the_five_best_classes_are_ours(name: str, photo: Path, handover: Path) -> None:
    model = handover / "classifiers" / f"{name}.tflite"
    classifier = Classifier(model)
    pixels = load_image(photo, 224, classifier.known.preprocessing)
    logits = classifier.model.logits(pixels[None])[0]
    ranked = np.sort(logits)[::-1]
    assert ranked[0] - ranked[5] > 0.3, "all but a tie"

    found = answers(model, fit(decode(photo), 224, read_metadata(model).preprocessing), 5)
    guesses = classifier.classify(photo, 5)

    scores = [score for _, _, score in found]
    np.testing.assert_allclose(scores, ranked[:5], atol=1e-3)
    for index, label, score in found:
        assert label == classifier.known.labels[index]
        np.testing.assert_allclose(score, logits[index], atol=1e-3)
    if len(np.unique(ranked[:6])) == 6:  # int8 logits can be equal, and have no order then
        assert [(index, label) for index, label, _ in found] == [
            (guess.number, guess.label) for guess in guesses
        ]
    else:
        assert name == "mixnet-s-int8"


@pytest.mark.parametrize("name", FILES)
def test_photographs_are_told_apart(name: str, handover: Path) -> None:
    """Or else the test above would have compared the same five classes all along."""
    folder = Path(skimage.data.__file__).parent
    classifier = Classifier(handover / "classifiers" / f"{name}.tflite")
    best = {classifier.classify(folder / f"{each}.png", 1)[0].number for each in PHOTOS[:3]}

    assert len(best) == 3


def test_mediapipe_squeezes_an_image_that_is_not_cropped(photo: Path, handover: Path) -> None:
    """As the page says: all of the image, proportions lost, sampled as in TensorFlow 1."""
    model = handover / "classifiers" / "mixnet-s.tflite"
    pixels = np.asarray(decode(photo))
    squeezed = np.round(resize_tensorflow(pixels, (224, 224), "bilinear"))

    whole = {index: score for index, _, score in answers(model, pixels)}
    ours = Classifier(model).model.logits(squeezed.astype(np.float32)[None])[0]

    difference = max(abs(score - ours[index]) for index, score in whole.items())
    assert difference < 0.05 * (ours.max() - ours.min())


def test_what_the_page_tells_one_to_run_runs(
    handover: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    crop = next(block for block in blocks if "read_metadata" in block)
    classify = next(block for block in blocks if "ImageClassifier" in block)
    (tmp_path / "mediapipe").mkdir()
    shutil.copy(handover / "classifiers" / "mixnet-s.tflite", tmp_path / "mediapipe")
    photo = tmp_path / "photo.jpg"
    Image.fromarray(skimage.data.chelsea()).save(photo)
    monkeypatch.chdir(tmp_path)

    exec(crop, {})
    exec(classify, {})

    lines = capsys.readouterr().out.splitlines()
    guesses = Classifier(Path("mediapipe/mixnet-s.tflite")).classify(photo, 5)
    assert [int(line.split()[0]) for line in lines] == [guess.number for guess in guesses]


def test_a_file_with_a_mean_for_each_channel_is_refused(handover: Path) -> None:
    """Should MediaPipe learn to take one, the page has a paragraph too many."""
    with pytest.raises(NotImplementedError, match="Per-channel image normalization"):
        answers(handover / "mixnet-s.tflite", np.zeros((224, 224, 3), np.uint8))
