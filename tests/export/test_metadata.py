"""What a file says of itself: read back as written, found where other software looks."""

import contextlib
import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from mixnet_common import MixnetError, UsageError
from mixnet_export.cli import main
from mixnet_export.job.options import Options, check_options
from mixnet_export.job.verify import Candidate, run_candidate
from mixnet_export.lowering import PLANS, Model, lower
from mixnet_export.lowering.pixels import take_pixels
from mixnet_export.metadata import ModelMetadata, describe_metadata, read_metadata, schema
from mixnet_export.metadata.preparing import side_metadata
from mixnet_export.metadata.tflite import LABELS_FILE, METADATA_KEY, min_runtime_version
from mixnet_export.writers import FORMATS
from mixnet_networks import Network, load_network
from mixnet_networks.architecture import Preprocessing
from mixnet_networks.graph.reference import evaluate
from mixnet_networks.images.picture import picture, picture_input
from mixnet_networks.images.preprocessing import load_preprocessing
from mixnet_networks.weights import seeded_weights
from mixnet_runtimes.model_files import identity_of

FORMS = sorted(FORMATS)
TINY_NETWORK = """
source = "a test"
resolution = 32
stem = { channels = 16 }
head = { channels = 64 }
stages = [
  { out = 24, kernels = [3, 5, 7], expand = 6, expand_groups = 2, stride = 2, se = 0.5 },
  { out = 24, kernels = [3, 5], expand = 3, dilated = true },
]
"""
LABELS = ("ape", "bee, honey bee", "Käfer", "猫")
CARD = ModelMetadata("tiny", "A tiny network", load_preprocessing("authors"), LABELS)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    path = tmp_path_factory.mktemp("networks") / "tiny.toml"
    path.write_text(TINY_NETWORK)
    return load_network(str(path), classes=len(LABELS))


@pytest.fixture(scope="module")
def model(network: Network) -> Model:
    return lower(Model(network.graph, seeded_weights(network)), "xnnpack")


def image(network: Network) -> Any:
    return picture_input(network.resolution, network.preprocessing)


def saved(tmp_path: Path, form: str, content: bytes) -> Path:
    path = tmp_path / f"model.{form}"
    path.write_bytes(content)
    return path


def quantized(form: str, model: Model, network: Network) -> bytes:
    each = FORMATS[form]
    return each.quantize(each.write(model), "image", [each.from_nhwc(image(network))])


# Both formats


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_a_card_is_read_back_as_it_was_written(
    form: str, precision: str, model: Model, network: Network, tmp_path: Path
) -> None:
    content = FORMATS[form].write(model)
    if precision == "int8":
        content = quantized(form, model, network)
    found = read_metadata(saved(tmp_path, form, describe_metadata(form, content, CARD)))

    assert (found.description, found.preprocessing, found.labels) == (
        CARD.description,
        CARD.preprocessing,
        CARD.labels,
    )


@pytest.mark.parametrize("form", FORMS)
def test_a_card_of_little_has_little(form: str, model: Model, tmp_path: Path) -> None:
    content = describe_metadata(form, FORMATS[form].write(model), ModelMetadata())
    found = read_metadata(saved(tmp_path, form, content))

    assert (found.preprocessing, found.labels) == (None, ())


@pytest.mark.parametrize("form", FORMS)
def test_a_file_without_a_card_has_an_empty_one(form: str, model: Model, tmp_path: Path) -> None:
    found = read_metadata(saved(tmp_path, form, FORMATS[form].write(model)))

    assert (found.preprocessing, found.labels) == (None, ())


@pytest.mark.parametrize("form", FORMS)
def test_a_second_card_takes_the_place_of_the_first(
    form: str, model: Model, tmp_path: Path
) -> None:
    other = replace(CARD, preprocessing=load_preprocessing("timm"), labels=("a", "b", "c", "d"))
    once = describe_metadata(form, FORMATS[form].write(model), CARD)
    found = read_metadata(saved(tmp_path, form, describe_metadata(form, once, other)))

    assert (found.preprocessing, found.labels) == (other.preprocessing, other.labels)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_a_card_changes_nothing_of_what_is_computed(
    form: str, precision: str, model: Model, network: Network
) -> None:
    plain = FORMATS[form].write(model)
    if precision == "int8":
        plain = quantized(form, model, network)
    results = [
        run_candidate(Candidate(content, FORMATS[form]), [image(network)])[0]
        for content in (plain, describe_metadata(form, plain, CARD))
    ]

    assert len(np.unique(results[0])) > 2
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("form", FORMS)
def test_equal_cards_make_equal_bytes(form: str, model: Model) -> None:
    content = FORMATS[form].write(model)

    assert describe_metadata(form, content, CARD) == describe_metadata(form, content, CARD)


