"""Names of classes: those that ship, files of one's own, and files that are none."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixnet_common import UsageError
from mixnet_networks.labels import label_names, load_labels, parse_labels


def test_imagenet_has_a_thousand_names_in_the_usual_order() -> None:
    labels = load_labels("imagenet", 1000)

    assert label_names() == ("glyphs", "imagenet")
    assert labels[0] == "tench, Tinca tinca"
    assert labels[207] == "golden retriever"
    assert labels[388].startswith("giant panda")
    assert labels[999].startswith("toilet tissue")
    assert all(labels)
    assert len(set(labels)) == 999, "only the crane is both a bird and a machine"


def test_a_list_of_another_length_is_refused_with_both_numbers() -> None:
    with pytest.raises(UsageError, match="imagenet has 1000 labels for 37 classes"):
        load_labels("imagenet", 37)


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_file_has_one_label_a_line(ending: str, mark: bytes, tmp_path: Path) -> None:
    path = tmp_path / "animals.txt"
    path.write_bytes(mark + ending.join(("ape", " bee, honey bee ", "Käfer", "", "")).encode())

    assert load_labels(str(path), 3) == ("ape", "bee, honey bee", "Käfer")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"ape\n\nbee\n", "line 2 is empty"),
        (b"", "has 0 labels"),
        (b"ape\xff\nbee\ncat\n", "not UTF-8"),
    ],
)
def test_a_wrong_file_is_refused_with_the_reason(
    content: bytes, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "animals.txt"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=message):
        load_labels(str(path), 3)


def test_a_name_that_is_not_known_is_answered_with_those_that_are() -> None:
    with pytest.raises(UsageError, match="no label file imagnet") as caught:
        load_labels("imagnet", 1000)
    assert "did you mean imagenet" in caught.value.hint


@given(st.lists(st.text("abc ,'é", min_size=1).filter(lambda text: text.strip()), min_size=1))
def test_labels_survive_being_lines(labels: list[str]) -> None:
    assert parse_labels("\n".join(labels)) == tuple(label.strip() for label in labels)
