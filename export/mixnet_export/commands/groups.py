"""A command whose help lists its options in groups; what its format refuses is not listed."""

from collections.abc import Sequence

import click

GROUPS: dict[str, tuple[str, ...]] = {
    "Network": ("--classes", "--resolution", "--multiplier", "--batch"),
    "Weights": ("--weights", "--seed"),
    "Quantization": (
        "--precision", "--calibrate", "--io", "--ranges", "--percentile", "--float-layer",
        "--pieces", "--equalise", "--correct-biases", "--budget", "--data", "--activations",
        "--weight-bits",
    ),
    "Metadata": ("--labels", "--preprocessing", "--input"),
    "Advanced": ("--lowering", "--for", "--allow-fp16", "--no-verify"),
}  # fmt: skip
"""By their heads; every other option stands under ``Options``."""

ONNX_ONLY = ("--activations", "--weight-bits")


class GroupedCommand(click.Command):
    """Lists its options in groups."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, group by group."""
        records = {
            option.opts[-1]: found
            for option in self.get_params(ctx)
            if (found := option.get_help_record(ctx)) is not None
        }
        for title, names in GROUPS.items():
            self._write(formatter, title, [records.pop(name) for name in names if name in records])
        self._write(formatter, "Options", list(records.values()))

    @staticmethod
    def _write(
        formatter: click.HelpFormatter, title: str, records: Sequence[tuple[str, str]]
    ) -> None:
        if records:
            with formatter.section(title):
                formatter.write_dl(records)


class TfliteCommand(GroupedCommand):
    """The same without the options that are for ``.onnx`` files; given, they are refused."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The parameters, some of them not listed."""
        params = super().get_params(ctx)
        for each in params:
            if isinstance(each, click.Option) and each.opts[-1] in ONNX_ONLY:
                each.hidden = True
        return params
