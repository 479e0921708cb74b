"""Archives from anyone: what leads out of its folder is refused, and nothing of it is kept."""

import gzip
import io
import re
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mixnet_common import MixnetError
from mixnet_networks.importing import archive
from mixnet_networks.importing.archive import extract
from mixnet_networks.importing.checkpoint import FILES, choose_variables, find_prefix

Member = tarfile.TarInfo


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> Member:
    info = Member(name)
    info.type, info.linkname = kind, link
    return info


def packed(path: Path, members: list[tuple[Member, bytes]]) -> Path:
    with tarfile.open(path, "w:gz") as file:
        for info, content in members:
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return path


@pytest.fixture
def unpacked(tmp_path: Path) -> Callable[[Path], dict[str, bytes]]:
    """Extracts an archive and returns what then lies in the folder; nothing may lie beside it."""

    def run(path: Path) -> dict[str, bytes]:
        folder = tmp_path / "outer" / "folder"
        folder.mkdir(parents=True)
        try:
            extract(path, folder, FILES)
        finally:
            assert [each.name for each in folder.parent.iterdir()] == ["folder"]
            assert not any(each.is_symlink() for each in folder.rglob("*"))
        return {each.name: each.read_bytes() for each in folder.iterdir()}

    return run


Unpacked = Callable[[Path], dict[str, bytes]]


def test_the_checkpoint_in_an_archive_is_taken_and_nothing_else(
    unpacked: Unpacked, tmp_path: Path
) -> None:
    path = packed(
        tmp_path / "mixnet-s.tar.gz",
        [
            (member("mixnet-s", tarfile.DIRTYPE), b""),
            (member("mixnet-s/checkpoint"), b"state"),
            (member("mixnet-s/model.ckpt.index"), b"index"),
            (member("mixnet-s/model.ckpt.data-00000-of-00001"), b"data" * 100_000),
            (member("mixnet-s/model.ckpt.meta"), b"graph"),
            (member("mixnet-s/run.py"), b"code"),
        ],
    )

    assert unpacked(path) == {
        "checkpoint": b"state",
        "model.ckpt.index": b"index",
        "model.ckpt.data-00000-of-00001": b"data" * 100_000,
    }


def test_an_archive_that_is_not_compressed_is_read_too(unpacked: Unpacked, tmp_path: Path) -> None:
    path = tmp_path / "mixnet-s.tar"
    with tarfile.open(path, "w") as file:
        info = member("a.index")
        info.size = 3
        file.addfile(info, io.BytesIO(b"abc"))

    assert unpacked(path) == {"a.index": b"abc"}


@pytest.mark.parametrize(
    "bad",
    [
        member("../evil.index"),
        member("a/../../evil.index"),
        member("/tmp/evil.index"),
        member("..\\evil.index"),
        member("C:\\evil.index"),
        member("C:evil.index"),
        member("\\\\server\\share\\evil.index"),
        member("a.index", tarfile.SYMTYPE, "/etc/passwd"),
        member("a.index", tarfile.SYMTYPE, "b.index"),
        member("a.index", tarfile.LNKTYPE, "../../secret"),
        member("a.index", tarfile.CHRTYPE),
        member("a.index", tarfile.BLKTYPE),
        member("a.index", tarfile.FIFOTYPE),
        member("elsewhere", tarfile.SYMTYPE, "/etc"),
    ],
    ids=lambda each: f"{each.name}{each.type!r}{each.linkname}",
)
def test_a_member_that_leads_elsewhere_is_refused(
    bad: Member, unpacked: Unpacked, tmp_path: Path
) -> None:
    path = packed(tmp_path / "evil.tar.gz", [(member("b.index"), b"good"), (bad, b"")])

    with pytest.raises(MixnetError, match=r"leads out of it|a link or a device") as caught:
        unpacked(path)
    assert repr(bad.name) in caught.value.message
    assert caught.value.exit_status == 1


def test_two_files_of_one_name_are_refused(unpacked: Unpacked, tmp_path: Path) -> None:
    members = [(member("a/m.index"), b"1"), (member("b/m.index"), b"2")]

    with pytest.raises(MixnetError, match=r"holds m\.index twice"):
        unpacked(packed(tmp_path / "two.tar.gz", members))


def test_an_archive_that_unpacks_to_too_much_is_refused(
    unpacked: Unpacked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MOST_BYTES", 200_000)
    path = packed(tmp_path / "bomb.tar.gz", [(member("readme"), bytes(1_000_000))])

    assert path.stat().st_size < 10_000
    with pytest.raises(MixnetError, match="more than a checkpoint can contain"):
        unpacked(path)


def test_a_header_that_claims_a_gigabyte_is_refused(unpacked: Unpacked, tmp_path: Path) -> None:
    """A name may be as long as its header says, and would be read into memory as a whole."""
    info = member("././@LongLink", tarfile.GNUTYPE_LONGNAME)
    info.size = 1 << 29
    path = tmp_path / "long.tar.gz"
    path.write_bytes(gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 24)))

    with pytest.raises(MixnetError, match="is not a complete tar archive"):
        unpacked(path)


