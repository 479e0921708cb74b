import json
import os
import tracemalloc
from pathlib import Path

import pytest

from mixnet_common import UsageError
from mixnet_common.readers import DEPTH, parse_json, parse_toml, read_bytes, read_json, read_text

FAULTY_JSON = {
    "digits": "9" * 400,
    "very many digits": "9" * 5000,
    "infinite": "1e999",
    "negative infinite": "[-1e999]",
    "nan": '{"a": NaN}',
    "infinity": "[Infinity]",
    "deep": "[" * 100_000,
    "just too deep": "[" * (DEPTH + 2) + "]" * (DEPTH + 2),
    "half": '{"a": ',
    "escape": '{"a": \x1b[31m}',
}


@pytest.mark.parametrize("text", FAULTY_JSON.values(), ids=FAULTY_JSON)
def test_json_beyond_the_bounds_is_refused_in_one_printable_line(text):
    with pytest.raises(UsageError, match=r"^here is not valid JSON: ") as refused:
        parse_json(text, "here")
    assert refused.value.message.isprintable()


def test_json_within_the_bounds_is_read_as_it_is():
    content = {"a": [1, -2.5, 5e-324, None, True, "ü"], "b": 10**39}
    assert parse_json(json.dumps(content), "here") == content
    assert parse_json("[" * DEPTH + "]" * DEPTH, "here")


@pytest.mark.parametrize(
    "text", ["a = nan", "a = inf", "a = 1e999", "a = " + "9" * 400, "a = " + "[" * 100_000, "a ="]
)
def test_toml_beyond_the_bounds_is_refused(text):
    with pytest.raises(UsageError, match=r"^here is not valid TOML: "):
        parse_toml(text, "here")


def test_toml_within_the_bounds_is_read():
    assert parse_toml("a = [1, 2.5]\n[b]\nc = 'x'", "here") == {"a": [1, 2.5], "b": {"c": "x"}}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs on this system")
def test_a_fifo_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "fifo.json")
    with pytest.raises(UsageError, match="not a regular file"):
        read_json(tmp_path / "fifo.json")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no /dev/zero on this system")
def test_a_link_to_a_device_is_refused(tmp_path):
    (tmp_path / "zero").symlink_to("/dev/zero")
    with pytest.raises(UsageError, match="not a regular file"):
        read_bytes(tmp_path / "zero")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("absent.json", "No such file"),
        ("a\0b", "null byte"),
        ("n" * 300, "name too long"),
        (".", "a directory"),
    ],
)
def test_what_cannot_be_opened_is_named_with_the_reason(tmp_path, name, reason):
    with pytest.raises(UsageError, match=f"(?i){reason}") as refused:
        read_text(tmp_path / name, "give another")
    assert refused.value.hint == "give another"
    assert refused.value.message.isprintable()


def test_a_small_file_takes_little_memory_whatever_the_limit(tmp_path):
    path = tmp_path / "small"
    path.write_bytes(bytes(1000))
    tracemalloc.start()
    try:
        assert read_bytes(path) == bytes(1000)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux")
def test_a_file_that_reports_no_size_is_read_whole():
    assert read_bytes(Path("/proc/cpuinfo")).count(b"processor") >= (os.cpu_count() or 1)


def test_a_file_beyond_the_limit_is_refused_before_it_is_read(tmp_path):
    with (tmp_path / "large").open("wb") as file:
        file.truncate(1 << 40)  # sparse: it takes no room
    with pytest.raises(UsageError, match="at most"):
        read_bytes(tmp_path / "large")


def test_text_loses_its_byte_order_mark_and_is_utf8(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfa\n")
    (tmp_path / "b.txt").write_bytes(b"\xff")
    assert read_text(tmp_path / "a.txt") == "a\n"
    with pytest.raises(UsageError, match="not UTF-8"):
        read_text(tmp_path / "b.txt")
