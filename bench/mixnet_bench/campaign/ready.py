"""Campaigns by the path of their file, and built-in ones by name."""

from importlib.resources import as_file, files
from pathlib import Path

from mixnet_bench.campaign.read import read_campaign
from mixnet_bench.campaign.record import Campaign
from mixnet_common import UsageError
from mixnet_common.errors import nearest


def find_campaign(target: str) -> Campaign:
    """A campaign by its TOML's path, or a ready one by name. Raises UsageError."""
    if target.endswith(".toml"):
        return read_campaign(Path(target))
    ready = files("mixnet_bench").joinpath("campaigns", f"{target}.toml")
    names = ready_campaigns()
    if target not in names:
        hint = f"give the path of a TOML file, or one of: {nearest(target, names)}"
        raise UsageError(f"no campaign {target!r}", hint)
    with as_file(ready) as path:
        return read_campaign(path)


def ready_campaigns() -> list[str]:
    """Names of the campaigns that ship with the package."""
    folder = files("mixnet_bench").joinpath("campaigns")
    return sorted(
        each.name.removesuffix(".toml") for each in folder.iterdir() if each.name.endswith(".toml")
    )
