"""``mixnet-bench devices``: phones, their state, and remedies.

The group only: each of its commands is a module of this folder, imported when it is called.
"""

from pathlib import Path

import click

from mixnet_bench.command_line.cluster_options import cluster_options
from mixnet_bench.command_line.groups import DevicesGroup
from mixnet_common.console import example, json_option


@click.group(
    cls=DevicesGroup,
    invoke_without_command=True,
    epilog=example("mixnet-bench devices", "mixnet-bench devices --json"),
)
@cluster_options
@json_option
@click.pass_context
def devices(context: click.Context, dask: str | None, insecure: bool, as_json: bool) -> None:
    """List connected phones, or check, set up and clean one.

    For every phone that cannot be used, the list says what to do. With --dask, the phones of all
    hosts with workers are listed.
    """
    if context.invoked_subcommand is None:
        from mixnet_bench.cluster.address import parse_address
        from mixnet_bench.commands.devices.listing import run_listing

        run_listing(as_json, parse_address(dask, insecure))


@devices.command(epilog=example("mixnet-bench devices clean --on adb:SERIAL"))
@click.option(
    "--on",
    default="adb",
    show_default=True,
    metavar="adb[:SERIAL]",
    help="Phone to use. SERIAL is needed if several are connected.",
)
@click.option(
    "--take-over", is_flag=True, help="Stop a measurement of another user on the phone first."
)
def clean(on: str, take_over: bool) -> None:
    """Remove everything from a phone that this program put there.

    Also stops runs that have not ended, and restores settings that an aborted run has changed.
    """
    from mixnet_bench.commands.devices.cleaning import run_clean

    run_clean(on, take_over)


@devices.command(
    "build-runner",
    epilog=example("mixnet-bench devices build-runner --target linux-x86_64"),
)
@click.option(
    "--target",
    "targets",
    multiple=True,
    default=["android-arm64"],
    show_default=True,
    metavar="NAME",
    help="Platform to build for: android-arm64, android-x86_64, linux-arm64 or linux-x86_64;"
    " repeatable.",
)
@click.option(
    "--with",
    "way",
    type=click.Choice(["ndk", "zig", "cc"]),
    show_default="the first that is installed",
    help="Toolchain to build with: the Android NDK, zig or the C compiler of this machine.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    show_default="the folder that mixnet-bench reads",
    help="File to write.",
)
@json_option
def build_runner(
    targets: tuple[str, ...], way: str | None, output: Path | None, as_json: bool
) -> None:
    """Build the native runner, which measures files on phones.

    Needs the Android NDK and CMake, or ziglang, whose programs for phones are experimental. What is
    missing is listed. The result is checked: processor, loader, support of 16 KB pages, size.
    """
    from mixnet_bench.commands.devices.build_runner import run_build_runner

    run_build_runner(targets, way, output, as_json)


@devices.command(epilog=example("mixnet-bench devices setup --platform android-arm64"))
@click.option(
    "--on", default="adb", show_default=True, metavar="adb[:SERIAL]", help="Phone to use."
)
@click.option(
    "--platform",
    metavar="NAME",
    show_default="the phone's",
    help="Check for this platform without a phone, such as android-arm64.",
)
@click.option("--download", is_flag=True, help="Download missing runtimes; asks before every file.")
@click.option(
    "--sha256",
    metavar="HASH",
    help="Expected SHA-256 of the download, for a version without a known one.",
)
@click.option(
    "--only",
    type=click.Choice(["litert", "onnxruntime"]),
    show_default="both",
    help="Download only this runtime.",
)
@click.option("--yes", is_flag=True, help="Download without asking.")
@json_option
def setup(
    on: str,
    platform: str | None,
    download: bool,
    sha256: str | None,
    only: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """List what is missing to measure on a phone.

    Prints exact names, versions and sources. The exit status is 1 if something is missing.
    """
    from mixnet_bench.commands.devices.cleaning import serial_of
    from mixnet_bench.commands.devices.setup import SetupRequest, run_setup

    run_setup(SetupRequest(serial_of(on), platform, download, sha256, only, yes), as_json)


@devices.command(
    "add-runtime",
    epilog=example("mixnet-bench devices add-runtime litert-2.3.0.aar"),
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--version-is",
    "version",
    metavar="VERSION",
    show_default="read from the file",
    help="Version of a library that does not contain it, such as 2.3.0.",
)
@json_option
def add_runtime(file: Path, version: str | None, as_json: bool) -> None:
    """Add a runtime for phones.

    FILE is an .aar, a .whl, an npm package (.tgz) or an .so file. It is checked but not run:
    processor, system, exported functions, page alignment. If there are several runtimes for a
    platform, the newest is used.
    """
    from mixnet_bench.commands.devices.add_runtime import run_add_runtime

    run_add_runtime(file, version, as_json)


@devices.command(epilog=example("mixnet-bench devices selftest -o selftest.json"))
@click.option(
    "--on", default="adb", show_default=True, metavar="adb[:SERIAL]", help="Phone to use."
)
@click.option(
    "--model",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    show_default="MixNet-S with random weights",
    help="Model file for the timing checks, measured against itself.",
)
@json_option
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Also save the JSON document here."
)
def selftest(on: str, model: Path | None, as_json: bool, output: Path | None) -> None:
    """Check all assumptions about phones on a connected one.

    Takes about two minutes. Attach the JSON file to a bug report.
    """
    from mixnet_bench.commands.devices.cleaning import serial_of
    from mixnet_bench.commands.devices.selftest import run_selftest

    run_selftest(serial_of(on), model, as_json, output)
