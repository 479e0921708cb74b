"""Options that every command on model files has: sizes, signatures and inputs. Parses, no more."""

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any, TypeVar

import click

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
            "--signature", metavar="NAME", help="Of a .tflite file.  [default: the file's own]"
        ),
        click.option(
            "--dim",
            multiple=True,
            metavar="NAME=N",
            help="Size of a dimension that an .onnx file names; repeatable.",
        ),
        click.option(
            "--shape",
            multiple=True,
            metavar="[INPUT=]1,3,224,224",
            help="Sizes of an input, in place of the file's or of open ones; repeatable.",
        ),
    ):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]


FP16 = click.option(
    "--fp16",
    is_flag=True,
    help="Compute float32 .tflite files in float16, as phones since 2018 can (XNNPACK).",
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
            help="Range of an input of whole numbers, like ids=0,49; repeatable.",
        ),
        click.option(
            "--input",
            "given_input",
            multiple=True,
            metavar="[INPUT=]FILE",
            help="Values of an input: .npy, .npz or an image; repeatable.  [default: made up]",
        ),
    ):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]