def test_an_archive_of_very_many_files_is_refused(
    unpacked: Unpacked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MOST_MEMBERS", 10)
    members = [(member(f"{index}.txt"), b"") for index in range(11)]

    with pytest.raises(MixnetError, match="more files than a checkpoint"):
        unpacked(packed(tmp_path / "many.tar.gz", members))


@pytest.mark.parametrize("kept", [0, 1, 20, 0.5, 0.95])
def test_a_truncated_archive_is_refused(kept: float, unpacked: Unpacked, tmp_path: Path) -> None:
    import random

    content = random.Random(0).randbytes(300_000)
    path = packed(tmp_path / "cut.tar.gz", [(member("a.index"), content)])
    data = path.read_bytes()
    path.write_bytes(data[: kept if isinstance(kept, int) else int(kept * len(data))])

    with pytest.raises(MixnetError, match="is not a complete tar archive"):
        unpacked(path)


@pytest.mark.parametrize("content", [b"no archive" * 100, b"\x1f\x8b" + b"nonsense" * 100])
def test_a_foreign_file_is_no_archive(content: bytes, unpacked: Unpacked, tmp_path: Path) -> None:
    path = tmp_path / "foreign.tar.gz"
    path.write_bytes(content)

    with pytest.raises(MixnetError, match="is not a complete tar archive"):
        unpacked(path)


# Which checkpoint of a folder, which of its variables


@pytest.mark.parametrize(
    ("files", "state", "expected"),
    [
        (["model.ckpt"], None, "model.ckpt"),
        (["model.ckpt-9", "model.ckpt-10"], None, "model.ckpt-10"),
        (["model.ckpt-9", "model.ckpt-10"], "model.ckpt-9", "model.ckpt-9"),
        (["model.ckpt-9", "model.ckpt-10"], "/home/mingxing/run/model.ckpt-9", "model.ckpt-9"),
        (["model.ckpt-9"], "/etc/model.ckpt-1", "model.ckpt-9"),
        (["model.ckpt-9"], "../../model.ckpt-9", "model.ckpt-9"),
    ],
)
def test_the_checkpoint_of_a_folder_is_the_named_or_the_latest(
    files: list[str], state: str | None, expected: str, tmp_path: Path
) -> None:
    for name in files:
        (tmp_path / f"{name}.index").write_bytes(b"")
    if state:
        text = f'model_checkpoint_path: "{state}"\nall_model_checkpoint_paths: "{state}"\n'
        (tmp_path / "checkpoint").write_text(text)

    assert find_prefix(tmp_path, tmp_path) == tmp_path / expected


def test_a_folder_without_a_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(MixnetError, match=re.escape(f"no weights in {tmp_path}")):
        find_prefix(tmp_path, tmp_path)


def sized(*names: str) -> dict[str, list[int]]:
    return {name: [3] for name in names}


def test_moving_averages_go_before_variables_and_slots_are_left() -> None:
    names = [
        "m/stem/conv2d/kernel",
        "m/stem/conv2d/kernel/ExponentialMovingAverage",
        "m/stem/conv2d/kernel/RMSProp",
        "m/stem/conv2d/kernel/RMSProp_1",
        "m/stem/conv2d/kernel/Momentum",
        "m/stem/batch_normalization/moving_mean",
        "global_step",
    ]
    chosen, notes = choose_variables(sized(*names))

    assert chosen == [
        ("m/stem/batch_normalization/moving_mean", "m/stem/batch_normalization/moving_mean"),
        ("m/stem/conv2d/kernel", "m/stem/conv2d/kernel/ExponentialMovingAverage"),
    ]
    assert notes == (
        "moving averages of 1 of 2 variables",
        "no moving average of m/stem/batch_normalization/moving_mean",
    )


@pytest.mark.parametrize(
    "slot",
    ["Adam", "Adam_1", "AdamW", "adam_m", "Adagrad", "Ftrl_1", "LARSOptimizer", "LAMB", "Anything"],
)
def test_what_any_optimizer_keeps_for_a_variable_is_left(slot: str) -> None:
    names = sized("m/kernel", f"m/kernel/{slot}", "m/kernel/ExponentialMovingAverage/biased")

    assert choose_variables(names) == ([("m/kernel", "m/kernel")], ())


def test_slots_without_their_variable_are_left_too() -> None:
    """A checkpoint for evaluation may have the averages alone."""
    names = sized("m/kernel/ExponentialMovingAverage", "m/kernel/RMSProp", "m/kernel/Adam_1")

    assert choose_variables(names)[0] == [("m/kernel", "m/kernel/ExponentialMovingAverage")]


def test_single_numbers_are_no_weights() -> None:
    numbers: dict[str, list[int]] = {"beta1_power": [], "cond/learning_rate": []}

    assert choose_variables({**sized("m/kernel"), **numbers}) == ([("m/kernel", "m/kernel")], ())


def test_a_checkpoint_without_averages_needs_no_note() -> None:
    assert choose_variables({"a/kernel": [3], "global_step": []}) == (
        [("a/kernel", "a/kernel")],
        (),
    )
