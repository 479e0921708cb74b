"""Two real files on generated images: every figure against a plain loop, and every kind of pair."""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from PIL import Image

from mixnet_common import MixnetError, UsageError
from mixnet_export.cli import main as export
from mixnet_networks.architecture import Preprocessing
from mixnet_networks.images.preprocessing import on_pixels
from mixnet_quantize.images import load_image
from mixnet_quantize.parity import Parity, Settings, Side, Source, check, parity, run
from mixnet_quantize.parity.report import aligned, describe_parity, parity_text
from mixnet_quantize.parity.tally import ROUNDING
from mixnet_runtimes import open_session

CLASSES = 12
COUNT = 60

SMALL = f"""
source = "a test"
resolution = 32
classes = {CLASSES}
stem = {{ channels = 8 }}
head = {{ channels = 64 }}
[[stages]]
out = 8
kernels = [3, 5]
expand = 2
[[stages]]
out = 16
kernels = [3, 5, 7]
expand = 3
stride = 2
se = 0.5
activation = "swish"
[preprocessing]
mean = [120.0, 110.0, 100.0]
std = [60.0, 55.0, 50.0]
crop = 0.8
interpolation = "bilinear"
"""

PREPROCESSING = Preprocessing(
    mean=(120.0, 110.0, 100.0), std=(60.0, 55.0, 50.0), crop=0.8, interpolation="bilinear"
)

