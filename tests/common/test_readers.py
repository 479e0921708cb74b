import errno
import json
import os
import tracemalloc
from pathlib import Path

import pytest

from mixnet_common import UsageError
from mixnet_common.readers import (
    DEPTH,
    TOML_BYTES,
    check_readable,
    is_file,
    is_folder,
    missing_file,
    opened,
    parse_json,
    parse_toml,
    read_bytes,
    read_json,
    read_text,
    read_toml,
)

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
    with pytest.raises(UsageError, match="the limit is"):
        read_bytes(tmp_path / "large")


def test_text_loses_its_byte_order_mark_and_is_utf8(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfa\n")
    (tmp_path / "b.txt").write_bytes(b"\xff")
    assert read_text(tmp_path / "a.txt") == "a\n"
    with pytest.raises(UsageError, match="not UTF-8"):
        read_text(tmp_path / "b.txt")


def test_a_toml_that_nobody_wrote_is_refused_by_its_size(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text("#" * (TOML_BYTES + 1))
    with pytest.raises(UsageError, match=f"the limit is {TOML_BYTES:,}"):
        read_toml(path)


@pytest.mark.parametrize("name", ["n" * 300, "a\0b", "absent", "x/" * 3000])
def test_what_no_system_takes_as_a_path_is_no_file_and_no_folder(tmp_path, name):
    path = tmp_path / name
    assert not is_file(path)
    assert not is_folder(path)
    assert missing_file(path).message.startswith("no file ")
    with pytest.raises(UsageError, match="cannot read"):
        check_readable(path)


def test_what_is_there_and_no_file_is_named_as_such(tmp_path):
    assert is_folder(tmp_path)
    assert not is_file(tmp_path)
    assert "is not a file" in missing_file(tmp_path).message


def test_a_full_disk_inside_the_block_is_no_fault_of_the_file_that_is_read(tmp_path):
    path = tmp_path / "a"
    path.write_text("x")
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(OSError, match="No space") as caught, opened(path):
        raise full
    assert caught.value is full
