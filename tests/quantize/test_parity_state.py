"""The state file: what it keeps, what it survives, and what it refuses to touch."""

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from io import RawIOBase
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mixnet_common import MixnetError, UsageError
from mixnet_quantize.parity import state
from mixnet_quantize.parity.machine_kind import MachineKind
from mixnet_quantize.parity.record import Bounds, Record, compare, from_line, to_line
from mixnet_quantize.parity.state import opened

KEY = {"files": ["a", "b"], "images": "c"}
BOUNDS = Bounds(images=10, classes=3)

finite = st.floats(-1e6, 1e6, width=32)


def record(index: int) -> Record:
    return compare(index, np.array([1.0, index, 3.0]), np.array([1.5, index, 2.0]))


def kept(path: Path, key: dict[str, Any] = KEY) -> list[Record]:
    found: list[Record] = []
    with opened(path, key, BOUNDS, found.append):
        return found


def keep(path: Path, *indices: int) -> None:
    with opened(path, KEY, BOUNDS, lambda record: None) as open_state:
        for index in indices:
            open_state.append([record(index)])


@given(hnp.arrays(np.float64, st.integers(2, 9), elements=finite), st.randoms())
def test_a_record_comes_back_from_its_line(logits: Any, random: Any) -> None:
    other = logits + random.random()
    found = compare(7, logits, other)

    assert from_line(to_line(found), Bounds(8, len(logits))) == found


@pytest.mark.parametrize("line", ["", "{", "1" * 5000, "[" * 5000])
def test_a_line_that_is_no_json_is_a_value_error(line: str) -> None:
    with pytest.raises(ValueError, match="not a record"):
        from_line(line, BOUNDS)


GOOD = to_line(record(3))
DAMAGE = {
    "negative image": ('"image":3', '"image":-1', "image is out of range: -1, not from 0 to 9"),
    "image beyond the last": ('"image":3', '"image":10', "image is out of range: 10"),
    "image in parts": ('"image":3', '"image":3.0', "image is not a whole number"),
    "flag for an image": ('"image":3', '"image":true', "image is not a whole number"),
    "no image": ('"image":3', '"other":3', "image is not a whole number: None"),
    "huge class": ('"top":[[1', '"top":[[' + "1" + "0" * 30, r"top\[0\]\[0\] is out of range"),
    "class beyond the last": ('"top":[[1', '"top":[[3', r"top\[0\]\[0\] is out of range: 3"),
    "negative class": ('"top":[[1', '"top":[[-1', r"top\[0\]\[0\] is out of range: -1"),
    "a class twice": ('"top":[[1', '"top":[[2', r"top\[0\] does not have 3 different classes"),
    "too few classes": ('"top":[[1,', '"top":[[', r"top\[0\] does not have 3 different classes"),
    "no classes": ('"top":[[1,2,0]', '"top":[7', r"top\[0\] is not a list"),
    "infinite margin": ('"margin":[', '"margin":[Infinity,', "margin is not a list of 2"),
    "margin of infinity": ("[0.0", "[Infinity", "margin is out of range: inf, not from 0"),
    "impossible margin": ('"margin":[0.0', '"margin":[2.5', "margin is out of range: 2.5"),
    "negative error": ('"error":[1.0', '"error":[-1.0', "error is out of range: -1.0"),
    "nan error": ('"error":[1.0', '"error":[NaN', "error is out of range: nan"),
    "text error": ('"error":[1.0', '"error":["1"', "error is not a number: '1'"),
    "huge error": ('"error":[1.0', '"error":[1e400', "error is out of range: inf"),
    "many digits": ('"error":[1.0', '"error":[' + "9" * 400, "error is out of range: 9"),
}


@pytest.mark.parametrize(("old", "new", "said"), DAMAGE.values(), ids=DAMAGE)
@pytest.mark.parametrize("place", [1, 2, 3])
def test_a_record_out_of_range_is_damage_at_its_byte_and_stays(
    tmp_path: Path, old: str, new: str, said: str, place: int
) -> None:
    """In the middle of the file and as its last line, which is not torn: it is whole."""
    path = tmp_path / "state"
    keep(path, 0, 1, 2)
    lines = path.read_bytes().splitlines(keepends=True)
    assert old in GOOD
    lines[place] = GOOD.replace(old, new).encode() + b"\n"
    path.write_bytes(b"".join(lines))

    byte = sum(map(len, lines[:place]))
    with pytest.raises(MixnetError, match=f"is damaged at byte {byte}: {said}"):
        kept(path)
    assert path.read_bytes() == b"".join(lines)