Files = Callable[..., Path]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Blurred noise of many colours, flat."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(5)
    for index in range(COUNT):
        size = int(rng.integers(2, 12))
        spread = rng.integers(40, 256)
        pixels = np.clip(rng.integers(0, 256, 3) + rng.integers(0, spread, (size, size, 3)), 0, 255)
        image = Image.fromarray(pixels.astype(np.uint8)).resize((50, 40 + index % 9))
        image.save(folder / f"{index:03}.png")
    return folder


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Files:
    """The small network as a file: by format and further options of ``mixnet-export``."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "small.toml").write_text(SMALL)

    @cache
    def make(form: str, *options: str) -> Path:
        place = folder / "-".join((form, *options)).replace("/", "_")
        command = [form, str(folder / "small.toml"), "-o", str(place), "--no-verify", *options]
        if "int8" in options:
            command += ["--calibrate", str(photos)]
        result = CliRunner().invoke(export, command)
        assert result.exit_code == 0, result.output
        (path,) = place.glob(f"*.{form}")
        return path

    return make


@pytest.fixture(scope="module")
def plain(files: Files, photos: Path) -> Callable[[Path], NDArray[np.float64]]:
    """The logits of a float32 NHWC file on all photos, by a plain loop."""

    @cache
    def logits(path: Path) -> NDArray[np.float64]:
        session = open_session(path)
        rows = []
        for photo in sorted(photos.iterdir()):
            image = load_image(photo, 32, PREPROCESSING)[None]
            if path.suffix == ".onnx":
                image = np.ascontiguousarray(image.transpose(0, 3, 1, 2))
            (row,) = session.run([image]).values()
            rows.append(row.reshape(-1).astype(np.float64))
        return np.array(rows)

    return logits


@pytest.fixture(scope="module")
def truth(
    files: Files,
    plain: Callable[[Path], NDArray[np.float64]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """What the float32 file sees; every fifth image is of the class that it holds for second."""
    rows = plain(files("tflite"))
    order = np.argsort(-rows, axis=1)
    assert len(set(order[:, 0])) >= 3, "one class for all would prove nothing"
    assert np.diff(np.sort(rows), axis=1).min() > 1e-6, "ties would prove nothing"
    lines = [f"{index:03},{order[index, int(index % 5 == 0)]}" for index in range(COUNT)]
    path = tmp_path_factory.mktemp("truth") / "truth.csv"
    path.write_text("\n".join(lines))
    return path


def side(path: Path) -> Side:
    return Side(path, PREPROCESSING)


def of(first: Path, second: Path, source: Source, **settings: object) -> Parity:
    return parity(side(first), side(second), source, Settings(**settings))  # type: ignore[arg-type]


def test_every_figure_is_that_of_a_plain_loop(
    files: Files, plain: Callable[[Path], NDArray[np.float64]], photos: Path, truth: Path
) -> None:
    first, second = files("tflite"), files("tflite", "--precision", "int8")
    found = of(first, second, Source(photos, truth=truth), worst=3).outcome
    a, b = plain(first), plain(second)
    right = np.array([int(line.split(",")[1]) for line in truth.read_text().split()])

    hits = [logits.argmax(axis=1) == right for logits in (a, b)]
    assert found.top1 is not None
    assert found.top1.first.hits == hits[0].sum() == COUNT * 4 // 5
    assert found.top1.second.hits == hits[1].sum()
    assert found.top1.loss.lost == (hits[0] & ~hits[1]).sum()
    assert found.top1.loss.won == (hits[1] & ~hits[0]).sum()
    fives = [
        (np.argsort(-logits, axis=1, kind="stable")[:, :5] == right[:, None]).any(axis=1)
        for logits in (a, b)
    ]
    assert found.top5 is not None
    assert [found.top5.first.hits, found.top5.second.hits] == [each.sum() for each in fives]
    agrees = a.argmax(axis=1) == b.argmax(axis=1)
    assert found.agreement.hits == agrees.sum()
    top = np.sort(a, axis=1)
    margins = (top[:, -1] - top[:, -2]) / np.abs(a).max(axis=1)
    assert found.beyond_rounding == (~agrees & (margins > ROUNDING)).sum()
    assert found.logits.largest == pytest.approx(np.abs(a - b).max())
    assert found.logits.rms == pytest.approx(np.sqrt(np.mean((a - b) ** 2)))
    assert found.logits.db == pytest.approx(10 * np.log10((a**2).sum() / ((a - b) ** 2).sum()))
    worst = np.argsort(-np.abs(a - b).max(axis=1), kind="stable")[:3]
    assert [each.index for each in found.worst_errors] == worst.tolist()
    surest = [index for index in np.argsort(-margins, kind="stable") if not agrees[index]][:3]
    assert [each.index for each in found.worst_flips] == surest


def test_a_metric_of_ones_own_is_the_mean_over_all_images(
    files: Files, plain: Callable[[Path], NDArray[np.float64]], photos: Path, truth: Path
) -> None:
    first, second = files("tflite"), files("tflite", "--precision", "int8")
    right = np.array([int(line.split(",")[1]) for line in truth.read_text().split()])

    def gap(one: NDArray[np.float64], other: NDArray[np.float64], number: int | None) -> float:
        assert number is not None
        return float(one[number] - other[number])

    found = of(first, second, Source(photos, truth=truth), metric=gap, jobs=2).outcome.metric
    rows = np.arange(COUNT)
    expected = (plain(first)[rows, right] - plain(second)[rows, right]).mean()
    assert expected != 0, "it would prove nothing"
    assert found is not None
    assert found.value == pytest.approx(expected)
    assert found.interval is not None
    assert found.interval.low < expected < found.interval.high


def test_a_metric_of_ones_own_is_kept_in_no_state(
    files: Files, photos: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="metric"):
        of(
            files("tflite"),
            files("tflite"),
            Source(photos),
            metric=lambda first, second, truth: 0.0,
            state=tmp_path / "state",
        )


@pytest.mark.parametrize("jobs", [1, 3])
def test_workers_and_batches_change_no_figure(files: Files, photos: Path, jobs: int) -> None:
    expected = of(files("tflite"), files("onnx"), Source(photos)).outcome
    batched = of(
        files("tflite", "--batch", "3"), files("onnx", "--batch", "7"), Source(photos), jobs=jobs
    ).outcome

    assert (batched.count, batched.agreement) == (expected.count, expected.agreement)
    assert batched.logits.rms < 1e-4


def test_both_formats_see_the_same_wherever_the_top_two_are_apart(
    files: Files, photos: Path, truth: Path
) -> None:
    found = of(files("tflite"), files("onnx"), Source(photos, truth=truth), budget=10.0)

    assert found.outcome.beyond_rounding == 0
    assert found.outcome.logits.db is not None
    assert found.outcome.logits.db > 80
    assert found.verdict is not None
    assert found.verdict.kind == "within"
    assert [found.first.runtime, found.second.runtime] == ["LiteRT", "onnxruntime"]


@pytest.mark.parametrize("form", ["tflite", "onnx"])
@pytest.mark.parametrize(
    "options",
    [
        ("--precision", "int8", "--io", "int8"),
        ("--lowering", "reference"),
        ("--input", "pixels"),
    ],
)
def test_any_pair_is_compared(
    files: Files, photos: Path, form: str, options: tuple[str, ...]
) -> None:
    pixels = "pixels" in options
    second = Side(files(form, *options), on_pixels(PREPROCESSING) if pixels else PREPROCESSING)
    found = parity(side(files("tflite")), second, Source(photos), Settings()).outcome

    assert found.count == COUNT
    assert found.logits.db is not None
    assert found.logits.db > (15 if "int8" in options else 70)
    assert found.agreement.value > 0.8


def test_a_file_against_itself_differs_nowhere(files: Files, photos: Path, truth: Path) -> None:
    found = of(files("tflite"), files("tflite"), Source(photos, truth=truth), budget=1.0)

    assert found.outcome.logits.db is None
    assert found.outcome.agreement.value == 1
    assert found.outcome.worst_flips == ()
    assert found.verdict is not None
    assert found.verdict.kind == "too-few-images"


def test_layers_are_compared_by_name(files: Files, photos: Path) -> None:
    found = of(files("tflite"), files("tflite", "--precision", "int8"), Source(photos), layers=4)

    names = [layer.name for layer in found.layers]
    assert names[-1] == "logits"
    assert any("depthwise" in name for name in names)
    assert all(layer.db > 5 for layer in found.layers)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--batch", "2"), "1 and 2 images at once"),
        (("--input", "pixels"), "different preprocessing"),
    ],
)
def test_layers_of_files_that_take_unlike_arrays_are_refused(
    files: Files, photos: Path, options: tuple[str, ...], message: str
) -> None:
    preprocessing = on_pixels(PREPROCESSING) if "pixels" in options else PREPROCESSING
    second = Side(files("tflite", *options), preprocessing)

    with pytest.raises(UsageError, match=message):
        parity(side(files("tflite")), second, Source(photos), Settings(layers=1))


# What is refused, before the work


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--resolution", "48"), "has 32 pixels and .* 48"),
        (("--classes", "7"), "has 12 classes and .* 7"),
    ],
)
def test_files_of_unlike_networks_are_refused(
    files: Files, photos: Path, options: tuple[str, ...], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        of(files("tflite"), files("tflite", *options), Source(photos))


@pytest.mark.parametrize(
    "settings",
    [
        {"budget": 0.0},
        {"budget": float("nan")},
        {"budget": 100.0},
        {"confidence": 1.0},
        {"confidence": 0.3},
        {"jobs": 0},
        {"worst": -1},
        {"layers": -1},
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, float], files: Files) -> None:
    with pytest.raises(UsageError):
        of(files("tflite"), files("tflite"), Source(Path("nowhere")), **settings)


def test_a_truth_with_more_classes_than_the_files_is_refused_before_an_image_is_opened(
    files: Files, tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(b"never opened")
    truth = tmp_path / "truth.csv"
    truth.write_text("a.png,12")

    with pytest.raises(UsageError, match="class 12; the file's 12 classes"):
        of(files("tflite"), files("tflite"), Source(tmp_path, truth=truth))


# Unreadable images


def test_unreadable_images_are_named_and_in_no_figure(
    files: Files, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("000.png", "001.png", "002.png"):
        (tmp_path / name).write_bytes((photos / name).read_bytes())
    (tmp_path / "000a.png").write_bytes(b"no image")
    (tmp_path / "001a.jpg").write_bytes((photos / "001.png").read_bytes()[:60])
    (tmp_path / "003.png").mkdir()
    found = of(files("tflite"), files("onnx"), Source(tmp_path))

    assert found.outcome.count == 3
    assert [name for name, _ in found.unreadable] == ["000a.png", "001a.jpg", "003.png"]
    assert all(name in why for name, why in found.unreadable)
    assert "unreadable and not counted: 3 images" in parity_text(found)
    assert capsys.readouterr().err.count("cannot read ") == 3


def test_a_folder_of_unreadable_images_only_is_an_error(files: Files, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no image")

    with pytest.raises(MixnetError, match="none of the 1 images could be read"):
        of(files("tflite"), files("onnx"), Source(tmp_path))


def test_an_answer_that_is_no_number_is_an_error(
    files: Files, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mixnet_quantize.parity.image_model import ImageModel

    monkeypatch.setattr(ImageModel, "logits", lambda self, x: np.full((len(x), CLASSES), np.nan))

    with pytest.raises(MixnetError, match="outputs nan, infinity"):
        of(files("tflite"), files("onnx"), Source(photos))


# In any order


def test_images_in_any_order_give_the_same_digits(files: Files, photos: Path, truth: Path) -> None:
    """Sums of floats depend on their order, unless they are rounded once."""

    def shuffled(work: run.Comparison, indices: Sequence[int]) -> Generator[run.Chunk, None, None]:
        chunks = list(check.run_here(work, indices))
        np.random.default_rng(1).shuffle(chunks)  # type: ignore[arg-type]
        for chunk in chunks:
            chunk.records.reverse()
            yield chunk

    pair = side(files("tflite")), side(files("onnx"))
    source = Source(photos, truth=truth)
    plain = parity(*pair, source, Settings())
    assert plain.outcome.logits.db is not None
    assert parity(*pair, source, Settings(), runner=shuffled) == plain


def test_going_on_on_a_machine_of_another_kind_is_said(
    files: Files, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, pair = tmp_path / "state.jsonl", (side(files("tflite")), side(files("onnx")))
    parity(*pair, Source(photos), Settings(state=kept))
    lines = kept.read_text().splitlines(keepends=True)
    lines[1] = lines[1].replace('"features":[', '"features":["avx9999",')
    kept.write_text("".join(lines[:-1]))
    capsys.readouterr()
    parity(*pair, Source(photos), Settings(state=kept))
    assert "a CPU without avx9999" in capsys.readouterr().err
    assert len(kept.read_text().splitlines()) == len(lines) + 1, "the machine is named again"


# Interrupted and resumed


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> Callable[[type[BaseException], int], None]:
    """Lets the next comparison end by an exception after so many chunks of images."""

    def arm(error: type[BaseException], chunks: int) -> None:
        def cut(*arguments: object) -> Iterator[run.Chunk]:
            for number, chunk in enumerate(run.run(*arguments)):  # type: ignore[arg-type]
                if number == chunks:
                    monkeypatch.undo()
                    raise error("cut short")
                yield chunk

        monkeypatch.setattr(check, "run", cut)

    return arm


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, MixnetError])
def test_an_interrupted_comparison_goes_on_where_it_was(
    files: Files,
    photos: Path,
    truth: Path,
    tmp_path: Path,
    interrupted: Callable[[type[BaseException], int], None],
    capsys: pytest.CaptureFixture[str],
    error: type[BaseException],
) -> None:
    pair = files("tflite"), files("onnx")
    source, kept = Source(photos, truth=truth), tmp_path / "state.jsonl"
    interrupted(error, 3)
    with pytest.raises(error):
        of(*pair, source, state=kept)
    done = 3 * run.CHUNK
    assert len(kept.read_text().splitlines()) == 2 + done, "what is compared, where, and the images"
    with kept.open("a") as file:
        file.write('{"image":59,"top":[[')  # as a torn write leaves it

    resumed = of(*pair, source, state=kept)
    assert f"{done} of {COUNT} images are already in" in capsys.readouterr().err
    assert describe_parity(resumed) == describe_parity(of(*pair, source))
    lines = kept.read_text().splitlines()
    assert len(lines) == 2 + COUNT

    again = of(*pair, replace(source, truth=None), state=kept)
    assert again.outcome.top1 is None, "labels may change; what the files answer does not"
    assert kept.read_text().splitlines() == lines


def test_a_state_is_of_these_files_these_images_and_this_preparation(
    files: Files, photos: Path, tmp_path: Path
) -> None:
    kept, pair = tmp_path / "state.jsonl", (side(files("tflite")), side(files("onnx")))
    parity(*pair, Source(photos), Settings(state=kept))
    other = tmp_path / "photos"
    other.mkdir()
    for photo in list(photos.iterdir())[:5]:
        (other / photo.name).write_bytes(photo.read_bytes())
    cropped = Side(pair[0].path, replace(PREPROCESSING, crop=0.5))

    for first, second, folder, part in (
        (pair[1], pair[0], photos, "files, runtimes"),
        (*pair, other, "images"),
        (cropped, pair[1], photos, "preprocessing"),
    ):
        with pytest.raises(UsageError, match=f"differences: {part}"):
            parity(first, second, Source(folder), Settings(state=kept))


# Reports


def test_a_report_says_what_was_compared_and_how(files: Files, photos: Path, truth: Path) -> None:
    found = of(
        files("tflite"),
        files("tflite", "--precision", "int8"),
        Source(photos, truth=truth),
        budget=0.5,
    )
    report = parity_text(found)

    for part in ("small.tflite", "small-int8.tflite", "top-1", "top-5", "80.00 %", "60 images"):
        assert part in report
    assert "too few to decide about the budget of 0.5" in report
    assert len({line.index("%") for line in aligned([("", "1 %"), ("row", "20 %")])[1:]}) == 1
