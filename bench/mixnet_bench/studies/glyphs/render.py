"""Draws one picture of a character from its number; equal numbers give equal pixels.

A picture is a character of a typeface, turned, sheared, scaled and shifted, in one colour on a
background of gradients, stripes, patches and strokes, then blurred and made noisy. Uses no files or
networks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

CHARACTERS = "23456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghinqrt&@#$%?!+<>{}ß€£¥§©"
"""One class each. Characters that differ only in size or position (0, 1, c, o, s, x …) are out."""

RESOLUTION = 96
"""Height and width of a picture, in pixels."""

MASK_SIZE = 128
"""Size in which a character is drawn before it is transformed: larger than in any picture."""

LEAST_CONTRAST = 30
"""Least difference between the character's and the background's mean brightness, of 255."""

Mask = Image.Image
Generator = np.random.Generator
Pixels = NDArray[np.uint8]


def label(number: int) -> str:
    """A class's name, which sorts as the classes do: ``12-U+0045``."""
    return f"{number:02}-U+{ord(CHARACTERS[number]):04X}"


def masks(font: bytes) -> list[Mask]:
    """Every character of a font as coverage, 0 to 255, trimmed to what is inked."""
    face = ImageFont.truetype(BytesIO(font), MASK_SIZE)
    found = []
    for character in CHARACTERS:
        left, top, right, bottom = face.getbbox(character)
        mask = Image.new("L", (int(right - left) + 4, int(bottom - top) + 4))
        ImageDraw.Draw(mask).text((2 - left, 2 - top), character, fill=255, font=face)
        found.append(mask.crop(mask.getbbox()))
    return found


@dataclass(frozen=True)
class Sample:
    """A picture (96, 96, 3) and its class."""

    pixels: Pixels
    number: int


