"""Which images, and which class each shows: folders, files of truth, and what is refused."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mixnet_common import UsageError
from mixnet_quantize.parity.data import Images, Source, find_images
from mixnet_quantize.parity.truth import read_synsets

Lay = Callable[..., Path]

KIT_FOX, SETTER, TENCH = "n02119789", "n02100735", "n01440764"


@pytest.fixture
def lay(tmp_path: Path) -> Lay:
    """Makes empty files, which is all that is looked at here."""

    def out(*names: str) -> Path:
        folder = tmp_path / "data"
        for name in names:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return folder

    return out


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def to_file(name: str, *lines: str) -> Path:
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return to_file


def refusal(source: Source, classes: int, labels: Sequence[str] = ()) -> UsageError:
    with pytest.raises(UsageError) as caught:
        find_images(source, classes, tuple(labels))
    return caught.value


def pairs(images: Images) -> dict[str, int]:
    assert images.truth is not None
    return dict(zip(images.names, images.truth, strict=True))


# Class folders


def test_class_folders_are_classes_in_the_order_of_their_names(lay: Lay) -> None:
    folder = lay("cat/2.png", "ape/9.jpg", "bee/deep/1.png", "ape/1.png", "ape/notes.txt")
    images = find_images(Source(folder), 3)

    assert pairs(images) == {"ape/1.png": 0, "ape/9.jpg": 0, "bee/deep/1.png": 1, "cat/2.png": 2}
    assert images.truth_from == "names"
    assert images.path(2) == folder / "bee" / "deep" / "1.png"


def test_the_labels_in_the_file_decide_where_they_name_the_folders(lay: Lay) -> None:
    images = find_images(Source(lay("cat/1.png", "ape/1.png")), 3, ("dog", "cat", "ape"))

    assert pairs(images) == {"ape/1.png": 2, "cat/1.png": 1}
    assert images.truth_from == "labels"


def test_a_folder_one_level_too_high_or_too_deep_is_named(lay: Lay) -> None:
    folder = lay("val/cat/1.png", "val/ape/1.png")
    high = refusal(Source(folder), 2, ("ape", "cat"))
    deep = refusal(Source(folder / "val" / "cat"), 2, ("ape", "cat"))

    assert high.hint == f"give {folder / 'val'}"
    assert "the images of one class, cat" in deep.message
    assert f"give the folder above it, {folder / 'val'}," in deep.hint
    assert find_images(Source(folder / "val" / "cat", unlabelled=True), 2).truth is None


def test_a_list_of_classes_goes_before_the_labels(lay: Lay, write: Callable[..., Path]) -> None:
    listed = write("order.txt", "ape", "bee", "cat")
    source = Source(lay("cat/1.png", "ape/1.png"), classes=str(listed))

    images = find_images(source, 3, ("cat", "bee", "ape"))
    assert pairs(images) == {"ape/1.png": 0, "cat/1.png": 2}
    assert images.truth_from == str(listed)


def test_labels_that_name_no_folder_leave_the_order_of_names(lay: Lay) -> None:
    images = find_images(Source(lay(f"{SETTER}/1.png", f"{TENCH}/1.png")), 2, ("tench", "setter"))

    assert pairs(images) == {f"{TENCH}/1.png": 0, f"{SETTER}/1.png": 1}


@pytest.mark.parametrize(
    ("names", "labels", "message"),
    [
        (("ape/1.png", "bee/1.png"), (), "2 class folders in .* for 3 classes"),
        (("ape/1.png", "eel/1.png"), ("ape", "bee", "cat"), "1 of the 2 .* not in .*: eel"),
        (("ape/1.png", "bee/1.png"), ("ape", "ape", "bee"), "more than one class .* ape"),
        (("ape/1.png", "1.png"), (), "both class folders and images beside them: 1.png"),
    ],
)
def test_folders_that_do_not_fit_the_classes_are_refused(
    lay: Lay, names: Sequence[str], labels: Sequence[str], message: str
) -> None:
    error = refusal(Source(lay(*names)), 3, labels)

    assert re.search(message, error.message)
    assert error.hint


def test_numbered_folders_whose_order_could_be_either_are_refused(lay: Lay) -> None:
    folder = lay(*(f"{number}/1.png" for number in range(11)))

    assert (
        "their alphabetical order is not their numerical order"
        in refusal(Source(folder), 11).message
    )
    padded = lay(*(f"../padded/{number:02}/1.png" for number in range(11))).parent / "padded"
    assert pairs(find_images(Source(padded), 11))["10/1.png"] == 10


def test_folders_can_be_ignored(lay: Lay) -> None:
    images = find_images(Source(lay("2020/1.png", "2021/1.png"), unlabelled=True), 1000)

    assert (len(images.names), images.truth, images.truth_from) == (2, None, None)


def test_a_flat_folder_has_no_labels(lay: Lay) -> None:
    assert find_images(Source(lay("b.png", "a.png")), 9).truth is None


def test_a_folder_without_images_and_a_missing_one_are_refused(lay: Lay, tmp_path: Path) -> None:
    assert "no image in" in refusal(Source(lay("notes.txt")), 2).message
    assert "there is no folder" in refusal(Source(tmp_path / "nowhere"), 2).message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unlabelled": True, "classes": "x"}, "--unlabelled and --labels contradict"),
        ({"unlabelled": True, "truth": Path("x")}, "--unlabelled and --truth contradict"),
        ({"synsets": Path("x")}, "--synsets translates the numbers of --truth"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    lay: Lay, options: dict[str, object], message: str
) -> None:
    assert message in refusal(Source(lay("a.png"), **options), 2).message  # type: ignore[arg-type]


def test_class_names_for_a_flat_folder_are_refused(lay: Lay, write: Callable[..., Path]) -> None:
    source = Source(lay("a.png"), classes=str(write("order.txt", "ape", "bee")))

    assert "nothing assigns the images" in refusal(source, 2).message


# Files of truth


@pytest.mark.parametrize(
    "lines",
    [
        ("a.png,1", "b.png,0", "c.jpg,2"),
        ("name,label", "a.png,1", "b.png,0", "c.jpg,2"),
        ("filename,label,more", "a,1,x", "b,0,y", "c,2,z"),
        ("a.png 1", "b.png 0", "c.jpg 2"),
        ('"c.jpg",2', '"b.png",0', "", "a.png, 1"),
        ("\ufeffa.png,1", "b.png,0", "c.jpg,2"),
        ("1", "0", "2"),
    ],
)
def test_numbers_are_classes_from_0_in_every_form(
    lay: Lay, write: Callable[..., Path], lines: Sequence[str]
) -> None:
    truth = write("truth.csv", *lines)
    images = find_images(Source(lay("b.png", "a.png", "c.jpg"), truth=truth), 3)

    assert pairs(images) == {"a.png": 1, "b.png": 0, "c.jpg": 2}
    assert images.truth_from == "numbers"


def test_names_are_classes_by_the_labels_in_the_file_or_in_order(
    lay: Lay, write: Callable[..., Path]
) -> None:
    source = Source(lay("a.png", "b.png"), truth=write("truth.csv", "a.png,dog", "b.png,ape"))

    assert pairs(find_images(source, 3, ("dog", "bee", "ape"))) == {"a.png": 0, "b.png": 2}
    assert pairs(find_images(source, 2)) == {"a.png": 1, "b.png": 0}
    assert "2 labels in" in refusal(source, 3).message


ILSVRC = [f"ILSVRC2012_val_{number:08}.JPEG".lower() for number in (1, 2, 3, 4)]


def test_ilsvrc_s_ground_truth_counts_from_1_in_an_order_of_its_own(
    lay: Lay, write: Callable[..., Path]
) -> None:
    """Kit fox is its number 1, though tench is the first synset and so the networks' class 0."""
    truth = write("ILSVRC2012_validation_ground_truth.txt", "1", "3", "2", "1")
    synsets = write("map_clsloc.txt", f"{KIT_FOX} 1 kit_fox", f"{SETTER} 2 s", f"{TENCH} 3 tench")
    source = Source(lay(*ILSVRC), truth=truth, synsets=synsets)

    assert list(pairs(find_images(source, 3)).values()) == [2, 0, 1, 2]


