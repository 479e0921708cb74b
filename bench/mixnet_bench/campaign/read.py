"""A campaign's TOML, read and refused: every key and every value is checked, none is trusted.

Looks at no other file; whether networks and images exist is found when the steps are made.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mixnet_bench.campaign.record import HOST, PRECISIONS, TOGETHER, Campaign, Entry, Images, Timing
from mixnet_common import UsageError
from mixnet_common.errors import nearest
from mixnet_common.readers import TOML_BYTES, parse_toml, read_text

Check = Callable[[Any], bool]

MOST_NETWORKS = 1000


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 1000 and value.isprintable()


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _whole(least: int, most: int) -> Check:
    return lambda value: (
        isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
    )


def _number(least: float, most: float) -> Check:
    return lambda value: (
        isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most
    )


def _one_of(*known: str) -> Check:
    return lambda value: value in known


def _list_of(check: Check) -> Check:
    return lambda value: (
        isinstance(value, list)
        and 0 < len(value) <= MOST_NETWORKS
        and all(check(each) for each in value)
        and all(each not in value[:index] for index, each in enumerate(value))
    )


def _is_device(value: Any) -> bool:
    return value == HOST or (_is_text(value) and value.startswith("adb:") and len(value) > 4)


Rules = Mapping[str, tuple[Check, str]]
"""By key: whether a value will do, and what will."""

ENTRY: Rules = {
    "name": (_is_text, "a network's name, like 'mixnet-s'"),
    "classes": (_whole(1, 1_000_000), "a number of classes"),
    "resolution": (_whole(1, 8192), "pixels"),
    "multiplier": (_number(0.01, 100), "a number between 0.01 and 100"),
    "seed": (_whole(0, 2**32 - 1), "a whole number from 0"),
    "weights": (_is_text, "the path of a file of weights"),
}
LATENCY: Rules = {
    "threads": (_whole(1, 1024), "a number of threads"),
    "launches": (_whole(1, 1000), "a number of processes"),
    "min_count": (_whole(1, 1_000_000), "a number of inferences"),
    "min_time_s": (_number(0, 86_400), "seconds"),
    "warmup": (_whole(0, 1_000_000), "a number of inferences"),
    "seed": (_whole(0, 2**32 - 1), "a whole number from 0"),
    "timeout_s": (_number(0.001, 86_400), "seconds, more than 0"),
    "pin": (_is_text, "CPUs, like '0,2-3'; for phones 'big' or 'little' too"),
    "profile": (_is_flag, "true or false"),
    "together": (_one_of(*TOGETHER), f"one of {', '.join(TOGETHER)}"),
}
PARITY: Rules = {
    "data": (_is_text, "a folder of images"),
    "unlabelled": (_is_flag, "true or false"),
}
CAMPAIGN: Rules = {
    "title": (_is_text, "a line of text"),
    "networks": (
        _list_of(lambda value: isinstance(value, str | dict)),
        "a list of networks, each once",
    ),
    "formats": (_list_of(_one_of("tflite", "onnx")), "a list of 'tflite' and 'onnx'"),
    "precisions": (_list_of(_one_of(*PRECISIONS)), f"a list of {', '.join(PRECISIONS)}"),
    "lowerings": (_list_of(_is_text), "a list of lowerings, like ['default', 'reference']"),
    "devices": (_list_of(_is_device), "a list of 'host' and 'adb:SERIAL'"),
    "calibration": (_is_text, "a folder of images"),
    "calibration_images": (_whole(1, 1_000_000), "a number of images"),
    "verify": (_is_flag, "true or false"),
    "tables": (_list_of(_is_text), "a list of the paper's tables, like ['table2']"),
    "latency": (lambda value: isinstance(value, dict), "a table"),
    "parity": (lambda value: isinstance(value, dict), "a table"),
}
SECONDS = ("min_time_s", "timeout_s")
LISTS = ("formats", "precisions", "lowerings", "devices", "tables")


def read_campaign(path: Path) -> Campaign:
    """Read a campaign. Raises UsageError for whatever is not as docs/campaigns.md says."""
    text = read_text(path, "give the path of a campaign's TOML file", limit=TOML_BYTES)
    return parse_campaign(text, path)


def parse_campaign(text: str, path: Path) -> Campaign:
    """A campaign from its text; ``path`` is where it lies. Raises UsageError."""
    table = _checked(parse_toml(text, str(path)), CAMPAIGN, str(path))
    if "networks" not in table:
        raise UsageError(f"{path} names no networks", 'write networks = ["mixnet-s"]')
    values: dict[str, Any] = {key: tuple(table[key]) for key in LISTS if key in table}
    rest = {"title", "calibration", "calibration_images", "verify"} & table.keys()
    values |= {key: table[key] for key in rest}
    values.setdefault("title", path.stem)
    latency = _checked(table.get("latency", {}), LATENCY, f"{path}: latency")
    parity = table.get("parity")
    return Campaign(
        folder=path.absolute().parent,
        networks=tuple(_entry(each, str(path)) for each in table["networks"]),
        latency=_timing(latency),
        parity=None if parity is None else _images(parity, str(path)),
        **values,
    )


def _entry(value: str | dict[str, Any], where: str) -> Entry:
    if isinstance(value, str):
        return Entry(**_checked({"name": value}, ENTRY, f"{where}: networks"))
    checked = _checked(value, ENTRY, f"{where}: networks")
    if "name" not in checked:
        raise UsageError(f"{where}: networks: an entry has no name", 'write { name = "mixnet-s" }')
    if "weights" in checked and "seed" in checked:
        raise UsageError(
            f"{where}: networks: {checked['name']} has both a seed and weights", "drop one of them"
        )
    return Entry(**checked)


def _timing(table: Mapping[str, Any]) -> Timing:
    values: dict[str, Any] = {
        key: float(value) if key in SECONDS else value for key, value in table.items()
    }
    return Timing(**values)


def _images(table: dict[str, Any], where: str) -> Images:
    checked = _checked(table, PARITY, f"{where}: parity")
    if "data" not in checked:
        raise UsageError(f"{where}: parity has no data", 'write data = "photos"')
    return Images(**checked)


def _checked(table: Mapping[str, Any], rules: Rules, where: str) -> dict[str, Any]:
    """The table, when all its keys are known and all its values will do. Raises UsageError."""
    for key, value in table.items():
        if key not in rules:
            raise UsageError(f"{where}: there is no key {key!r}", nearest(key, rules))
        check, wanted = rules[key]
        if not check(value):
            raise UsageError(f"{where}: {key} cannot be {_shown(value)}", f"write {wanted}")
    return dict(table)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
