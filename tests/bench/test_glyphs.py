import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image, ImageDraw

from mixnet_bench.studies.glyphs import build as program
from mixnet_bench.studies.glyphs import fonts
from mixnet_bench.studies.glyphs.build import SEEDS, build
from mixnet_bench.studies.glyphs.fonts import Family, families, fetch, read_font
from mixnet_bench.studies.glyphs.render import CHARACTERS, LEAST_CONTRAST, RESOLUTION, label, sample
from mixnet_common import MixnetError, UsageError


@pytest.fixture
def typefaces():
    """Two typefaces of 64 'characters' each: boxes and rings of different proportions."""
    faces = []
    for shape in (ImageDraw.ImageDraw.rectangle, ImageDraw.ImageDraw.ellipse):
        face = []
        for number in range(len(CHARACTERS)):
            mask = Image.new("L", (60 + number, 120))
            shape(ImageDraw.Draw(mask), (4, 4, 55 + number, 115), fill=255)
            face.append(mask)
        faces.append(face)
    return faces


def test_there_are_64_different_characters_and_their_names_sort_as_their_classes():
    assert len(set(CHARACTERS)) == len(CHARACTERS) == 64
    names = [label(number) for number in range(64)]
    assert names == sorted(names)


def test_a_picture_depends_on_its_number_alone(typefaces):
    first = sample(typefaces, SEEDS["test"], 70)
    again = sample(typefaces, SEEDS["test"], 70)
    assert np.array_equal(first.pixels, again.pixels)
    assert first.pixels.shape == (RESOLUTION, RESOLUTION, 3)
    others = [sample(typefaces, SEEDS["test"], 71), sample(typefaces, SEEDS["train"], 70)]
    assert not any(np.array_equal(first.pixels, other.pixels) for other in others)


def test_classes_take_turns(typefaces):
    assert [sample(typefaces, 2, index).number for index in (0, 1, 63, 64, 130)] == [0, 1, 63, 0, 2]


def test_a_character_stands_out_from_its_background(typefaces):
    """By its mean brightness; noise and strokes apart, which hardness 0 leaves out."""
    for index in range(0, 640, 7):
        pixels = sample(typefaces, 2, index, hardness=0.0).pixels.astype(float).mean(axis=2)
        middle = pixels[RESOLUTION // 2 - 6 : RESOLUTION // 2 + 6, RESOLUTION // 2 - 6 :][:, :12]
        edge = np.concatenate([pixels[:3].ravel(), pixels[-3:].ravel()])
        assert abs(middle.mean() - edge.mean()) > LEAST_CONTRAST / 3


def test_no_family_and_no_close_relative_is_in_both_splits():
    train, test = ({family.name for family in families(split)} for split in ("train", "test"))
    assert len(test) == 48
    assert len(train) > 90
    assert not train & test
    stems = {name.split("-")[0] for name in train} & {name.split("-")[0] for name in test}
    # Of one maker or with one word in their names, but drawn apart.
    assert stems <= {
        "old",
        "source",
        "special",
        "fjalla",
        "space",
        "libre",
        "maven",
        "abril",
        "exo",
    }


def test_every_family_is_freely_licensed():
    both = (*families("train"), *families("test"))
    assert {family.license for family in both} <= {"OFL-1.1", "Apache-2.0", "UFL-1.0"}


FAMILY = Family("@fontsource/lobster", "5.3.0", "sha512-AAAA", "OFL-1.1", (400,), "test")


def npm_that(body: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a stand-in for npm first on the path: a Python program with ``body``."""
    script = folder / "npm"
    script.write_text(f"#!{sys.executable}\n{body}\n")
    script.chmod(0o755)
    monkeypatch.setattr(fonts.shutil, "which", lambda name: str(script))


def test_a_package_that_is_not_the_pinned_one_is_refused(tmp_path, monkeypatch):
    npm_that("open('fontsource-lobster-5.3.0.tgz', 'w').write('other')", tmp_path, monkeypatch)
    with pytest.raises(MixnetError, match="not the pinned package"):
        fetch([FAMILY], tmp_path / "kept")
    assert list((tmp_path / "kept").iterdir()) == []


def test_npms_own_words_are_passed_on(tmp_path, monkeypatch):
    body = "import sys; print('E404 no such package', file=sys.stderr); sys.exit(1)"
    npm_that(body, tmp_path, monkeypatch)
    with pytest.raises(MixnetError, match="E404"):
        fetch([FAMILY], tmp_path / "kept")


def test_without_npm_the_message_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(fonts.shutil, "which", lambda name: None)
    with pytest.raises(MixnetError, match="npm is not installed"):
        fetch([FAMILY], tmp_path / "kept")


def test_a_damaged_package_is_an_error_that_names_it(tmp_path):
    (tmp_path / FAMILY.archive).write_bytes(b"no archive")
    with pytest.raises(MixnetError, match=r"fontsource-lobster-5\.3\.0\.tgz"):
        read_font(FAMILY, 400, tmp_path)


def test_a_folder_that_exists_is_not_drawn_into(tmp_path):
    with pytest.raises(UsageError, match="exists"):
        build("test", tmp_path, tmp_path, 1)


def test_such_a_folder_is_told_in_two_lines(tmp_path):
    arguments = ["--fonts", str(tmp_path), "-o", str(tmp_path)]
    result = CliRunner().invoke(program.main, arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {tmp_path} exists\n  hint: ")


def test_pictures_that_could_not_all_be_drawn_leave_nothing(tmp_path, monkeypatch):
    def full(split, fonts, folder, numbers):
        folder.mkdir()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(program, "fetch", lambda wanted, folder: None)
    monkeypatch.setattr(program, "_draw_all", full)
    with pytest.raises(OSError, match="No space"):
        build("test", tmp_path, tmp_path / "pictures", 4)
    assert list(tmp_path.iterdir()) == []


def test_the_commands_have_help():
    for name in ("build",):
        command = [sys.executable, "-m", f"mixnet_bench.studies.glyphs.{name}", "--help"]
        assert (
            "Example" in subprocess.run(command, capture_output=True, text=True, check=True).stdout
        )
