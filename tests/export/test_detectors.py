"""Detectors in both formats: two outputs, verified against the other runtime, and quantized."""

from pathlib import Path

import pytest

from mixnet_export.job.exporting import Options, export
from mixnet_export.metadata import read_metadata
from mixnet_export.writers import FORMATS
from mixnet_networks import Network, load_network
from mixnet_networks.weights import Weights, seeded_weights
from mixnet_runtimes import open_session

# 3 anchors on 6 x 6 places, 6 on 3 x 3, 2 x 2 and three single ones.
SHAPES = {"boxes": (1, 204, 4), "scores": (1, 204, 5)}
LABELS = tuple(f"label {index}" for index in range(5))
TINY = """
source = "a test's"
stem = { channels = 8 }
stages = [{ out = 8, kernels = [3] }, { out = 16, kernels = [3], stride = 2, expand = 2 }]
head = { channels = 24 }
"""


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> tuple[Network, Weights]:
    path = tmp_path_factory.mktemp("detector") / "tiny.toml"
    path.write_text(TINY)
    network = load_network(f"{path}:mdconv35,ssdlite", classes=5, resolution=12)
    return network, seeded_weights(network)


@pytest.mark.parametrize("precision", ["float32", "int8"])
@pytest.mark.parametrize("form", FORMATS)
def test_a_detectors_file_gives_boxes_and_scores(
    form: str, precision: str, detector: tuple[Network, Weights], tmp_path: Path
) -> None:
    options = Options(precision=precision, labels=LABELS)
    written = export(*detector, FORMATS[form], tmp_path, options)

    outputs = {each.name: each.shape for each in open_session(written.path).outputs}
    assert outputs == SHAPES
    assert written.verification is not None
    assert not written.verification.degenerate
    assert written.verification.largest_difference < (1e-4 if precision == "float32" else 0.5)
    assert [each["name"] for each in written.provenance["outputs"]] == list(SHAPES)
    assert ":" not in written.path.name


def test_the_labels_travel_with_the_scores(
    detector: tuple[Network, Weights], tmp_path: Path
) -> None:
    options = Options(labels=LABELS, verify=False)
    for form in FORMATS.values():
        assert read_metadata(export(*detector, form, tmp_path, options).path).labels == LABELS