def test_some_of_ilsvrc_s_images_are_told_by_the_number_in_their_names(
    lay: Lay, write: Callable[..., Path]
) -> None:
    truth = write("truth.txt", "1", "0", "2", "1")
    images = find_images(Source(lay(ILSVRC[3], ILSVRC[1]), truth=truth), 3)

    assert pairs(images) == {ILSVRC[1]: 0, ILSVRC[3]: 1}


def test_ilsvrc_s_ground_truth_without_synsets_is_refused_and_not_misread(
    lay: Lay, write: Callable[..., Path]
) -> None:
    error = refusal(Source(lay(*ILSVRC), truth=write("truth.txt", "1", "3", "2", "1")), 3)

    assert "numbers classes from 1" in error.message
    assert "--synsets" in error.hint


def test_synsets_by_image_as_tensorflow_and_kaggle_have_them(
    lay: Lay, write: Callable[..., Path]
) -> None:
    folder, wanted = lay(*ILSVRC[:3]), [2, 0, 1]
    by_line = write("labels.txt", KIT_FOX, TENCH, SETTER)
    boxes = [
        f"{Path(name).stem},{synset} 1 2 3 4 {synset} 5 6 7 8"
        for name, synset in zip(ILSVRC, (KIT_FOX, TENCH, SETTER), strict=False)
    ]
    kaggle = write("LOC_val_solution.csv", "ImageId,PredictionString", *boxes)

    for truth in (by_line, kaggle):
        assert list(pairs(find_images(Source(folder, truth=truth), 3)).values()) == wanted


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("0", "1"), "2 labels for 3 images"),
        (("a.png,0", "b.png,1"), "no label for 1 of 3 images: c.png"),
        (("a.png,0", "a.png,1", "b.png,1", "c.png,1"), "has two labels for a.png: 0 and 1"),
        (("a.png,0", "b.png,1", "c.png,3"), "class 3; the file's 3 classes are counted from 0"),
        (("a.png,0", "1", "2"), "only 1 of 3 lines name an image"),
        (("",), "is empty"),
        (("x" * 20_000,), "a line is too long"),
        (("a.png,0", "b.png,0", "c.png,NaN"), "the label 'NaN' is not a class number"),
        (("a.png,0", "b.png,0", "c.png,-1"), "the label '-1' is not a class number"),
        (("a.png,0", "b.png,0", "c.png," + "9" * 400), "is not a class number, and others are"),
    ],
)
def test_a_truth_that_does_not_fit_the_images_is_refused(
    lay: Lay, write: Callable[..., Path], lines: Sequence[str], message: str
) -> None:
    source = Source(lay("a.png", "b.png", "c.png"), truth=write("truth.csv", *lines))

    assert message in refusal(source, 3).message


