"""The groups of options in the help of ``mixnet-export``, and the options that a format lacks."""

import click

from mixnet_common.console import Command
from mixnet_common.option_groups import GroupedCommand

GROUPS = {
    "Network": ("--classes", "--resolution", "--multiplier", "--batch"),
    "Weights": ("--weights", "--seed"),
    "Quantization": (
        "--precision", "--calibrate", "--io", "--ranges", "--percentile", "--float-layer",
        "--pieces", "--equalise", "--correct-biases", "--budget", "--data", "--activations",
        "--weight-bits",
    ),
    "Metadata": ("--labels", "--preprocessing", "--input"),
    "Rewriting": ("--measure", "--on", "--allow-emulated", "--dry-run"),
    "Advanced": ("--lowering", "--for", "--allow-fp16", "--no-verify"),
}  # fmt: skip

ONNX_ONLY = ("--activations", "--weight-bits")


class ExportCommand(Command, GroupedCommand):
    """A command of ``mixnet-export``; its help lists its options in groups."""

    groups = GROUPS


class TfliteCommand(ExportCommand):
    """The same without the options that are for ``.onnx`` files; given, they are refused."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The parameters, some of them not listed."""
        params = super().get_params(ctx)
        for each in params:
            if isinstance(each, click.Option) and each.opts[-1] in ONNX_ONLY:
                each.hidden = True
        return params
