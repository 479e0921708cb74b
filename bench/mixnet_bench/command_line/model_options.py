"""Options that several commands share: sizes, signatures, inputs, and how files are timed."""

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any, TypeVar

import click

from mixnet_common.options import CLASSES, MULTIPLIER, RESOLUTION, THREADS

Command = TypeVar("Command", bound=Callable[..., Any])


def selection_options(command: Command) -> Command:
    """Add ``--shape``, ``--dim`` and ``--signature``; the command gets them as ``selection``."""

    @wraps(command)
    def wrapped(
        *args: Any, shape: tuple[str, ...], dim: tuple[str, ...], signature: str | None, **rest: Any
    ) -> Any:
        from mixnet_runtimes.selection import Selection, parse_dims, parse_shapes

        selection = Selection(parse_shapes(shape), parse_dims(dim), signature)
        return command(*args, selection=selection, **rest)

    for option in (
        click.option(
            "--signature",
            metavar="NAME",
            show_default="that of the first subgraph",
            help="Signature of a .tflite file to use.",
        ),
        click.option(
            "--dim",
            multiple=True,
            metavar="NAME=N",
            help="Size of a named dimension of an .onnx file; repeatable.",
        ),
        click.option(
            "--shape",
            multiple=True,
            metavar="[INPUT=]1,3,224,224",
            show_default="the file's own",
            help="Shape of an input, required where sizes are open; repeatable.",
        ),
    ):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]


def size_options(command: Command) -> Command:
    """Add the options that size a network: ``--classes``, ``--resolution``, ``--multiplier``."""
    own = "the network's own"
    for option in (
        click.option(
            "--multiplier",
            type=MULTIPLIER,
            show_default=own,
            help="Channel multiplier of a network: scales the number of channels of every layer.",
        ),
        click.option(
            "--resolution",
            type=RESOLUTION,
            show_default=own,
            help="Height and width of the input image of a network, in pixels.",
        ),
        click.option(
            "--classes", type=CLASSES, show_default=own, help="Number of classes of a network."
        ),
    ):
        command = option(command)
    return command


THREADS_OPTION = click.option(
    "--threads",
    type=THREADS,
    default=1,
    show_default=True,
    help="Number of threads of the runtime.",
)

ON_HOST_OR_PHONE = click.option(
    "--on",
    is_eager=True,  # threads are bounded by where they run
    default="host",
    show_default=True,
    metavar="host|adb[:SERIAL]",
    help="Device to measure on: this machine or a phone.",
)

PIN = click.option(
    "--pin",
    metavar="CPUS",
    help="Run on these CPUs only, such as 0,2-3 (Linux and phones), or on a phone's big or little"
    " cores.",
)

FIXED_PERFORMANCE = click.option(
    "--fixed-performance",
    is_flag=True,
    help="Set the clocks of the phone to a sustainable level during the run (Android 11 and"
    " later).",
)

FP16 = click.option(
    "--fp16",
    is_flag=True,
    help="Run float32 .tflite files in float16; needs a CPU with float16 arithmetic (phones since"
    " 2018).",
)


def fp16_option(command: Command) -> Command:
    """Add ``--fp16`` below ``selection_options``; it becomes part of the selection."""

    @wraps(command)
    def wrapped(*args: Any, selection: Any, fp16: bool, **rest: Any) -> Any:
        return command(*args, selection=replace(selection, fp16=fp16), **rest)

    return FP16(wrapped)  # type: ignore[return-value]


def input_options(command: Command) -> Command:
    """Add ``--input`` and ``--input-range``; the command gets them as ``inputs``."""

    @wraps(command)
    def wrapped(
        *args: Any, given_input: tuple[str, ...], input_range: tuple[str, ...], **rest: Any
    ) -> Any:
        from mixnet_runtimes.given_inputs import parse_inputs

        return command(*args, inputs=parse_inputs(given_input, input_range), **rest)

    for option in (
        click.option(
            "--input-range",
            multiple=True,
            metavar="[INPUT=]LOW,HIGH",
            help="Range of random values of an integer input, such as ids=0,49; repeatable.",
        ),
        click.option(
            "--input",
            "given_input",
            multiple=True,
            metavar="[INPUT=]FILE",
            show_default="random values",
            help="Values of an input from a .npy, .npz or image file; repeatable.",
        ),
    ):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]
