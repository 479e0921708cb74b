"""``mixnet-bench devices build-runner``: the native runner built, or what is missing for it."""

from collections.abc import Sequence
from pathlib import Path

from mixnet_android.runner.build import NAME, Built, build
from mixnet_android.runner.toolchains import sources_and_settings
from mixnet_bench.results.devices import BuiltRunner
from mixnet_common.console import print_json, say, warn
from mixnet_common.errors import UsageError
from mixnet_common.outputs import check_output


def run_build_runner(
    targets: Sequence[str], way: str | None, output: Path | None, as_json: bool
) -> None:
    """Build the runner for each target. Raises MixnetError, UsageError."""
    if output is not None and len(targets) > 1:
        raise UsageError("-o names one file, for one --target")
    if output is not None:
        check_output(output, sources_and_settings(), like=NAME)
    built = []
    for target in targets:
        made = build(target, way, output)
        built.append(made)
        say(f"built {made.path} for {target} ({made.size_bytes / 1000:.0f} kB, {made.way})")
        if made.experimental:
            warn(
                "this toolchain is experimental and has not run on a real phone; the NDK is the"
                " supported one"
            )
    if as_json:
        print_json([_entry(each) for each in built])


def _entry(built: Built) -> BuiltRunner:
    return BuiltRunner(
        name=built.target,
        path=str(built.path),
        way=built.way,
        experimental=built.experimental,
        size_bytes=built.size_bytes,
        sha256=built.sha256,
    )
