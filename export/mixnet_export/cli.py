"""The command ``mixnet-export``: options, one job per file, messages. No work is done here."""

if __name__ == "__main__":  # before the imports, during which an interrupt may come
    from mixnet_export.__main__ import main as start

    start()

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from mixnet_common import UsageError
from mixnet_common.console import (
    CONTEXT,
    Group,
    example,
    json_option,
    print_json,
    print_lines,
    print_table,
    say,
)
from mixnet_export.commands.groups import ExportCommand, TfliteCommand
from mixnet_export.commands.optimize import optimize_command
from mixnet_export.commands.options import (
    export_options,
    network_argument,
    network_options,
    optional_network,
)
from mixnet_networks import load_network


@click.group(
    cls=Group, context_settings=CONTEXT, epilog=example("mixnet-export tflite mixnet-s -o out/")
)
@click.version_option(package_name="mixnet-mobile", prog_name="mixnet-export")
def main() -> None:
    """Export MixNet and its baselines as .tflite and .onnx files, and optimize existing files."""


@main.command("list", epilog=example("mixnet-export list"))
@json_option
def list_networks(as_json: bool) -> None:
    """List all networks with parameters and multiply-adds."""
    from mixnet_export.commands.catalogue import catalogue
    from mixnet_networks.paper import spelling_notes

    rows = catalogue()
    if as_json:
        print_json(rows)
        return
    print_table(
        ("network", "parameters", "MACs", "in Table 2", "its parameters", "its FLOPS", "in timm"),
        [_listed(row) for row in rows],
        caption=(
            "MACs: multiply-adds of convolutions and dense layers, at the network's resolution.",
            "The paper's FLOPS are multiply-adds in a convention that it does not state (Table 2).",
            "The names in timm can be used as network names.",
            *spelling_notes(row["paper"]["model"] for row in rows if row["paper"]),
        ),
        drop=("in timm", "its FLOPS", "its parameters", "in Table 2"),
    )


def _listed(row: dict[str, Any]) -> tuple[str, ...]:
    paper = row["paper"] or dict.fromkeys(("model", "params", "flops"), "")
    ours = (row["name"], f"{row['params']:,}", f"{row['macs'] / 1e6:.2f}M")
    return (*ours, paper["model"], paper["params"], paper["flops"], *(row["timm"][:1] or [""]))


@main.command(cls=ExportCommand, epilog=example("mixnet-export show mixnet-s"))
@network_argument
@network_options
@json_option
def show(
    network_name: str,
    classes: int | None,
    resolution: int | None,
    multiplier: float | None,
    as_json: bool,
) -> None:
    """Show a network block by block, as in the paper's Figure 8."""
    from mixnet_export.commands.catalogue import BLOCKS_DROP, block_rows, block_table

    network = load_network(
        network_name, classes=classes, resolution=resolution, multiplier=multiplier
    )
    if as_json:
        print_json([{"name": network.name, "blocks": block_rows(network)}])
        return
    print_table(*block_table(network), network.name, drop=BLOCKS_DROP)
    say(f"source: {network.architecture.source}")


@main.command(
    cls=TfliteCommand,
    epilog=example(
        "mixnet-export tflite mixnet-s -o out/",
        "mixnet-export tflite mixnet-s -o out/ --precision int8",
    ),
)
@optional_network
@network_options
@export_options
@click.option(
    "--allow-fp16",
    is_flag=True,
    help="Mark a float32 file so that XNNPACK computes it in float16 on CPUs with float16"
    " arithmetic.",
)
def tflite(**arguments: Any) -> None:
    """Export NETWORK as a .tflite file.

    NETWORK is a name from mixnet-export list or a TOML file. It may be omitted if --weights
    identifies it: a folder from the Hugging Face Hub, a checkpoint that stores its architecture, or
    a file with timm's name.
    """
    _export("tflite", **arguments)


@main.command(
    cls=ExportCommand,
    epilog=example(
        "mixnet-export onnx mixnet-s -o out/",
        "mixnet-export onnx mixnet-s -o out/ --resolution 160 --classes 10",
    ),
)
@optional_network
@network_options
@export_options
def onnx(**arguments: Any) -> None:
    """Export NETWORK as an .onnx file.

    NETWORK is a name from mixnet-export list or a TOML file. It may be omitted if --weights
    identifies it: a folder from the Hugging Face Hub, a checkpoint that stores its architecture, or
    a file with timm's name.
    """
    _export("onnx", **arguments)


main.add_command(optimize_command)


def _export(
    form: str,
    network_name: str | None,
    directory: Path,
    as_json: bool,
    no_verify: bool,
    calibrate: Path | None,
    labels: str | None,
    preprocessing: str | None,
    ranges: str,
    percentile: float | None,
    float_layers: tuple[str, ...],
    activations: str,
    weight_bits: str,
    **arguments: Any,
) -> None:
    from mixnet_export.job.exporting import Options
    from mixnet_export.job.requested import Job, run_job
    from mixnet_export.job.source import NetworkRequest
    from mixnet_export.mixed.files import print_front
    from mixnet_export.writers import FORMATS

    sizes = ("classes", "resolution", "multiplier", "batch", "weights_file", "seed")
    request = NetworkRequest(network_name, **{key: arguments.pop(key) for key in sizes})
    settings = Options(
        verify=not no_verify,
        calibration=calibrate,
        settings=_quantization(ranges, percentile, float_layers, activations, weight_bits),
        random_weights=request.weights_file is None,
        **arguments,
    )
    done = run_job(Job(request, FORMATS[form], directory, settings, labels, preprocessing))
    result = done.exported
    if result.verification:
        say(_checked(result.verification, settings))
    if as_json:
        print_json([{"name": done.network.name, "path": str(result.path), **result.provenance}])
        return
    if result.front:
        print_front(result.front)
    megabytes = result.provenance["size_bytes"] / 1e6
    print_lines(
        f"wrote {result.path} ({megabytes:.1f} MB, {settings.precision},"
        f" weights {done.source.name})"
    )


def _checked(found: Any, options: Any) -> str:
    """The result of the comparison on the sample image, and its limits."""
    if options.precision == "float32":
        return f"verified: {found}"
    if options.random_weights:
        return (
            f"checked on one picture: {found.in_words()}; with random weights this says nothing"
            " of accuracy"
        )
    return f"checked on one picture: {found.in_words()}; mixnet-bench parity measures accuracy"


def _quantization(
    ranges: str,
    percentile: float | None,
    float_layers: tuple[str, ...],
    activations: str,
    weight_bits: str,
) -> Any:
    """The settings of int8 quantization."""
    from mixnet_quantize.settings import Settings

    if percentile is not None and ranges != "percentile":
        raise UsageError(
            "--percentile goes with --ranges percentile", "add it, or omit --percentile"
        )
    settings = Settings(
        ranges,
        float_layers=float_layers,
        activations=activations,
        weight_bits=int(weight_bits),
    )
    return settings if percentile is None else replace(settings, percentile=percentile)
