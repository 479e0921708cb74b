"""The files that a step sends to another machine, and their names there.

Names below ``in/`` are whole paths of files named in the campaign's TOML; those below ``out/`` are
paths in the campaign's results folder. Only lists of files are read here.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from mixnet_bench.campaign.files import files_of_entry
from mixnet_bench.campaign.inputs import lowering_path
from mixnet_bench.campaign.networks import (
    beside,
    brought_as,
    labels_name,
    network_name,
    weights_file,
)
from mixnet_bench.campaign.record import HOST
from mixnet_bench.campaign.step import Step
from mixnet_bench.campaign.store import Store
from mixnet_common.outputs import named_files

GIVEN = "in"
MADE = "out"

TIMING = "timing"
"""The resource of a worker on whose host times may be taken."""


def files_for(step: Step, store: Store) -> Mapping[str, Path]:
    """The files that a step reads, by the names that they get on another machine."""
    given = {f"{GIVEN}/{brought_as(path)}": path for path in _given(step) if path.is_file()}
    made = {f"{MADE}/{store.relative(path)}": path for path in _made(step, store)}
    return given | made


def resources_for(step: Step) -> Mapping[str, float]:
    """The resources that a step needs, by Dask's names."""
    if step.kind != "latency":
        return {}
    device: str = step.inputs["device"]
    return {TIMING: 1} if device == HOST else {f"phone-{phone_of(device)}": 1}


def phone_of(device: str) -> str:
    """The serial in a campaign's ``adb:SERIAL``."""
    return device.removeprefix("adb:")


def _given(step: Step) -> Iterator[Path]:
    """The files named in the TOML."""
    if step.kind == "export":
        yield from _for_export(step)
    for each in (step, *step.needs):
        if each.kind == "file":
            yield from files_of_entry(each.campaign, each.file)


def _for_export(step: Step) -> Iterator[Path]:
    from mixnet_networks.importing import weight_files
    from mixnet_quantize.images import image_files, spread

    campaign, entry = step.campaign, step.entry
    names = (
        network_name(campaign, entry),
        lowering_path(campaign, step.inputs["lowering"]),
        str(beside(campaign, entry.preprocessing or "")),
    )
    yield from named_files(*(each for each in names if each.endswith(".toml")))
    if entry.labels is not None:
        yield from named_files(labels_name(campaign, entry.labels))
    if entry.weights is not None:
        yield from weight_files(weights_file(campaign, entry.weights))
    if step.inputs["calibration"] and campaign.calibration:
        files = image_files(beside(campaign, campaign.calibration))
        yield from spread(files, campaign.calibration_images)


def _made(step: Step, store: Store) -> Iterator[Path]:
    """Results and files of the steps that it needs."""
    for each in step.needs:
        yield store.result_path(each)
        if each.kind == "export":
            folder = store.files_folder(each)
            yield from sorted(path for path in folder.rglob("*") if path.is_file())
