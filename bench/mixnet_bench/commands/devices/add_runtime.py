"""``mixnet-bench devices add-runtime``: a library for phones, out of the file that someone has."""

from pathlib import Path

from mixnet_android.libraries.store import Runtime, add
from mixnet_bench.results.devices import KeptRuntime
from mixnet_common.console import print_json, say, warn
from mixnet_runtimes.targets import Target, find_target, target_of


def run_add_runtime(file: Path, version: str | None, as_json: bool) -> None:
    """Take in a file's runtimes, and say which. Raises MixnetError and UsageError."""
    kept = add(file, version)
    for each in kept:
        if each.platform.startswith("android-") and not each.pages_of_16_kb:
            warn(f"{each.library} for {each.platform} does not load on phones with 16 KB pages")
        if each.version is None:
            warn(f"{each.library} does not contain its version: give it with --version-is")
    if as_json:
        print_json([describe_added(each) for each in kept])
    else:
        for each in kept:
            say(f"added {each.api} {each.version or '(unknown version)'} for {each.platform}")
            if target := _unlike_the_newest(each):
                say(f"files exported with --for {target.name} are faster on it")


def _unlike_the_newest(runtime: Runtime) -> Target | None:
    """The target of a library whose files differ from the default ones."""
    target = target_of(runtime.api, runtime.version or "")
    if target is None or target.is_like(find_target(None, target.file_format)):
        return None
    return target


def describe_added(runtime: Runtime) -> KeptRuntime:
    """One stored library as a record."""
    return KeptRuntime(
        name=runtime.library,
        api=runtime.api,
        version=runtime.version,
        platform=runtime.platform,
        sha256=runtime.sha256,
        size_bytes=runtime.size_bytes,
        source=runtime.source,
        pages_of_16_kb=runtime.pages_of_16_kb,
        api_level=runtime.api_level,
        path=str(runtime.path),
    )
