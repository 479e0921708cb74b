"""A network that was really trained, on the small test set: quantization shows what it costs."""

from pathlib import Path

import pytest

from mixnet_bench.accuracy.parity import parity
from mixnet_export.job.exporting import Options, export
from mixnet_export.writers import FORMATS
from mixnet_networks.images.preprocessing import load_preprocessing
from mixnet_networks.importing import import_weights
from mixnet_networks.labels import load_labels
from mixnet_networks.trained import trained_file, trained_names

PICTURES = Path(__file__).parents[1] / "data" / "glyphs"
"""Two of each of 64 classes; tests/data/glyphs of the full set of 12,288."""

WEIGHTS = "mixnet-s-glyphs"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Float32 and int8 in both formats, calibrated on the small test set itself."""
    folder = tmp_path_factory.mktemp("trained")
    imported = import_weights(Path(WEIGHTS), "mixnet-s")
    network = imported.network.at(resolution=96).shown(load_preprocessing("whole"))
    labels = load_labels("glyphs", network.classes)
    found = {}
    for form in FORMATS.values():
        for precision in ("float32", "int8"):
            calibration = PICTURES if precision == "int8" else None
            options = Options(
                precision=precision, labels=labels, calibration=calibration, verify=False
            )
            done = export(network, imported.weights, form, folder, options)
            found[form.name, precision] = done.path
    return found


def test_trained_weights_have_a_model_card_and_are_small():
    assert WEIGHTS in trained_names()
    for name in trained_names():
        file = trained_file(Path(name))
        assert file.stat().st_size <= 12e6
        card = file.with_suffix(".md").read_text(encoding="utf-8")
        assert all(word in card for word in ("Data", "Licence", "Accuracy", "top-1"))


def test_the_network_knows_characters_of_typefaces_it_has_never_seen(files):
    found = parity(files["tflite", "float32"], files["onnx", "float32"], PICTURES)
    top1 = found.outcome.top1
    assert top1 is not None
    assert 0.78 < top1.first.value < 0.99  # 128 pictures: give or take 6 points
    assert found.outcome.count == 128
    assert not found.unreadable


def test_both_formats_agree_wherever_rounding_does_not_decide(files):
    found = parity(files["tflite", "float32"], files["onnx", "float32"], PICTURES)
    assert found.outcome.beyond_rounding == 0


@pytest.mark.parametrize("form", ["tflite", "onnx"])
def test_int8_keeps_nearly_all_answers(files, form):
    found = parity(files[form, "float32"], files[form, "int8"], PICTURES, budget=5)
    assert found.outcome.agreement.value > 0.86
    assert found.outcome.logits.db is not None
    assert found.outcome.logits.db > 8
    assert found.verdict is not None
    assert found.verdict.kind != "beyond"
