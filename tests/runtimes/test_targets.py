import re
from importlib import resources

import pytest

from mixnet_common import UsageError
from mixnet_runtimes.targets import (
    PRECISIONS,
    Target,
    find_target,
    load_targets,
    parse_targets,
    target_names,
    target_of,
    version_of,
)

TARGETS = load_targets().targets

FILES = ("float32", "float16", "int8", "int8-dynamic", "mixed")

MULTIPASS = {
    "litert-1.0",
    "litert-1.1",
    "tflite-2.16",
    "tflite-2.17",
    "tflite-2.18",
    "tflite-2.19",
}
"""XNNPACK had float32 depthwise kernels of several passes from 2023-09-22 to 2025-02-24."""


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_every_target_is_found_by_its_name_and_by_any_version_in_its_range(target: Target):
    first = ".".join(map(str, target.since))
    names = [target.name, target.name.upper(), f"{target.runtime}-{first}.0"]
    names += [f"{target.runtime}-{first}.7"]
    assert {find_target(name).name for name in names} == {target.name}
    assert target_of(target.runtime, f"{first}.1").name == target.name
    assert target.evidence.startswith("measured: ") or "history" in target.evidence


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_multipass_kernels_are_those_of_2024(target: Target):
    assert target.multipass == (target.name in MULTIPASS)
    whole = {precision for precision in FILES if target.lowering(precision).endswith("-multipass")}
    assert whole == ({"float32", "float16"} if target.multipass else set())


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_tiles_are_those_of_xnnpack_and_of_no_other_runtime(target: Target):
    taps = [target.tiles(precision) for precision in PRECISIONS]
    own = [(3, 4, 9, 25), (3, 4, 9, 25), (3, 9, 25), (9, 25)]
    assert bool(target.rules.costs) == (target.file_format == "tflite")
    assert taps == (own if target.file_format == "tflite" else [(), (), (), ()])


def test_the_newest_is_the_default():
    assert find_target().name == find_target(None, "tflite").name == "litert-2.3"
    assert find_target(None, "onnx").name == "onnxruntime-1.32"
    assert find_target("tflite").name == "tflite-2.20"
    assert find_target("litert") is find_target()


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("litert-2.3.1", "litert-2.3"),
        ("litert-1.3.0", "litert-1.2"),
        ("litert-2.2", "litert-2.1"),
        ("tflite-2.17.1", "tflite-2.17"),
        ("tensorflow-cpu-2.17.1", "tflite-2.17"),
        ("tflite-runtime-2.14.0", "tflite-2.14"),
        ("ai-edge-litert-1.1.2", "litert-1.1"),
        ("onnxruntime-1.32.0", "onnxruntime-1.32"),
        ("LiteRT-2.4.0.dev20261026", "litert-2.3"),
    ],
)
def test_exact_versions_and_packages_are_names_too(name: str, found: str):
    assert find_target(name).name == found


@pytest.mark.parametrize(
    ("runtime", "version", "found"),
    [
        ("LiteRT", "1.1.2", "litert-1.1"),
        ("tflite-runtime", "2.14.0", "tflite-2.14"),
        ("TensorFlow Lite", "2.17.1", "tflite-2.17"),
        ("onnxruntime", "1.23.2", "onnxruntime-1.22"),
    ],
)
def test_runtimes_are_known_by_what_sessions_call_them(runtime: str, version: str, found: str):
    assert target_of(runtime, version).name == found


def test_of_an_unknown_version_nothing_is_claimed():
    assert target_of("LiteRT", "unknown") is None
    assert target_of("LiteRT", "0.9") is None
    assert target_of("TensorFlow Lite", "1.15.0") is None
    assert target_of("MNN", "3.6") is None


@pytest.mark.parametrize(
    "name", ["litert-2.x", "litert-2", "litret-2.3", "litert-", "", "-", "2.3", "mnn-3.6"]
)
def test_an_unknown_name_is_refused_with_the_nearest_or_all(name: str):
    with pytest.raises(UsageError, match="unknown runtime") as refused:
        find_target(name)
    assert re.search("did you mean litert-|known: litert-1.0, ", refused.value.hint)


def test_a_runtime_of_the_other_format_is_refused():
    with pytest.raises(UsageError, match=r"onnxruntime 1\.32 runs \.onnx files") as refused:
        find_target("onnxruntime-1.32", "tflite")
    assert "litert-2.3" in refused.value.hint
    assert "onnxruntime" not in refused.value.hint
    assert target_names("onnx") == [name for name in target_names() if name.startswith("onnx")]


def test_a_version_is_the_numbers_at_its_start():
    assert version_of("2.21.0-rc1") == (2, 21, 0)
    assert version_of("v2") is None


SHIPPED = resources.files("mixnet_runtimes").joinpath("targets.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('since = "1.1"', 'since = "1.15"', "must end in the version"),
        ('before = "1.2"', 'before = "1.3"', r"litert-1\.2 must begin where litert-1\.1 ends"),
        ('before = "1.1"', 'before = "0.9"', "has its end before its start"),
        ('before = "1.1"', "before = 1.1", "'before' must be"),
        ('before = "1.1"', 'before = "x"', "'before' must be a version"),
        ('rules = "xnnpack"', 'rules = "xnpack"', "no rules 'xnpack'"),
        ('name = "litert-1.0"', 'name = "mnn-1.0"', "no runtime for 'mnn-1.0'"),
        ("multipass = false", 'multipass = "no"', "'multipass' must be true or false"),
        ("copy = 2.0", "copy = -2.0", "'costs' must be|number from 0"),
        ("copy = 2.0, ", "", "'costs' must be a table with the keys"),
        ("split = [2, 4]", "split = [4, 2]", "'split' must be"),
        ("float32 = [3, 4, 9, 25]", "float32 = [25, 3]", "from the smallest"),
        ("tiles.float16", "tiles.half", "'tiles' must be a table with the keys"),
        ('lowering.default = "xnnpack"', 'lowering.int8 = "xnnpack"', "'lowering' must be"),
        ('lowering.default = "xnnpack"', 'lowring.default = "xnnpack"', "unknown key 'lowring'"),
        ('measured = "', 'mesured = "', "unknown key 'mesured'"),
        ('title = "LiteRT"', "title = 1", "'title' must be"),
        ("[[targets]]", "[targets.x]", "'targets' must be|TOML"),
        ("[rules.", "[rulse.", "unknown key 'rulse'|rules"),
    ],
)
def test_a_fault_in_the_table_is_refused_with_its_place(old: str, new: str, fault: str):
    assert old in SHIPPED
    with pytest.raises(UsageError, match=fault) as refused:
        parse_targets(SHIPPED.replace(old, new, 1), "targets.toml")
    assert str(refused.value).startswith("targets.toml")
