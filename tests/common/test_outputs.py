import os
from pathlib import Path

import pytest

from mixnet_common import MixnetError, UsageError, write_whole
from mixnet_common.outputs import check_folder, check_output, check_outputs, named_files


def test_a_new_file_or_an_old_output_may_be_written(tmp_path):
    (tmp_path / "old.json").write_text("old")
    (tmp_path / "link.json").symlink_to("elsewhere.json")
    for name in ("new.json", "old.json", "link.json", "folder/new.json"):
        check_output(tmp_path / name, [tmp_path / "input.json", None])
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link.json", "old.json"]


def test_an_input_is_never_replaced_under_any_of_its_names(tmp_path):
    read = tmp_path / "input.json"
    read.write_text("input")
    (tmp_path / "link.json").symlink_to(read)
    os.link(read, tmp_path / "hard.json")
    (tmp_path / "folder").mkdir()
    for name in ("input.json", "link.json", "hard.json", "folder/../input.json"):
        with pytest.raises(UsageError, match=r"would replace .*input.json, an input"):
            check_output(tmp_path / name, [read])


def test_nothing_in_a_folder_that_is_read_is_replaced(tmp_path):
    inside = tmp_path / "photos" / "cat" / "1.jpg"
    inside.parent.mkdir(parents=True)
    inside.write_text("a photo")
    with pytest.raises(UsageError, match=r"would replace .*photos, an input"):
        check_output(inside, [tmp_path / "photos"])
    check_output(tmp_path / "photos" / "new.json", [tmp_path / "photos"])


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_only_a_regular_file_is_replaced(tmp_path, make):
    make(tmp_path / "there")
    (tmp_path / "link").symlink_to("there")
    for name in ("there", "link"):
        with pytest.raises(UsageError, match=r"-o .*cannot be written: "):
            check_output(tmp_path / name)
        with pytest.raises(MixnetError, match="cannot write"):
            write_whole(tmp_path / name, "content")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link", "there"]


def test_a_device_is_not_replaced():
    with pytest.raises(UsageError, match="not a regular file"):
        check_output(Path(os.devnull))


def test_a_link_is_followed_to_the_file_that_it_leads_to(tmp_path):
    (tmp_path / "link.json").symlink_to("target.json")
    write_whole(tmp_path / "link.json", "content")
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "target.json").read_text() == "content"


def test_links_in_a_circle_are_refused(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(UsageError, match="cannot be written"):
        check_output(tmp_path / "a")


def test_no_output_is_another_one_under_any_of_its_names(tmp_path):
    (tmp_path / "link").symlink_to("new")
    (tmp_path / "old").write_text("old")
    os.link(tmp_path / "old", tmp_path / "hard")
    check_outputs([tmp_path / "new", tmp_path / "old"])
    for pair in (("new", "link"), ("old", "hard"), ("new", "new")):
        with pytest.raises(UsageError, match=r"would replace .*, another output$"):
            check_outputs([tmp_path / each for each in pair])


def test_a_folder_for_files_is_one_or_can_become_one(tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "nowhere").symlink_to("missing")
    (tmp_path / "linked").symlink_to(".")
    for name in (".", "new", "new/deep", "linked"):
        check_folder(tmp_path / name)
    for name in ("file", "nowhere"):
        with pytest.raises(UsageError, match=rf"^--work .*{name} is not a folder"):
            check_folder(tmp_path / name, option="--work")
    with pytest.raises(MixnetError, match=r"cannot write .*Not a directory"):
        check_folder(tmp_path / "file" / "under")
    assert not (tmp_path / "new").exists()


def test_names_that_are_no_files_are_left_out(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    found = named_files("imagenet", None, str(tmp_path / "mine.txt"), "a\0b")
    assert found == [tmp_path / "mine.txt"]


def test_of_many_inputs_the_one_is_named(tmp_path):
    inputs = [tmp_path / f"{number}.jpg" for number in range(100)]
    for each in inputs:
        each.write_text("a photo")
    with pytest.raises(UsageError, match=r"57\.jpg, an input"):
        check_output(tmp_path / "." / "57.jpg", inputs)
