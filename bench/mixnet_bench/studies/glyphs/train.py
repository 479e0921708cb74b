"""Trains MixNet-S on the characters from scratch.

Trains timm's ``tf_mixnet_s``, the authors' network in PyTorch, whose weights the importer reads.
Needs torch and timm. One process, on a CPU in an hour or two; after an interruption it continues
from its last checkpoint.
"""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from mixnet_bench.studies.glyphs.build import SEEDS, load_masks
from mixnet_bench.studies.glyphs.render import CHARACTERS, RESOLUTION, Mask, sample
from mixnet_common.console import CONTEXT, Command, example, say
from mixnet_common.options import THREADS, Real
from mixnet_common.outputs import check_folder, check_output
from mixnet_networks.images.preprocessing import load_preprocessing

SEED = SEEDS["train"]
CHECKPOINT, TRAINED = "checkpoint.pth", "mixnet-s-glyphs.pth"
"""In the output folder: the checkpoint of an interrupted training, and the results."""

CHECKPOINT_S = 300

MINUTES = Real(0, 10_080, least_open=True)
"""Bounds of the time to train for: a week."""

EASY_IMAGES = 40_000
"""The first pictures are easy and grow harder: with hard ones alone, nothing is learnt for long."""


@dataclass(frozen=True)
class Recipe:
    """The training method: AdamW, one cycle of the learning rate, an average of the weights."""

    minutes: float
    """The schedule follows the clock."""
    batch: int = 64
    peak: float = 2e-3
    """Learning rate: linear up over ``warmup`` of the time, then half a cosine down to nothing."""
    warmup: float = 0.04
    decay: float = 0.02
    smoothing: float = 0.05
    average: float = 0.998
    """Decay per step of the moving average of the weights, which is saved."""
    small: int = 64
    """Resolution of the first ``small_share`` of the time: a third of the work a picture."""
    small_share: float = 0.45

    def rate(self, done: float) -> float:
        """The learning rate at a share of the time, 0 to 1."""
        if done < self.warmup:
            return self.peak * done / self.warmup
        along = (done - self.warmup) / (1 - self.warmup)
        return self.peak * 0.5 * (1 + math.cos(math.pi * min(1.0, along)))

    def resolution(self, done: float) -> int:
        """The pictures' height and width at a share of the time."""
        return self.small if done < self.small_share else RESOLUTION