def sample(
    fonts: Sequence[Sequence[Mask]], split_seed: int, index: int, hardness: float = 1.0
) -> Sample:
    """The ``index``-th picture of a split: classes in turn, then typefaces in turn.

    ``hardness`` below 1 weakens everything that hides a character, to begin a training with.
    """
    rng = np.random.default_rng([split_seed, index])
    number = index % len(CHARACTERS)
    font = fonts[index // len(CHARACTERS) % len(fonts)]
    ground = background(rng, hardness)
    coverage = place(font[number], rng, hardness)
    painted = _paint(ground, coverage, rng, hardness)
    return Sample(_finish(painted, rng, hardness), number)


def place(mask: Mask, rng: Generator, hardness: float = 1.0) -> NDArray[np.float32]:
    """The mask's coverage in the picture, 0 to 1, after a random affine map.

    The map is turn · shear · scale, centre to (shifted) centre; Pillow needs its inverse.
    """
    angle = np.deg2rad(rng.normal(0, 9 * hardness))
    shear, stretch = rng.normal(0, 0.12 * hardness), np.exp(rng.normal(0, 0.12 * hardness))
    size = RESOLUTION * rng.uniform(0.85 - 0.47 * hardness, 0.85) / max(mask.size)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    forward = turn @ np.array([[1, shear], [0, 1]]) @ np.diag([size * stretch, size / stretch])
    room = max(0.0, (RESOLUTION - size * max(mask.size)) / 2)
    target = RESOLUTION / 2 + hardness * rng.uniform(-room, room, 2)
    inverse = np.linalg.inv(forward)
    offset = np.array(mask.size) / 2 - inverse @ target
    coefficients = (*inverse[0], offset[0], *inverse[1], offset[1])
    blurred = mask.filter(ImageFilter.BoxBlur(max(0.0, 0.5 / size - 0.5)))  # against aliasing
    moved = blurred.transform(
        (RESOLUTION, RESOLUTION),
        Image.Transform.AFFINE,
        tuple(float(each) for each in coefficients),
        Image.Resampling.BILINEAR,
    )
    return np.asarray(moved, np.float32) / np.float32(255)


def background(rng: Generator, hardness: float = 1.0) -> NDArray[np.float32]:
    """A ground of (96, 96, 3) values from 0 to 255: one of the kinds below, often with strokes."""
    kind = _GROUNDS[rng.integers(len(_GROUNDS))]
    first, second = rng.uniform(0, 255, (2, 3))
    share = np.clip(kind(rng), 0, 1)[..., None]
    ground = first + (second - first) * rng.uniform(0.1, 0.1 + 0.6 * hardness) * share
    return (
        _with_strokes(ground, rng) if rng.random() < 0.4 * hardness else ground.astype(np.float32)
    )


_ROWS, _COLUMNS = np.mgrid[0:RESOLUTION, 0:RESOLUTION] / RESOLUTION


def _plain(rng: Generator) -> NDArray[np.float64]:
    return np.zeros((RESOLUTION, RESOLUTION))


def _gradient(rng: Generator) -> NDArray[np.float64]:
    angle = rng.uniform(0, 2 * np.pi)
    along = (_ROWS - 0.5) * np.sin(angle) + (_COLUMNS - 0.5) * np.cos(angle)
    return np.asarray(0.5 + along)


def _stripes(rng: Generator) -> NDArray[np.float64]:
    waves = np.sin(_gradient(rng) * rng.uniform(10, 60))
    return np.asarray(0.5 + 0.5 * np.tanh(waves * rng.uniform(0.5, 5)))


def _patches(rng: Generator) -> NDArray[np.float64]:
    cells = int(rng.integers(3, 16))
    small = Image.fromarray(rng.uniform(0, 255, (cells, cells)).astype(np.uint8))
    sampler = Image.Resampling.NEAREST if rng.random() < 0.3 else Image.Resampling.BICUBIC
    return np.asarray(small.resize((RESOLUTION, RESOLUTION), sampler), np.float64) / 255


_GROUNDS = (_plain, _gradient, _stripes, _patches, _patches)


def _with_strokes(ground: NDArray[np.float64], rng: Generator) -> NDArray[np.float32]:
    image = Image.fromarray(np.clip(ground, 0, 255).astype(np.uint8))
    _stroke(image, rng, int(rng.integers(1, 6)))
    return np.asarray(image, np.float32)


def _stroke(image: Image.Image, rng: Generator, count: int) -> None:
    pen = ImageDraw.Draw(image)
    for _ in range(count):
        ends = tuple(float(each) for each in rng.uniform(-10, RESOLUTION + 10, 4))
        colour = tuple(int(each) for each in rng.integers(0, 256, 3))
        pen.line(ends, fill=colour, width=int(rng.integers(1, 4)))


def _paint(
    ground: NDArray[np.float32], coverage: NDArray[np.float32], rng: Generator, hardness: float
) -> NDArray[np.float32]:
    """The character in one colour over the ground, sometimes with a shadow."""
    brightness = float(ground.mean())
    contrast = LEAST_CONTRAST + 60 * (1 - hardness)
    while True:
        colour = rng.uniform(0, 255, 3)
        if abs(float(colour.mean()) - brightness) >= contrast:
            break
    if rng.random() < 0.2 * hardness:
        shift = tuple(int(each) for each in rng.integers(-3, 4, 2))
        shadow = np.roll(coverage, shift, (0, 1))[..., None] * rng.uniform(0.2, 0.6)
        ground = ground * (1 - shadow) + rng.uniform(0, 255) * shadow
    opaque = coverage[..., None] * rng.uniform(0.7, 1.0)
    return np.asarray(ground * (1 - opaque) + colour * opaque, np.float32)


def _finish(picture: NDArray[np.float32], rng: Generator, hardness: float) -> Pixels:
    """Strokes across it, blur, and noise of pixels, now and then each."""
    image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    if rng.random() < 0.3 * hardness:
        _stroke(image, rng, 1)
    if rng.random() < 0.5 * hardness:
        image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 1.6))))
    noise = rng.normal(0, rng.uniform(0, 28 * hardness), (RESOLUTION, RESOLUTION, 3))
    noisy = np.asarray(image, np.float32) + (noise if rng.random() < 0.7 else 0)
    return np.clip(np.round(noisy), 0, 255).astype(np.uint8)
