"""``python -m mixnet_bench.studies.cluster_cost``: the cost of a large job on a cluster.

Runs shards of images through the code of workers, measures the CPU time of one thread, and
multiplies: hours for a number of threads, and transferred bytes. Times on phones are a campaign's
estimates for files of this size on one x86-64 core, not measurements of a phone. Nothing is sent.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import click
import numpy as np
from PIL import Image

from mixnet_bench.campaign.estimate import Size, guess_latency
from mixnet_bench.campaign.record import MOST_TOGETHER, Timing
from mixnet_bench.cluster.shards import MOST_IMAGES
from mixnet_bench.targets import model_file
from mixnet_common.console import CONTEXT, Command, example, print_table
from mixnet_common.options import Whole
from mixnet_common.temporary import temporary_folder
from mixnet_export.metadata.preparing import ASSUMED
from mixnet_networks.images.preprocessing import load_preprocessing
from mixnet_quantize.parity.data import Images
from mixnet_quantize.parity.pair import Pair, Side
from mixnet_quantize.parity.record import to_line
from mixnet_quantize.parity.run import compare_chunk

HEIGHT, WIDTH = 375, 500
"""Pixels of most of ImageNet's images, whose files have 110 kB on average."""

THREADS = (2, 8, 32, 128)
NETWORK = Size(4_100_000, 250_000_000)
"""MixNet-S."""


@dataclass(frozen=True)
class ClusterJob:
    """Images against pairs of files, and the same files on phones."""

    images: int
    files: int
    phones: int


@dataclass(frozen=True)
class Shard:
    """The measured cost of a shard of ``MOST_IMAGES`` images."""

    seconds: float
    """CPU time of one thread, the least of all shards."""
    answer_bytes: int
    files_bytes: int
    """Size of both files."""


def photographs(folder: Path, count: int) -> Images:
    """Images of ImageNet's size and about its detail, as JPEG."""
    rng = np.random.default_rng(0)
    for index in range(count):
        coarse = rng.integers(0, 256, (HEIGHT // 5, WIDTH // 5, 3), dtype=np.uint8)
        image = Image.fromarray(coarse).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
        image.save(folder / f"{index:04}.jpg", quality=92)
    return Images(folder, tuple(sorted(each.name for each in folder.iterdir())), None, None)


def measure(first: Path, second: Path, shards: int) -> Shard:
    """Run shards of images and keep the quickest."""
    preprocessing = load_preprocessing(ASSUMED)
    pair = Pair(Side(first, preprocessing), Side(second, preprocessing))
    with temporary_folder() as folder:
        images = photographs(folder, 32)
        times, size = [], 0
        for _ in range(shards):
            began, size = time.thread_time(), 0
            for start in range(0, MOST_IMAGES, 8):
                places = [each % len(images.names) for each in range(start, start + 8)]
                chunk = compare_chunk(pair, images, places)
                size += len(json.dumps([to_line(each) for each in chunk.records]))
            times.append(time.thread_time() - began)
    return Shard(min(times), size, first.stat().st_size + second.stat().st_size)


def parity_rows(job: ClusterJob, shard: Shard) -> Iterator[tuple[str, ...]]:
    """Threads, hours, and what travels: each worker gets each pair once, and answers come back."""
    shards = ceil(job.images / MOST_IMAGES) * job.files
    for threads in THREADS:
        hours = shards * shard.seconds / threads / 3600
        files = job.files * shard.files_bytes * threads
        answers = shards * shard.answer_bytes
        yield (
            f"{threads}",
            f"{hours:.1f}",
            f"{shards / threads:.0f}",
            f"{files / 1e9:.2f}",
            f"{answers / 1e9:.2f}",
        )


def phone_hours(job: ClusterJob) -> float:
    """Hours that each phone takes, all at once, by the constants of a campaign's estimate."""
    groups = ceil((job.files - 1) / (MOST_TOGETHER - 1))
    runs = job.files + groups - 1  # all groups have the first file in common
    return guess_latency([(NETWORK, "float32")] * runs, Timing()) / 3600


@click.command(
    cls=Command,
    context_settings=CONTEXT,
    epilog=example(
        "python -m mixnet_bench.studies.cluster_cost out/mixnet-s.tflite out/mixnet-s-int8.tflite"
    ),
)
@click.argument("first", metavar="FLOAT")
@click.argument("second", metavar="INT8")
@click.option("--images", type=Whole(1, 10**8), default=50_000, show_default=True)
@click.option("--files", type=Whole(2, 10**4), default=40, show_default=True)
@click.option("--phones", type=Whole(0, 1000), default=10, show_default=True)
@click.option("--shards", type=Whole(1, 100), default=2, show_default=True)
def main(first: str, second: str, images: int, files: int, phones: int, shards: int) -> None:
    """Estimate hours and bytes of a large comparison from shards measured here."""
    job = ClusterJob(images, files, phones)
    shard = measure(model_file(first), model_file(second), shards)
    print_table(
        ("threads", "hours", "shards each", "GB of files", "GB of answers"),
        parity_rows(job, shard),
        title=f"{images:,} images × {files} files",
        caption=(
            f"a shard of {MOST_IMAGES} images: {shard.seconds:.2f} s of one thread, "
            f"{shard.answer_bytes / 1000:.1f} kB back; a pair of files: "
            f"{shard.files_bytes / 1e6:.1f} MB; one process a thread",
            f"{phones} phones time {files} files in about {phone_hours(job):.1f} hours,"
            " all at once; an estimate",
        ),
    )


if __name__ == "__main__":
    main()
