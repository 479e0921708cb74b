"""``mixnet-bench devices setup``: what is missing to measure on a phone, and where to get it.

Checks and reports. It downloads only files with a pinned hash, only on request, and only after
listing them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mixnet_android.adb import Adb, AdbError
from mixnet_android.libraries.download import (
    Pinned,
    fetch,
    pinned_for,
)
from mixnet_android.libraries.store import (
    PLATFORMS,
    add,
    find_runtime,
)
from mixnet_android.phone.device import (
    choose_phone,
    inspect_phone,
)
from mixnet_android.phone.platform import platform_of
from mixnet_android.runner.build import find_runner
from mixnet_bench.results.devices import PartResult
from mixnet_common import MixnetError, UsageError
from mixnet_common.console import confirm, print_json, print_lines, print_table, say, warn
from mixnet_common.errors import nearest
from mixnet_common.progress import progress
from mixnet_common.temporary import temporary_folder

COLUMNS = ("needed", "there")
RUNTIMES = {"litert": ".tflite", "onnxruntime": ".onnx"}


@dataclass(frozen=True)
class Part:
    """A requirement for measuring; ``found`` describes the existing one, None if there is none."""

    name: str
    found: str | None
    advice: tuple[str, ...] = ()
    """The remedies, as lines."""

    @property
    def ready(self) -> bool:
        """Whether there is nothing to be done."""
        return self.found is not None and not self.advice


@dataclass(frozen=True)
class SetupRequest:
    """The request: the phone or the platform, and which files may be downloaded."""

    serial: str | None
    platform: str | None
    download: bool = False
    sha256: str | None = None
    only: str | None = None
    yes: bool = False


def run_setup(request: SetupRequest, as_json: bool) -> None:
    """Tell, and fetch where asked. Raises MixnetError if something is missing in the end."""
    if request.platform is not None and request.platform not in PLATFORMS:
        raise UsageError(f"no platform {request.platform!r}", nearest(request.platform, PLATFORMS))
    parts, platform = look_at_phone(request.serial, request.platform)
    if request.download and platform:
        download_missing(platform, request)
    if platform:
        parts += [runner_part(platform), *runtime_parts(platform)]
    if as_json:
        print_json([describe_setup(each) for each in parts])
    else:
        print_table(COLUMNS, [(each.name, each.found or "missing") for each in parts])
        for each in parts:
            if each.advice:
                print_lines(f"{each.name}: {each.advice[0]}", *each.advice[1:])
    missing = [each.name for each in parts if not each.ready]
    if missing:
        raise MixnetError(f"{len(missing)} of {len(parts)} are missing: {', '.join(missing)}")


def describe_setup(part: Part) -> PartResult:
    """The record of a part; docs/json.md explains every key."""
    return PartResult(
        name=part.name, found=part.found, advice="\n".join(part.advice), ready=part.ready
    )


def look_at_phone(serial: str | None, platform: str | None) -> tuple[list[Part], str | None]:
    """adb and the phone, and the platform that the other parts are for; None where unknown.

    With a platform named, no phone is needed, and none is asked.
    """
    try:
        adb = Adb.find()
    except AdbError as error:
        return [Part("adb", None, (f"{error.message}: {error.hint}",))], platform
    parts = [Part("adb", str(adb.binary))]
    if platform is not None:
        return parts, platform
    try:
        phone = choose_phone(adb, serial)
    except AdbError as error:
        return [*parts, Part("phone", None, (f"{error.message}: {error.hint}",))], None
    listed = next((each for each in adb.devices() if each.serial == phone.serial), None)
    if listed is None:
        return [
            *parts,
            Part("phone", None, (f"{phone.serial} was just disconnected: check its cable",)),
        ], None
    device = inspect_phone(adb, listed)
    advice = ("; ".join(device.advice),) if device.advice else ()
    if device.state is None:
        return [*parts, Part("phone", None, advice)], None
    platform = platform_of(phone, device.state.product.abis)
    return [*parts, Part("phone", f"{phone.serial} ({platform})", advice)], platform


def runner_part(platform: str) -> Part:
    """The runner for the platform."""
    try:
        return Part("runner", str(find_runner(platform)))
    except MixnetError as error:
        return Part("runner", None, (error.hint,))


def runtime_parts(platform: str) -> Iterator[Part]:
    """The runtime for each kind of file."""
    for api, suffix in RUNTIMES.items():
        name = f"{api} for {suffix}"
        if kept := find_runtime(api, platform):
            yield Part(name, f"{kept.version or 'unknown version'} ({kept.source})")
        else:
            yield Part(name, None, where_to_get(pinned_for(api, platform), platform))


def where_to_get(pinned: Pinned | None, platform: str) -> tuple[str, ...]:
    """The exact file, and how to add it."""
    if pinned is None:
        return (f"no download is known for {platform}: build it, then run add-runtime FILE",)
    fetched = "mixnet-bench devices setup --download"
    how = f"  or download it with: {fetched}"
    if not pinned.sha256:
        how = f"  or download and check it with: {fetched} --only {pinned.api} --sha256 HASH"
    return (
        str(pinned.artifact or pinned.requirement or f"{pinned.api} {pinned.version}"),
        f"  download it: {f'curl -LO {pinned.url}' if pinned.url else pinned.where}",
        f"  then: mixnet-bench devices add-runtime {pinned.name}",
        how,
    )


def download_missing(platform: str, request: SetupRequest) -> None:
    """Fetch and take in what is missing, each after a yes. Raises MixnetError and UsageError."""
    files = list(_missing_files(platform, request.only))
    unknown = [each for each in files if each.sha256 is None]
    if request.sha256 and len(files) != 1:
        raise UsageError(
            f"--sha256 applies to one file, and {len(files)} are missing", "choose one with --only"
        )
    if unknown and not request.sha256:
        if len(unknown) == len(files):
            fetch(unknown[0], Path(), None)  # refuses, and says why
        files = [each for each in files if each.sha256]
        for each in unknown:
            warn(f"{each.name} is not downloaded: its SHA-256 is not known; see below")
    for each in files:
        if request.yes or _agreed(each):
            _take_in(each, request.sha256)


def _missing_files(platform: str, only: str | None) -> Iterator[Pinned]:
    for api in RUNTIMES:
        pinned = pinned_for(api, platform)
        if only in (None, api) and pinned is not None and find_runtime(api, platform) is None:
            yield pinned


def _agreed(pinned: Pinned) -> bool:
    size = "" if pinned.size_bytes is None else f", {pinned.size_bytes / 2**20:.1f} MiB"
    say(f"{pinned.name} ({pinned.api} {pinned.version}{size})", f"  from {pinned.where}")
    return confirm("download it?")


def _take_in(pinned: Pinned, sha256: str | None) -> None:
    with temporary_folder() as folder:
        with progress(pinned.name, pinned.size_bytes or 1) as step:
            file = fetch(pinned, folder, sha256, step)
        for each in add(file):
            say(f"added {each.api} {each.version} for {each.platform}")
