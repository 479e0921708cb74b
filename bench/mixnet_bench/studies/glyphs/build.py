"""The pictures of a split, as a folder of class folders.

The same command writes the same pixels everywhere; ``pictures.json`` beside the folders has their
common hash and number. An existing folder is never changed.
"""

import json
import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import click

from mixnet_bench.studies.glyphs.fonts import Family, Split, families, fetch, read_font
from mixnet_bench.studies.glyphs.render import CHARACTERS, Mask, label, masks, sample
from mixnet_common import UsageError
from mixnet_common.console import CONTEXT, Command, example, say
from mixnet_common.files import write_whole
from mixnet_common.hashing import sha256, sha256_of_parts
from mixnet_common.options import Whole
from mixnet_common.outputs import check_folder
from mixnet_common.progress import progress

SEEDS: dict[Split, int] = {"train": 1, "test": 2}

PICTURES = 4 * len(CHARACTERS) * 48
"""Size of the full test set: every character of its 48 typefaces four times."""

COUNT = Whole(1, 1_000_000)
"""Bounds of how many pictures are drawn."""

CHUNK = 256

_fonts: Sequence[Sequence[Mask]] = ()
"""In a drawing process: what it draws from."""


def load_masks(split: Split, folder: Path) -> list[list[Mask]]:
    """Every weight of every family of a split as masks, fetched first where it is not connected."""
    wanted = families(split)
    fetch(wanted, folder)
    return [masks(read_font(each, weight, folder)) for each, weight in weights(wanted)]


def weights(wanted: Sequence[Family]) -> list[tuple[Family, int]]:
    """Family and weight of every typeface that is drawn, in order."""
    return [(family, weight) for family in wanted for weight in family.weights]


def build(split: Split, fonts: Path, output: Path, count: int, start: int = 0) -> str:
    """Draw pictures ``start`` to ``start + count`` into ``output``; returns their hash.

    Raises UsageError if the folder exists, MixnetError if a typeface can't be had.
    """
    if output.is_symlink() or output.exists():
        raise UsageError(f"{output} exists", "name a new folder, or remove that one")
    check_folder(output, like="glyphs-test/")
    check_folder(fonts, option="--fonts", like="fonts/")
    fetch(families(split), fonts)
    partial_folder = output.with_name(f".{output.name}.partial-{os.getpid()}")
    try:
        digest = _draw_all(split, fonts, partial_folder, range(start, start + count))
        record = {"split": split, "start": start, "pictures": count, "sha256": digest}
        write_whole(partial_folder / "pictures.json", json.dumps(record, indent=2) + "\n")
        partial_folder.replace(output)
    except BaseException:
        shutil.rmtree(partial_folder, ignore_errors=True)
        raise
    return digest


def _draw_all(split: Split, fonts: Path, folder: Path, numbers: range) -> str:
    """Draw pictures of these numbers into a new folder's class folders; returns their hash."""
    for number in range(len(CHARACTERS)):
        (folder / label(number)).mkdir(parents=True)
    hashes: list[bytes] = []
    chunks = [numbers[first : first + CHUNK] for first in range(0, len(numbers), CHUNK)]
    with (
        ProcessPoolExecutor(initializer=_load, initargs=(split, fonts)) as pool,
        progress("drawing", len(numbers)) as advance,
    ):
        for drawn in pool.map(partial(_draw, split, folder), chunks):
            hashes += drawn
            advance(len(drawn))
    return sha256_of_parts(hashes)


def _load(split: Split, fonts: Path) -> None:
    global _fonts  # noqa: PLW0603 - a process's own, set once when it starts
    _fonts = load_masks(split, fonts)


def _draw(split: Split, folder: Path, numbers: range) -> list[bytes]:
    """Draw and save some pictures; returns the hash of the pixels of each."""
    from PIL import Image

    hashes = []
    for index in numbers:
        drawn = sample(_fonts, SEEDS[split], index)
        file = folder / label(drawn.number) / f"{index:06}.png"
        Image.fromarray(drawn.pixels).save(file)
        hashes.append(bytes.fromhex(sha256(drawn.pixels.tobytes())))
    return hashes


@click.command(
    cls=Command,
    context_settings=CONTEXT,
    epilog=example("python -m mixnet_bench.studies.glyphs.build --fonts fonts/ -o glyphs-test/"),
)
@click.option("--split", type=click.Choice(["test", "train"]), default="test", show_default=True)
@click.option("--fonts", type=click.Path(path_type=Path), required=True, help="Downloaded fonts.")
@click.option("--count", type=COUNT, default=PICTURES, show_default=True)
@click.option("--start", type=Whole(0, 10**9), default=0, help="Number of the first picture.")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="New folder.")
def main(split: Split, fonts: Path, count: int, start: int, output: Path) -> None:
    """Draw the labelled pictures that quantization is measured on."""
    digest = build(split, fonts, output, count, start)
    say(f"{count:,} pictures in {output}, sha256 {digest}")


if __name__ == "__main__":
    main()