def test_a_line_longer_than_any_record_is_damage_and_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "state"
    keep(path, 0)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(1 << 28)  # sparse; a power cut may leave zeros at the end
    assert kept(path) == [record(0)]
    assert path.stat().st_size == size

    with path.open("ab") as file:
        file.write(b"1" * 50_000 + b"\n" + GOOD.encode() + b"\n")
    with pytest.raises(MixnetError, match=f"is damaged at byte {size}"):
        kept(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs on this system")
def test_a_state_that_is_no_regular_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name in ("fifo", "zero"):
        with pytest.raises(MixnetError, match=f"cannot read .*{name}: it is not a regular file"):
            kept(tmp_path / name)


def test_what_was_appended_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "state.jsonl"
    keep(path, 0, 1)
    keep(path, 2)

    assert kept(path) == [record(0), record(1), record(2)]


def test_wherever_the_file_is_cut_off_whole_records_stay_and_more_can_follow(
    tmp_path: Path,
) -> None:
    """Every length, as a machine that lost its power may leave it."""
    whole = tmp_path / "whole"
    keep(whole, 0, 1)
    content = whole.read_bytes()
    ends = [at + 1 for at, byte in enumerate(content) if byte == ord("\n")]
    for length in range(0, len(content) + 1, 3):
        path = tmp_path / "torn"
        path.write_bytes(content[:length])
        survivors = sum(end <= length for end in ends[1:])

        assert kept(path) == [record(index) for index in range(survivors)]
        keep(path, 5)
        assert kept(path) == [*(record(index) for index in range(survivors)), record(5)]


def test_damage_before_the_end_is_told_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "state"
    keep(path, 0, 1, 2)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = b"\x00" * 10 + b"\n"
    path.write_bytes(b"".join(lines))

    with pytest.raises(MixnetError, match="is damaged at byte"):
        kept(path)
    assert path.read_bytes() == b"".join(lines)


def test_a_state_of_another_comparison_is_refused_and_says_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "state"
    keep(path, 0)
    before = path.read_bytes()

    with pytest.raises(UsageError, match=r"differences: images$"):
        kept(path, KEY | {"images": "d"})
    assert path.read_bytes() == before


def test_a_state_that_another_comparison_writes_is_left_to_it(tmp_path: Path) -> None:
    path = tmp_path / "state"
    with opened(path, KEY, BOUNDS, lambda record: None) as open_state:
        with pytest.raises(MixnetError, match="is in use by another process"):
            keep(path, 1)
        open_state.append([record(0)])

    assert kept(path) == [record(0)]


@pytest.mark.parametrize("content", [b"precious\n", b"\xff\xd8\xff\xe0", b"{}\n", b"[1]\n"])
def test_a_file_that_is_no_state_is_never_touched(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "thesis.txt"
    path.write_bytes(content)

    with pytest.raises(UsageError, match="is not a state file"):
        kept(path)
    assert path.read_bytes() == content


def test_a_full_disk_is_told_and_what_is_there_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last line is half written, as a full disk leaves it."""
    path = tmp_path / "state"
    keep(path, 0)

    def full(file: RawIOBase, data: bytes) -> None:
        file.write(data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(state, "_write", full)
        with pytest.raises(MixnetError, match=r"cannot write .*: No space left") as caught:
            keep(path, 1)
    assert "not lost" in caught.value.hint
    assert kept(path) == [record(0)]


def test_short_writes_are_completed() -> None:
    class Slow(RawIOBase):
        content = b""

        def write(self, data: Any) -> int:
            self.content += bytes(data[:3])
            return min(3, len(data))

    slow = Slow()
    state._write(slow, b"0123456789")

    assert slow.content == b"0123456789"


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch])
def test_a_state_where_none_can_be_written_is_refused(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    place = tmp_path / "place"
    make(place)
    path = place if place.is_dir() else place / "state"

    with pytest.raises(MixnetError, match=r"cannot (write the state file|read) "):
        kept(path)


# Which machine the records are of

KIND = MachineKind("x86_64", ("avx2", "fma"), (("numpy", "2.0"), ("pillow", "11")))
OTHER = replace(KIND, features=("avx2", "avx512f"), versions=(("numpy", "2.1"),))


def kind_in(path: Path) -> MachineKind | None:
    with opened(path, KEY, BOUNDS, lambda record: None) as open_state:
        return open_state.kind


def test_a_machine_is_named_once_before_its_records_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "state"
    keep(path, 0)
    assert kind_in(path) is None, "earlier versions did not say"
    with opened(path, KEY, BOUNDS, lambda record: None) as open_state:
        for index, kind in ((1, KIND), (2, KIND), (3, OTHER)):
            open_state.append([record(index)], kind)
    starts = [line.partition(":")[0] for line in path.read_text().splitlines()[1:]]
    assert starts == ['{"image"', '{"machine"', '{"image"', '{"image"', '{"machine"', '{"image"']
    assert kind_in(path) == OTHER
    assert [each.index for each in kept(path)] == [0, 1, 2, 3]


def test_a_torn_line_about_a_machine_is_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "state"
    with opened(path, KEY, BOUNDS, lambda record: None) as open_state:
        open_state.append([record(1)], KIND)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"machine":{"architecture":"arm')
    assert kind_in(path) == KIND
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    "value", ["1", "[]", '{"features":1}', '{"versions":[]}', '{"architecture":{}}', "[" * 5000]
)
def test_a_damaged_line_about_a_machine_is_named_and_stays(value: str, tmp_path: Path) -> None:
    path = tmp_path / "state"
    keep(path, 0)
    damaged = path.read_text() + f'{{"machine":{value}}}\n{to_line(record(1))}\n'
    path.write_text(damaged)
    with pytest.raises(MixnetError, match="is damaged at byte"):
        kept(path)
    assert path.read_text() == damaged


def test_what_sets_machines_apart_is_said_in_words() -> None:
    assert KIND.differences(KIND) == ""
    assert KIND.differences(OTHER) == (
        "a CPU without fma; a CPU with avx512f; numpy 2.1, not 2.0; pillow missing, not 11"
    )