def test_another_kind_of_file_has_no_card(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a model file"):
        read_metadata(saved(tmp_path, "h5", b"x"))


def test_a_preprocessing_that_cannot_be_is_told_with_the_file(model: Model, tmp_path: Path) -> None:
    import onnx

    content = onnx.load_from_string(describe_metadata("onnx", FORMATS["onnx"].write(model), CARD))
    for text in ("{", '{"mean": 3}', '{"scale": 1}', "[" * 100_000):
        onnx.helper.set_model_props(content, {"mixnet.preprocessing": text})
        path = saved(tmp_path, "onnx", content.SerializeToString())
        with pytest.raises(MixnetError, match=r"model\.onnx.*preprocessing") as caught:
            read_metadata(path)
        assert caught.value.exit_status == 1


# TFLite


def entries(content: bytes) -> tuple[Any, dict[str, bytes]]:
    from ai_edge_litert import schema_py_generated as tables

    found = tables.ModelT.InitFromPackedBuf(content)
    return found, {
        each.name.decode(): bytes(found.buffers[each.buffer].data) for each in found.metadata
    }


def test_the_labels_are_a_plain_zip_archive_behind_the_model(model: Model) -> None:
    content = describe_metadata("tflite", FORMATS["tflite"].write(model), CARD)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        (info,) = archive.infolist()
        text = archive.read(LABELS_FILE).decode()

    assert (info.filename, info.compress_type) == (LABELS_FILE, zipfile.ZIP_STORED)
    assert text.splitlines() == list(LABELS)


def test_the_metadata_says_what_other_software_asks_for(model: Model) -> None:
    content = describe_metadata("tflite", FORMATS["tflite"].write(model), CARD)
    values = schema.decode(entries(content)[1][METADATA_KEY])
    (graph,) = values["subgraph_metadata"]
    (entry,), (output,) = graph["input_tensor_metadata"], graph["output_tensor_metadata"]
    (unit,) = entry["process_units"]
    member, options = unit["options"]

    assert (entry["name"], output["name"]) == ("image", "logits")
    assert entry["content"]["content_properties"][1]["color_space"] == schema.RGB
    assert member == "NormalizationOptions"
    np.testing.assert_allclose(options["mean"], [123.675, 116.28, 103.53], rtol=1e-6)
    np.testing.assert_allclose(options["std"], [58.395, 57.12, 57.375], rtol=1e-6)
    np.testing.assert_allclose(entry["stats"]["max"][0], (255 - 123.675) / 58.395, rtol=1e-6)
    assert output["associated_files"][0]["name"] == LABELS_FILE
    assert output["associated_files"][0]["type"] == schema.TENSOR_AXIS_LABELS
    assert values["min_parser_version"] == "1.0.0"


def test_equal_numbers_for_all_channels_are_written_once(model: Model, tmp_path: Path) -> None:
    """As MediaPipe wants them; read back, there are three again, whoever wrote them."""
    even = Preprocessing(mean=(127.5,) * 3, std=(127.5,) * 3)
    content = describe_metadata(
        "tflite", FORMATS["tflite"].write(model), ModelMetadata(preprocessing=even)
    )
    found, buffers = entries(content)
    (graph,) = schema.decode(buffers[METADATA_KEY])["subgraph_metadata"]
    options = graph["input_tensor_metadata"][0]["process_units"][0]["options"][1]
    assert (options["mean"], options["std"]) == ([127.5], [127.5])

    from ai_edge_litert import schema_py_generated as tables

    from mixnet_runtimes.tflite.pack import pack

    found.metadata = [each for each in found.metadata if each.name == METADATA_KEY.encode()]
    foreign = read_metadata(saved(tmp_path, "tflite", pack(tables, found)))
    assert foreign.preprocessing is not None
    assert (foreign.preprocessing.mean, foreign.preprocessing.std) == (even.mean, even.std)


def test_buffers_stay_aligned(model: Model) -> None:
    content = describe_metadata("tflite", FORMATS["tflite"].write(model), CARD)
    found, _ = entries(content)
    weights = [bytes(each.data) for each in found.buffers if each.data is not None]
    telling = [data for data in weights if len(set(data)) > 16 and content.count(data) == 1]

    assert len(telling) > 5
    assert all(content.find(data) % 16 == 0 for data in telling)


@pytest.mark.parametrize("plan", sorted(PLANS))
@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_the_oldest_runtime_is_known_for_every_operator_written(
    plan: str, precision: str, network: Network
) -> None:
    from ai_edge_litert import schema_py_generated as tables

    lowered = lower(Model(network.graph, seeded_weights(network)), plan)
    content = FORMATS["tflite"].write(lowered)
    if precision == "int8":
        content = quantized("tflite", lowered, network)
    version = min_runtime_version(tables.ModelT.InitFromPackedBuf(content), tables)

    assert [int(part) for part in version.split(".")] >= [1, 13, 1]
    stamped = entries(describe_metadata("tflite", content, CARD))[1]["min_runtime_version"]
    assert stamped == version.encode().ljust(16, b"\0")


def test_an_archive_that_is_damaged_is_told_with_the_file(model: Model, tmp_path: Path) -> None:
    content = describe_metadata("tflite", FORMATS["tflite"].write(model), CARD)
    for broken in (content[:-30], content[: content.rindex(b"PK\x03\x04")]):
        with pytest.raises(MixnetError, match=r"model\.tflite: its labels cannot be read"):
            read_metadata(saved(tmp_path, "tflite", broken))


# The FlatBuffer

TEXTS = st.text(max_size=20)
NUMBERS = st.lists(st.floats(width=32, allow_nan=False), max_size=4)
FILES = st.lists(st.fixed_dictionaries({"name": TEXTS, "type": st.integers(1, 6)}), max_size=3)
TENSORS = st.fixed_dictionaries(
    {
        "name": TEXTS,
        "dimension_names": st.lists(TEXTS, max_size=3),
        "process_units": st.lists(
            st.fixed_dictionaries(
                {
                    "options": st.tuples(
                        st.just("NormalizationOptions"),
                        st.fixed_dictionaries({"mean": NUMBERS, "std": NUMBERS}),
                    )
                }
            ),
            max_size=2,
        ),
        "associated_files": FILES,
    }
)
METADATA = st.fixed_dictionaries(
    {"name": TEXTS, "associated_files": FILES},
    optional={
        "subgraph_metadata": st.lists(
            st.fixed_dictionaries({"input_tensor_metadata": st.lists(TENSORS, max_size=2)}),
            max_size=2,
        )
    },
)


@given(METADATA)
def test_metadata_decodes_to_what_was_encoded(values: dict[str, Any]) -> None:
    assert schema.decode(schema.encode(values)) == values


@given(METADATA, st.data())
@settings(max_examples=200)
def test_broken_metadata_is_refused_or_read_and_never_a_crash(
    values: dict[str, Any], data: st.DataObject
) -> None:
    encoded = bytearray(schema.encode(values))
    for _ in range(data.draw(st.integers(1, 4))):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(encoded[: data.draw(st.integers(0, len(encoded)))])
    for broken in (bytes(encoded), cut):
        with contextlib.suppress(schema.SchemaError):
            schema.decode(broken)


# Pixels


@pytest.mark.parametrize("form", FORMS)
def test_a_model_that_takes_pixels_answers_as_the_one_that_takes_them_normalised(
    form: str, model: Model, network: Network
) -> None:
    pixels = picture(network.resolution)[None].astype(np.float32)
    expected = run_candidate(Candidate(FORMATS[form].write(model), FORMATS[form]), [image(network)])
    content = FORMATS[form].write(take_pixels(model, network.preprocessing))
    found = run_candidate(Candidate(content, FORMATS[form]), [pixels])

    assert expected[0].std() > 0.01
    np.testing.assert_allclose(found[0], expected[0], atol=1e-5 * np.abs(expected[0]).max())


def test_pixels_are_normalised_before_the_padding(model: Model, network: Network) -> None:
    """Zeros around the image are then the mean, as in training: the same in the corners too."""
    before, after = model.graph, take_pixels(model, network.preprocessing)
    stem = before.nodes[0].outputs[0]
    arrays = {name: each.astype(np.float64) for name, each in after.weights.items()}
    seen: list[Any] = []

    def watch(node: Any, inputs: list[Any]) -> None:
        if node.name == before.nodes[0].name:
            seen.append(inputs[0])

    pixels = picture(network.resolution)[None].astype(np.float64)
    evaluate(after.graph, arrays, {"image": pixels}, before=watch)

    assert stem
    np.testing.assert_allclose(seen[0], image(network), atol=1e-5)


def test_the_side_file_and_the_command_s_json_have_the_labels(
    tmp_path: Path, network: Network
) -> None:
    from click.testing import CliRunner

    from mixnet_export.cli import main

    toml, labels = tmp_path / "tiny.toml", tmp_path / "labels.txt"
    toml.write_text(TINY_NETWORK)
    labels.write_text("\n".join(LABELS), encoding="utf-8")
    options = ["--classes", "4", "--labels", str(labels), "--preprocessing", "authors"]
    result = CliRunner().invoke(
        main,
        ["onnx", str(toml), "-o", str(tmp_path), "--input", "pixels", "--json", *options],
    )
    assert result.exit_code == 0, result.output
    (target,) = json.loads(result.stdout)["targets"]
    side = json.loads((tmp_path / "tiny.onnx.json").read_text(encoding="utf-8"))

    for document in (target, side):
        assert document["labels"] == list(LABELS)
        assert document["input"]["values"] == "pixels"
        assert document["preprocessing"]["mean"] == [0, 0, 0]
        assert document["preprocessing"]["order"] == "crop-resize"
    card = read_metadata(tmp_path / "tiny.onnx")
    assert card.labels == LABELS


def test_a_float32_file_may_say_that_float16_is_allowed(tmp_path: Path) -> None:
    small = ("mixnet-s", "--multiplier", "0.25", "--resolution", "32", "-o", str(tmp_path))
    done = CliRunner().invoke(main, ["tflite", *small, "--allow-fp16", "--json"])
    assert done.exit_code == 0, done.output
    (written,) = json.loads(done.stdout)["targets"]
    assert written["allow_fp16"] is True
    assert read_metadata(Path(written["path"])).fp16
    plain = CliRunner().invoke(main, ["tflite", *small, "--json"])
    (other,) = json.loads(plain.stdout)["targets"]
    assert other["allow_fp16"] is False
    assert not read_metadata(Path(other["path"])).fp16
    assert other["verification"] == written["verification"]


def test_float16_is_allowed_to_nothing_but_float32(tmp_path: Path) -> None:
    refused = CliRunner().invoke(
        main, ["tflite", "mixnet-s", "--precision", "int8", "--allow-fp16", "-o", str(tmp_path)]
    )
    assert refused.exit_code == 2
    assert "--allow-fp16 is for float32 .tflite files, not for int8" in refused.stderr
    unknown = CliRunner().invoke(main, ["onnx", "mixnet-s", "--allow-fp16", "-o", str(tmp_path)])
    assert "no such option" in unknown.stderr
    with pytest.raises(UsageError, match=r"not for float32 in \.onnx"):
        check_options(Options(allow_fp16=True), "onnx")


def test_the_provenance_of_an_optimized_file_is_read_without_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.tflite"
    path.write_bytes(b"anything")
    found = {"sha256": identity_of(path).sha256, "optimized_from": {"name": "b.tflite"}}
    path.with_name("a.tflite.json").write_text(json.dumps(found))

    assert side_metadata(path) == ModelMetadata()
    assert capsys.readouterr().err == ""
    path.with_name("a.tflite.json").write_text("{}")
    assert side_metadata(path) == ModelMetadata()
    assert "not valid provenance" in capsys.readouterr().err
