"""A campaign from a checkpoint alone: the campaign of ``mixnet-bench run --weights FILE``.

Float32 and int8 in both formats, counted, timed side by side, and compared on images if there are
any. Reads the weights to identify their network; does none of the steps.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixnet_bench.campaign.networks import labels_name, weights_file
from mixnet_bench.campaign.record import FORMATS, Campaign, Entry, Images, Timing
from mixnet_common import UsageError
from mixnet_common.console import warn

TIMING = Timing(launches=5, min_count=50, min_time_s=2.0)
"""A process repetition starts in seconds: five of them, of four files, take about a minute."""


@dataclass(frozen=True)
class Checkpoint:
    """The campaign of the options, with paths relative to the current directory."""

    weights: str
    network: str | None = None
    """None if the weights say it."""
    resolution: int | None = None
    """Pixels; None for what the weights or else the network say."""
    preprocessing: str | None = None
    labels: str | None = None
    calibrate: str | None = None
    data: str | None = None
    unlabelled: bool = False


def asked_for(campaign: str | None, options: Mapping[str, Any]) -> str | Checkpoint:
    """The campaign, or the checkpoint that options name. Raises UsageError for both or neither."""
    given = [f"--{key}" for key, value in options.items() if value]
    if campaign is not None:
        if given:
            raise UsageError(
                f"{given[0]} and a campaign exclude each other",
                "omit CAMPAIGN, or set the option in its TOML file (docs/campaigns.md)",
            )
        return campaign
    if not options["weights"]:
        raise UsageError(
            "neither CAMPAIGN nor --weights is given",
            "name a campaign, such as table2, or add --weights FILE",
        )
    return Checkpoint(**options)


def campaign_of(asked: Checkpoint) -> Campaign:
    """The campaign. Raises UsageError and MixnetError if the weights are not usable."""
    if asked.unlabelled and asked.data is None:
        raise UsageError("--unlabelled needs images: --data", "add --data DIR")
    here = Path.cwd()
    empty = Campaign("", here)
    entry = Entry(
        name=asked.network or _network_of(weights_file(empty, asked.weights)),
        weights=asked.weights,
        resolution=asked.resolution,
        preprocessing=asked.preprocessing,
        labels=None if asked.labels is None else labels_name(empty, asked.labels),
    )
    if asked.calibrate is None:
        warn(
            "no --calibrate given: int8 is calibrated on one sample image, sufficient for"
            " measuring speed only"
        )
    return Campaign(
        title=f"{entry.name} from {Path(asked.weights).name}",
        folder=here,
        networks=(entry,),
        formats=FORMATS,
        precisions=("float32", "int8"),
        calibration=asked.calibrate,
        latency=TIMING,
        parity=None if asked.data is None else Images(asked.data, asked.unlabelled),
    )


def _network_of(weights: Path) -> str:
    """The network that the weights say they are for."""
    from mixnet_networks.importing import import_weights

    return import_weights(weights).network.architecture.name
