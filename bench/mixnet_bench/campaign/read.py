"""Reads a campaign's TOML: every key and every value is checked.

Opens no other file; whether networks and images exist is checked when the steps are made.
"""

from collections import Counter
from dataclasses import fields
from pathlib import Path
from typing import Any

from mixnet_bench.campaign.record import MOST, Campaign, Entry, FileEntry, Images, Timing
from mixnet_common import UsageError
from mixnet_common.options import threads_on
from mixnet_common.printable import printable, shown
from mixnet_common.readers import TOML_BYTES, parse_toml, read_text, show
from mixnet_common.records import check_keys, read_record
from mixnet_runtimes.targets import find_target

FOR = "for"
"""The key of ``Campaign.targets``."""

OURS = ("folder", "root", "targets")
"""Fields that no key of a TOML sets."""

KEYS = (FOR, *(each.name for each in fields(Campaign) if each.name not in OURS))
"""Keys of a campaign's TOML at its top level."""


def read_campaign(path: Path) -> Campaign:
    """Read a campaign. Raises UsageError for anything that contradicts docs/campaigns.md."""
    text = read_text(path, "give the path of a campaign's TOML file", limit=TOML_BYTES)
    return parse_campaign(text, path)


def parse_campaign(text: str, path: Path) -> Campaign:
    """A campaign from its text; ``path`` is its file. Raises UsageError."""
    where = show(path)
    table = parse_toml(text, where)
    check_keys(table, KEYS, where)
    if not {"networks", "files"} & table.keys():
        raise UsageError(f"{where} does not name networks", 'write networks = ["mixnet-s"]')
    parts: dict[str, Any] = {
        "folder": path.absolute().parent,
        "networks": _entries(table["networks"], where) if "networks" in table else (),
        "files": _files(table["files"], where) if "files" in table else (),
        "latency": read_record(Timing, table.get("latency", {}), f"{where}, latency"),
    }
    if FOR in table:
        parts["targets"] = _targets(table.pop(FOR), where)
    if "parity" in table:
        parts["parity"] = read_record(Images, table["parity"], f"{where}, parity")
    campaign = read_record(Campaign, {"title": printable(path.stem), **table, **parts}, where)
    _check_fp16(campaign, where)
    for device in campaign.devices:
        threads_on(device).check(campaign.latency.threads, f"{where}, latency: threads")
    return campaign


def _check_fp16(campaign: Campaign, where: str) -> None:
    """Raise UsageError for float16 beside anything but float32 ``.tflite``, or a profile."""
    timing, others = campaign.latency, {*campaign.formats} - {"tflite"}
    others |= {*campaign.precisions} - {"float32"} if campaign.networks else set()
    if timing.fp16 and others:
        raise UsageError(
            f"{where}, latency: fp16 is for float32 .tflite files, not {', '.join(sorted(others))}",
            "use a separate campaign",
        )
    if timing.profile and (timing.fp16 or any(each.fp16 for each in campaign.files)):
        raise UsageError(f"{where}: profiles cannot be taken in fp16", "omit one of them")


def _entries(rows: Any, where: str) -> tuple[Entry, ...]:
    if not isinstance(rows, list) or not 1 <= len(rows) <= MOST:
        raise UsageError(
            f"{where}: 'networks' must be a list of 1 to {MOST} networks, not {shown(rows)}",
            'write networks = ["mixnet-s"]',
        )
    entries = tuple(_entry(row, f"{where}, networks[{index}]") for index, row in enumerate(rows))
    twice = next((entry for entry, count in Counter(entries).items() if count > 1), None)
    if twice is not None:
        raise UsageError(f"{where}: 'networks' has {twice.name} twice", "write it once")
    return entries


def _targets(names: Any, where: str) -> tuple[str, ...]:
    """The names of targets, at most one of each file format."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UsageError(
            f"{where}: 'for' must be a list of runtimes, not {shown(names)}",
            'write for = ["litert-1.1"]',
        )
    targets = [find_target(name) for name in names]
    twice = [
        form for form, count in Counter(each.file_format for each in targets).items() if count > 1
    ]
    if twice:
        raise UsageError(
            f"{where}: 'for' names several runtimes of .{twice[0]} files",
            "use one campaign per version",
        )
    return tuple(each.name for each in targets)


def _files(rows: Any, where: str) -> tuple[FileEntry, ...]:
    if not isinstance(rows, list) or not 1 <= len(rows) <= MOST:
        raise UsageError(
            f"{where}: 'files' must be a list of 1 to {MOST} files, not {shown(rows)}",
            'write files = ["model.tflite"]',
        )
    return tuple(
        read_record(
            FileEntry, {"path": row} if isinstance(row, str) else row, f"{where}, files[{index}]"
        )
        for index, row in enumerate(rows)
    )


def _entry(row: Any, where: str) -> Entry:
    if isinstance(row, str):
        row = {"name": row}
    entry = read_record(Entry, row, where)
    if {"weights", "seed"} <= row.keys():
        raise UsageError(f"{where}: {entry.name} has both a seed and weights", "omit one of them")
    return entry