def _stream(fonts: Sequence[Sequence[Mask]], batch: int, start: int) -> Iterator[Any]:
    """Endless batches of pixels (batch, 96, 96, 3) and classes (batch,), in a shuffled order."""
    cycle = len(fonts) * len(CHARACTERS)
    seen = start
    while True:
        order = np.random.default_rng([SEED, seen // cycle]).permutation(cycle)
        place = seen % cycle
        numbers = order[place : place + batch] + seen // cycle * cycle
        hardness = min(1.0, 0.1 + 0.9 * seen / EASY_IMAGES)
        drawn = [sample(fonts, SEED, int(number), hardness) for number in numbers]
        seen += len(drawn)
        yield np.stack([each.pixels for each in drawn]), np.array([each.number for each in drawn])


@click.command(
    cls=Command,
    context_settings=CONTEXT,
    epilog=example(
        "python -m mixnet_bench.studies.glyphs.train --fonts fonts/ --minutes 90 -o run/"
    ),
)
@click.option("--fonts", type=click.Path(path_type=Path), required=True, help="Downloaded fonts.")
@click.option(
    "--minutes",
    type=MINUTES,
    default=90,
    show_default=True,
    help="Training time.",
)
@click.option("--threads", type=THREADS, default=1, show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="A folder.")
def main(fonts: Path, minutes: float, threads: int, output: Path) -> None:
    """Train MixNet-S; OUTPUT/mixnet-s-glyphs.pth is for mixnet-export --weights."""
    check_folder(output, like="run/")
    for name in (CHECKPOINT, TRAINED):
        check_output(output / name, like="run/")
    output.mkdir(parents=True, exist_ok=True)
    train(load_masks("train", fonts), Recipe(minutes), threads, output)


def train(fonts: Sequence[Sequence[Mask]], recipe: Recipe, threads: int, output: Path) -> None:
    """Train to the end of the recipe's time, with a checkpoint every few minutes."""
    import timm
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(SEED)
    network = timm.create_model("tf_mixnet_s", num_classes=len(CHARACTERS))
    torch.nn.init.normal_(network.classifier.weight, std=0.01)
    network = network.to(memory_format=torch.channels_last).train()
    average = torch.optim.swa_utils.AveragedModel(
        network,
        multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(recipe.average),
        use_buffers=True,
    )
    optimizer = torch.optim.AdamW(_decayed(network, recipe.decay), lr=recipe.peak)
    state = _State(network, average, optimizer)
    file = output / CHECKPOINT
    if file.is_file():
        state.load(torch.load(file, weights_only=True))
        say(f"going on after {state.images:,} images, {state.seconds / 60:.0f} minutes")
    _run(state, recipe, _batches(fonts, recipe.batch, state.images), file)
    torch.save(average.module.state_dict(), output / TRAINED)
    say(f"{state.images:,} images in {state.seconds / 60:.0f} minutes")


def _decayed(network: Any, decay: float) -> list[dict[str, Any]]:
    """Weight decay for kernels only, not for norms and biases."""
    kernels = [each for each in network.parameters() if each.ndim > 1]
    others = [each for each in network.parameters() if each.ndim <= 1]
    return [
        {"params": kernels, "weight_decay": decay},
        {"params": others, "weight_decay": 0.0},
    ]


class _State:
    """The content of a checkpoint."""

    def __init__(self, network: Any, average: Any, optimizer: Any) -> None:
        self.parts = {"network": network, "average": average, "optimizer": optimizer}
        self.network, self.average, self.optimizer = network, average, optimizer
        self.images, self.seconds = 0, 0.0

    def load(self, saved: dict[str, Any]) -> None:
        for name, part in self.parts.items():
            part.load_state_dict(saved[name])
        self.images, self.seconds = saved["images"], saved["seconds"]

    def save(self, file: Path) -> None:
        import torch

        saved = {name: part.state_dict() for name, part in self.parts.items()}
        fresh = file.with_suffix(".new")
        torch.save({**saved, "images": self.images, "seconds": self.seconds}, fresh)
        fresh.replace(file)


def _batches(fonts: Sequence[Sequence[Mask]], batch: int, start: int) -> Any:
    """The stream, drawn by another process."""
    from torch.utils.data import DataLoader, IterableDataset

    class Stream(IterableDataset):  # type: ignore[misc]
        def __iter__(self) -> Iterator[Any]:
            return _stream(fonts, batch, start)

    return iter(DataLoader(Stream(), batch_size=None, num_workers=1, prefetch_factor=8))


def _run(state: _State, recipe: Recipe, batches: Any, file: Path) -> None:
    import torch
    from torch.nn import functional

    whole = load_preprocessing("whole")
    mean, std = (torch.tensor(each).view(1, 3, 1, 1) for each in (whole.mean, whole.std))
    loss_average, right_average, saved = 0.0, 0.0, time.monotonic()
    step = 0
    while (done := state.seconds / (60 * recipe.minutes)) < 1:
        start = time.monotonic()
        pixels, classes = next(batches)
        inputs = (pixels.permute(0, 3, 1, 2).float() - mean) / std
        size = recipe.resolution(done)
        if size != RESOLUTION:
            inputs = functional.interpolate(inputs, (size, size), mode="area")
        logits = state.network(inputs.contiguous(memory_format=torch.channels_last))
        loss = functional.cross_entropy(logits, classes, label_smoothing=recipe.smoothing)
        for group in state.optimizer.param_groups:
            group["lr"] = recipe.rate(done)
        state.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(state.network.parameters(), 2.0)
        state.optimizer.step()
        state.average.update_parameters(state.network)
        state.images += len(classes)
        state.seconds += time.monotonic() - start
        step += 1
        right = float((logits.argmax(1) == classes).float().mean())
        share = max(0.02, 1 / step)
        loss_average += share * (float(loss.detach()) - loss_average)
        right_average += share * (right - right_average)
        if step % 50 == 0:
            say(
                f"{done:6.1%}  {state.images:,} images  {state.images / state.seconds:.0f}/s  "
                f"loss {loss_average:.3f}  top-1 {right_average:.1%}"
            )
        if time.monotonic() - saved > CHECKPOINT_S:
            state.save(file)
            saved = time.monotonic()


if __name__ == "__main__":
    main()
