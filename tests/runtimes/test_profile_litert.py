import ctypes
import json
import sys
from importlib import metadata
from pathlib import Path

import pytest
from tiny_models import TfliteBuilder, conv_tflite, split_tflite

from mixnet_common import MixnetError
from mixnet_runtimes import Prepared, child, profile
from mixnet_runtimes.tflite import litert_c
from mixnet_runtimes.tflite.litert_c import DELEGATED, MEMORY_BYTES, OPERATOR
from mixnet_runtimes.tflite.profile import litert as litert_profile

DIES = (sys.executable, "-c", "import os, sys; print('last words', file=sys.stderr); os.abort()")
HANGS = (sys.executable, "-c", "import time; time.sleep(60)")


def test_operators_inside_and_outside_the_delegate_have_the_names_of_the_file(
    tmp_path: Path,
) -> None:
    found = profile(split_tflite(tmp_path / "m.tflite"), rounds=3)
    assert [each.kind for each in found.operators] == ["RELU", "SPLIT_V", "RELU", "RELU"]
    assert [each.name for each in found.operators] == ["y", "part3", "done3", "done5"]
    assert found.operators[0].event.startswith("Clamp")


def test_an_activation_that_is_fused_has_no_time_of_its_own(tmp_path: Path) -> None:
    found = profile(conv_tflite(tmp_path / "m.tflite"), rounds=3)
    assert [each.name for each in found.operators] == ["conv"]


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize("signature", [True, False])
@pytest.mark.parametrize("batch", [1, -1])
def test_any_input_will_do(dtype: str, signature: bool, batch: int, tmp_path: Path) -> None:
    builder = TfliteBuilder()
    scale = (0.1,) if dtype == "int8" else ()
    x, y = (builder.tensor(name, (1, 6, 5, 4), dtype=dtype, scale=scale) for name in "xy")
    if batch < 0:
        for index in (x, y):
            builder.graph.tensors[index].shapeSignature = [-1, 6, 5, 4]
    builder.operator(
        "LOGISTIC" if dtype == "float32" else "MAXIMUM", [x, x][: 1 + bool(scale)], [y]
    )
    builder.graph.inputs, builder.graph.outputs = [x], [y]
    if signature:
        builder.signature({"image": x}, {"scores": y})
    found = profile(builder.write(tmp_path / "ä m.tflite"), rounds=2)
    assert [each.name for each in found.operators] == ["y"]


def ask(command: tuple[str, ...], tmp_path: Path, timeout_s: float = 60) -> MixnetError:
    path = conv_tflite(tmp_path / "m.tflite")
    with pytest.raises(MixnetError) as raised:
        litert_profile.profile(Prepared(path, path, ()), 1, 1, timeout_s, command)
    return raised.value


def test_a_profiler_that_crashes_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    error = ask(DIES, tmp_path)
    path = tmp_path / "m.tflite"
    assert error.message.endswith(f" crashed (SIGABRT) while opening {path}: last words")
    assert "without" in error.hint


def test_a_profiler_that_hangs_is_ended(tmp_path: Path) -> None:
    assert "in 0.5 s" in ask(HANGS, tmp_path, 0.5).message


def test_what_the_profiler_refuses_is_told_with_the_file(tmp_path: Path) -> None:
    answer = json.dumps({"error": "no such thing", "hint": "do without"})
    error = ask((sys.executable, "-c", f"print({answer!r})"), tmp_path)
    assert error.message == f"cannot profile {tmp_path / 'm.tflite'}: no such thing"
    assert error.hint == "do without"


def test_a_profiler_that_forgot_operators_is_not_believed(tmp_path: Path) -> None:
    answer = json.dumps({"answer": {}})
    word = litert_profile.DROPPED
    forgets = f"import sys; print({word!r}, file=sys.stderr); print({answer!r})"
    assert "more operators" in ask((sys.executable, "-c", forgets), tmp_path).message


def test_the_child_itself_reports_a_file_that_litert_cannot_open(tmp_path: Path) -> None:
    path = tmp_path / "other.tflite"
    request = {"path": str(path), "threads": 1, "rounds": 1, "warmup": 0}
    with pytest.raises(MixnetError, match="LiteRtCreateModelFromFile failed"):
        child.ask("mixnet_runtimes.tflite.profile.litert_child:measure_events", path, request)


@pytest.mark.parametrize("version", ["2.1.4", "1.4.0"])
def test_a_version_without_this_interface_is_refused(
    version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "version", lambda _name: version)
    with pytest.raises(MixnetError, match=f"{version} is too old") as raised:
        litert_c.Library()
    assert "pip install" in raised.value.hint


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)
    with pytest.raises(MixnetError, match="ai-edge-litert is not installed"):
        litert_c.Library()


def test_a_library_that_lacks_a_function_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litert_c, "NEEDED", (*litert_c.NEEDED, "LiteRtFly"))
    with pytest.raises(MixnetError, match="does not offer LiteRtFly"):
        litert_c.Library()


def test_a_package_without_the_library_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litert_c, "LIBRARIES", ("libNothing.so",))
    with pytest.raises(MixnetError, match="holds none of libNothing"):
        litert_c.Library()


@pytest.mark.parametrize("memory_bytes", MEMORY_BYTES)
def test_the_layout_of_events_is_told_by_what_makes_sense(memory_bytes: int) -> None:
    kind = litert_c._entry(memory_bytes)
    room = ctypes.create_string_buffer(3 * (56 + 2 * max(MEMORY_BYTES)))
    entries = (kind * 3).from_buffer(room)
    for index, entry in enumerate(entries):
        entry.tag, entry.elapsed, entry.one = b"Add (ND)", 10 + index, index
        entry.type = OPERATOR if index else DELEGATED[-1]
        # What would be read as a type or a source by a wrong layout is none.
        entry.memory[:] = [255] * (2 * memory_bytes)
        entry.source = 2
    found = litert_c._parse(room, 3, "2.3.0")
    assert [(each.tag, each.elapsed_us, each.index) for each in found] == [
        ("Add (ND)", 10, 0),
        ("Add (ND)", 11, 1),
        ("Add (ND)", 12, 2),
    ]


def test_events_of_another_layout_are_refused() -> None:
    room = ctypes.create_string_buffer(b"\xab" * 1000, 1000)
    with pytest.raises(MixnetError, match="unknown layout"):
        litert_c._parse(room, 3, "9.9.9")
