"""``mixnet-bench devices``: the phones, their state, and what to do about it.

The group alone: each of its commands is a module of this folder, imported when it is called.
"""

from pathlib import Path

import click

from mixnet_bench.command_line.cluster_options import cluster_options
from mixnet_common.console import Group, example, json_option


@click.group(
    cls=Group,
    invoke_without_command=True,
    epilog=example("mixnet-bench devices", "mixnet-bench devices --json"),
)
@cluster_options
@json_option
@click.pass_context
def devices(context: click.Context, dask: str | None, insecure: bool, as_json: bool) -> None:
    """List the phones that adb knows; for each that cannot be used, what to do about it.

    With --dask those of all hosts that have workers.
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
    help="Which phone; needed where there are several.",
)
@click.option("--take-over", is_flag=True, help="End what somebody else is measuring there.")
def clean(on: str, take_over: bool) -> None:
    """Remove everything that was put on a phone.

    Ends runs that are still going, and restores settings that a broken run left changed.
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
    help="android-arm64, android-x86_64, linux-arm64 or linux-x86_64; may be repeated.",
)
@click.option(
    "--with",
    "way",
    type=click.Choice(["ndk", "zig", "cc"]),
    help="Build with this.  [default: the first that is here]",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Write the program here.  [default: where runs look for it]",
)
@json_option
def build_runner(
    targets: tuple[str, ...], way: str | None, output: Path | None, as_json: bool
) -> None:
    """Build the native runner, the program that times files on a phone.

    It needs the Android NDK and CMake, or, for phones still experimental, ziglang; says what is
    missing. What comes out is checked: processor, loader, pages of 16 KB, size.
    """
    from mixnet_bench.commands.devices.build_runner import run_build_runner

    run_build_runner(targets, way, output, as_json)


@devices.command(epilog=example("mixnet-bench devices setup --platform android-arm64"))
@click.option("--on", default="adb", show_default=True, metavar="adb[:SERIAL]", help="Which phone.")
@click.option("--platform", help="Look for this platform without a phone, like android-arm64.")
@click.option("--download", is_flag=True, help="Fetch the runtimes that are missing, after a yes.")
@click.option("--sha256", metavar="HASH", help="Of the file to fetch, where none is pinned.")
@click.option(
    "--only", type=click.Choice(["litert", "onnxruntime"]), help="Fetch this runtime alone."
)
@click.option("--yes", is_flag=True, help="Agree to every file beforehand.")
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
    """List what is missing to measure on a phone: exact names, versions, where to get them.

    Ends with exit status 1 while something is missing.
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
    "--version-is", "version", metavar="VERSION", help="Of a library that doesn't tell, like 2.3.0."
)
@json_option
def add_runtime(file: Path, version: str | None, as_json: bool) -> None:
    """Take in a runtime for phones from an .aar, a .whl, an npm package (.tgz) or an .so.

    It is kept by its hash. Of several for a platform the newest is used.

    The file is checked, never run here: processor, system, exported functions, page alignment.
    """
    from mixnet_bench.commands.devices.add_runtime import run_add_runtime

    run_add_runtime(file, version, as_json)


@devices.command(epilog=example("mixnet-bench devices selftest -o selftest.json"))
@click.option("--on", default="adb", show_default=True, metavar="adb[:SERIAL]", help="Which phone.")
@click.option(
    "--model",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Time this file against itself.  [default: MixNet-S, random weights]",
)
@json_option
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Save the JSON document here too."
)
def selftest(on: str, model: Path | None, as_json: bool, output: Path | None) -> None:
    """Check on this phone, in some two minutes, all that is assumed of phones.

    Its JSON file is what to attach to a report.
    """
    from mixnet_bench.commands.devices.cleaning import serial_of
    from mixnet_bench.commands.devices.selftest import run_selftest

    run_selftest(serial_of(on), model, as_json, output)
