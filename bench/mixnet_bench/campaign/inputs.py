"""The inputs of a step's result besides its network: images, lowerings and libraries.

Everything is JSON values, hashed by content where that is cheap. Files are read and nothing is
written.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

from mixnet_bench.campaign.files import files_of
from mixnet_bench.campaign.networks import beside, labels_name, network_name, weights_file
from mixnet_bench.campaign.record import HOST, Campaign
from mixnet_common import MixnetError
from mixnet_common.hashing import sha256, sha256_of, sha256_of_parts
from mixnet_common.outputs import named_files
from mixnet_runtimes.targets import find_target


def files_read(campaign: Campaign) -> Iterator[Path]:
    """The files that a campaign names, images included; not its own TOML.

    Raises UsageError if there are no images.
    """
    from mixnet_networks.importing import weight_files
    from mixnet_quantize.images import image_files

    lowerings = [lowering_path(campaign, each) for each in campaign.lowerings]
    names = [network_name(campaign, each) for each in campaign.networks]
    names += [str(beside(campaign, each.preprocessing or "")) for each in campaign.networks]
    yield from named_files(*(each for each in (*lowerings, *names) if each.endswith(".toml")))
    for entry in campaign.networks:
        if entry.weights is not None:
            yield from weight_files(weights_file(campaign, entry.weights))
        if entry.labels is not None:
            yield from named_files(labels_name(campaign, entry.labels))
    yield from files_of(campaign)
    for folder in (campaign.calibration, campaign.parity.data if campaign.parity else None):
        if folder is not None:
            yield from image_files(beside(campaign, folder))


def plan_hash(campaign: Campaign, lowering: str, form: str, precision: str) -> str:
    """Hash of what a lowering does, whatever its name. Raises UsageError for an unknown one."""
    from mixnet_export.lowering import find_plan, format_plan

    name = campaign.target(form, lowering)
    target = None if name is None else find_target(name)
    path = lowering_path(campaign, lowering)
    plan = find_plan(path, form, precision=precision, target=target)
    return sha256(format_plan(plan))


def lowering_path(campaign: Campaign, lowering: str) -> str:
    """A lowering's name, or the path of its TOML file."""
    return str(beside(campaign, lowering)) if lowering.endswith(".toml") else lowering


def calibration_inputs(campaign: Campaign) -> Any:
    """The images that set ranges, by content; None for the sample image."""
    from mixnet_quantize.images import image_files, spread

    if campaign.calibration is None or "int8" not in campaign.precisions:
        return None
    files = spread(image_files(beside(campaign, campaign.calibration)), campaign.calibration_images)
    return {"images": len(files), "sha256": sha256_of_parts(map(sha256_of, files))}


def uses_data_for_ranges(campaign: Campaign) -> bool:
    """Whether accuracy is measured on the images that set ranges, or on some of them."""
    if campaign.parity is None or campaign.calibration is None:
        return False
    data, calibration = (
        beside(campaign, each).resolve() for each in (campaign.parity.data, campaign.calibration)
    )
    return data == calibration or data in calibration.parents or calibration in data.parents


def parity_inputs(campaign: Campaign) -> dict[str, Any]:
    """The images of a parity check as inputs: their places, which may be classes, and sizes."""
    from mixnet_quantize.images import image_files

    if campaign.parity is None:
        return {}
    folder = beside(campaign, campaign.parity.data)
    listed = [[path.relative_to(folder).as_posix(), _size_of(path)] for path in image_files(folder)]
    return {
        "images": len(listed),
        "images_sha256": sha256(json.dumps(sorted(listed))),
        "unlabelled": campaign.parity.unlabelled,
    }


def library_inputs(device: str, formats: Iterable[str]) -> dict[str, Any]:
    """The runtime libraries that run a phone's files; for this machine, their versions.

    The phone's platform is known only when it is connected, so those of all platforms are here.
    """
    from mixnet_android.libraries.store import PLATFORMS, find_for

    if device == HOST:
        return {}
    found: dict[str, str] = {}
    for form, platform in product(formats, PLATFORMS):
        with suppress(MixnetError):  # where none is kept, the step itself says how to get one
            found[f"{form} on {platform}"] = find_for(form, platform).sha256
    return {"libraries_sha256": found}


def _size_of(path: Path) -> int:
    """In bytes; -1 for a link to nowhere, which the check itself names as unreadable."""
    try:
        return path.stat().st_size
    except OSError:
        return -1
