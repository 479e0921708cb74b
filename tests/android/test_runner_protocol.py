import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixnet_android.runner.protocol import parse, parse_progress, salvage
from mixnet_android.runner.result import Result
from mixnet_common import MixnetError

TENSOR = {"name": "image", "dtype": "float32", "shape": [1, 2], "size_bytes": 8}
LINES: list[dict[str, Any]] = [
    {"type": "header", "protocol": 1, "runner": "1", "machine": "aarch64", "system": "Linux",
     "pid": 7, "page_bytes": 4096, "clock_ns": 5, "unix_s": 1.5, "arguments": ["--model", "a"]},
    {"type": "affinity", "asked": [0], "cpus": [0]},
    {"type": "library", "library": 0, "path": "libLiteRt.so", "api": "litert", "version": None,
     "interface": "2.1.6", "load_ms": 1.0},
    {"type": "model", "model": 0, "library": 0, "path": "a.tflite", "size_bytes": 10,
     "load_ms": 3.5, "first_ms": 2.5, "input_source": "seed", "settings": {"threads": 1},
     "inputs": [TENSOR], "outputs": [TENSOR]},
    {"type": "warmup", "model": 0, "ns": [11, 12]},
    {"type": "burst", "model": 0, "round": 0, "turn": 0, "t_ns": [100, 300, 500],
     "ns": [150, 100, 110], "cpu": [0, 0, 1],
     "cpu_ns": 350, "preempted": 0, "khz_before": {"0": 1000}, "khz_after": {"1": 2000}},
    {"type": "profile", "model": 0, "round": 0, "wall_ns": 9, "events": [["Conv", 4, 0, 8]]},
    {"type": "threads", "when": "end", "threads": [
        {"tid": 7, "name": "mixnet-runner", "allowed": [0], "last_cpu": 0, "cpu_ms": 20}]},
    {"type": "memory", "when": "end", "peak_kb": 20, "now_kb": 10},
    {"type": "output", "model": 0, "index": 0, "path": "out/0.bin", **TENSOR},
    {"type": "warning", "message": "hot\u001b[31m"},
    {"type": "news", "of": "a later version"},
    {"type": "end", "status": 0, "reason": "complete", "t_ns": 900, "lines": 12},
]  # fmt: skip


def text(lines: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(line) + "\n" for line in lines)


def changed(kind: str, **values: Any) -> str:
    lines = [{**line, **values} if line["type"] == kind else line for line in LINES]
    return text([{k: v for k, v in line.items() if v is not ...} for line in lines])


def test_a_whole_result_is_read_with_every_sample_and_leads_apart() -> None:
    result = parse(text(LINES))
    model = result.models[0]
    assert model.samples_ms == (0.0001, 0.00011)
    assert model.bursts[0].lead_ms == 0.00015
    assert model.bursts[0].khz_after == {1: 2000}
    assert model.profile[0].events == (("Conv", 4, 0, 8),)
    assert result.threads["end"][0].name == "mixnet-runner"
    assert result.end is not None
    assert result.end.reason == "complete"


def test_types_and_keys_of_a_later_version_are_passed_over() -> None:
    assert parse(changed("warning", colour="red")).warnings == ("hot [31m",)


def test_windows_line_ends_change_nothing() -> None:
    assert parse(text(LINES).replace("\n", "\r\n")) == parse(text(LINES))


@pytest.mark.parametrize("count", range(len(LINES)))
def test_a_result_cut_after_any_line_is_refused(count: int) -> None:
    with pytest.raises(MixnetError, match="truncated"):
        parse(text(LINES[:count]))


@pytest.mark.parametrize("missing", range(1, len(LINES) - 1))
def test_a_result_with_a_line_lost_in_the_middle_is_refused(missing: int) -> None:
    with pytest.raises(MixnetError, match="truncated"):
        parse(text(LINES[:missing] + LINES[missing + 1 :]))


@pytest.mark.parametrize("length", range(0, len(text(LINES)) - 1, 7))
def test_what_a_killed_runner_left_is_salvaged_line_by_line(length: int) -> None:
    cut = text(LINES)[:length]
    if "\n" not in cut:
        with pytest.raises(MixnetError, match="header"):
            salvage(cut)
        return
    result = salvage(cut)
    assert result.end is None
    assert len(result.models) == int(cut.count("\n") > 3)


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (changed("header", protocol=2), "version 2"),
        (changed("header", pid=True), "pid"),
        (changed("header", unix_s=float("nan")), "unix_s"),
        (changed("header", clock_ns=10**400), "clock_ns"),
        (changed("library", api="ncnn"), "api"),
        (changed("model", library=1), "library"),
        (changed("model", load_ms=-1), "load_ms"),
        (changed("model", inputs=[3]), "inputs"),
        (changed("warmup", model=5), "not loaded"),
        (changed("burst", ns=[1, 2]), "different or zero length"),
        (changed("burst", ns=[], t_ns=[], cpu=[]), "different or zero length"),
        (changed("burst", t_ns=[3, 2, 1]), "times that decrease"),
        (changed("burst", ns=...), "list"),
        (changed("burst", khz_after={"²": 1}), "core"),
        (changed("profile", events=[["Conv", 4]]), "events"),
        (changed("end", reason="because"), "reason"),
        (text([*LINES[:4], *LINES[3:-1], {**LINES[-1], "lines": 13}]), "second time"),
        (text([LINES[0], *LINES[:-1], {**LINES[-1], "lines": 13}]), "second header"),
        ("error: cannot open\n" + text(LINES), "garbled"),
        ("[" * 100_000 + "\n" + text(LINES), "garbled"),
    ],
)
def test_damage_is_refused_by_name(damage: str, word: str) -> None:
    with pytest.raises(MixnetError, match=word):
        parse(damage)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


@given(st.data())
def test_whatever_a_value_is_changed_to_nothing_but_a_mixnet_error_escapes(
    data: st.DataObject,
) -> None:
    at = data.draw(st.integers(0, len(LINES) - 1))
    key = data.draw(st.sampled_from(sorted(LINES[at])))
    lines = [dict(line) for line in LINES]
    lines[at][key] = data.draw(JSON)
    for read in (parse, salvage):
        try:
            assert isinstance(read(text(lines)), Result)
        except MixnetError as error:
            assert str(error).isprintable()  # noqa: PT017 - both ways out are good


@given(st.text() | st.binary().map(lambda raw: raw.decode(errors="replace")))
def test_garbage_is_refused(garbage: str) -> None:
    with pytest.raises(MixnetError):
        parse(garbage)


@given(st.integers(0, 2000), st.integers(0, 255))
def test_one_changed_byte_is_refused_or_harmless(at: int, byte: int) -> None:
    raw = bytearray(text(LINES).encode())
    raw[at % len(raw)] = byte
    try:
        parse(raw.decode(errors="replace"))
    except MixnetError as error:
        assert error.hint  # noqa: PT017


def test_progress_is_the_last_whole_line_and_never_an_error() -> None:
    line = '{"type": "progress", "done": %s, "stage": "timing"}\n'
    found = parse_progress(line % 0.25 + line % 0.5 + '{"type": "prog')
    assert found is not None
    assert (found.done, found.stage) == (0.5, "timing")
    assert parse_progress("garbage\n" + line % 7) is None