def test_a_truth_that_is_missing_or_no_text_is_refused(lay: Lay, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0")

    for name in ("nowhere.txt", "photo.jpg"):
        assert "cannot read" in refusal(Source(lay("a.png"), truth=tmp_path / name), 3).message


def test_labels_of_images_that_are_not_there_are_told(
    lay: Lay, write: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    truth = write("truth.csv", "a.png,0", "b.png,1", "z.png,1")
    find_images(Source(lay("a.png", "b.png"), truth=truth), 2)

    assert "labels for 1 images that do not exist" in capsys.readouterr().err


@pytest.mark.parametrize(
    "lines",
    [
        (f"{KIT_FOX} 1 kit_fox", f"{SETTER} 2 setter"),
        (f"2,{SETTER}", f"1,{KIT_FOX}", "3,n00001740"),
        (KIT_FOX, SETTER),
    ],
)
def test_synsets_are_read_in_either_order_without_inner_nodes(
    write: Callable[..., Path], lines: Sequence[str]
) -> None:
    assert dict(read_synsets(write("synsets.txt", *lines), 2)) == {"1": KIT_FOX, "2": SETTER}


@pytest.mark.parametrize("lines", [("kit_fox 1",), (KIT_FOX,), (f"{KIT_FOX} 1", f"{KIT_FOX} 2")])
def test_synsets_that_are_none_or_too_few_are_refused(
    write: Callable[..., Path], lines: Sequence[str]
) -> None:
    with pytest.raises(UsageError):
        read_synsets(write("synsets.txt", *lines), 2)
