"""A campaign's step on a worker: done in its own folder, from files that were sent.

It runs in the worker's process. Its answer consists of plain values: the result's JSON, and the
files that an export wrote.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mixnet_bench.campaign.bundle import GIVEN, MADE, phone_of
from mixnet_bench.campaign.estimate import clock
from mixnet_bench.campaign.inputs import library_inputs
from mixnet_bench.campaign.record import HOST
from mixnet_bench.campaign.step import CampaignWork, Step
from mixnet_bench.campaign.store import Store
from mixnet_bench.campaign.work import WORK
from mixnet_bench.cluster.answers import UnfitError
from mixnet_bench.cluster.carried import MOST_BYTES, Carried, unpack
from mixnet_bench.machine.description import cpu_model
from mixnet_common import MixnetError
from mixnet_common.console import json_text
from mixnet_common.printable import printable
from mixnet_common.readers import read_bytes
from mixnet_common.temporary import temporary_folder
from mixnet_common.versions import package_version

MOST_FILES = 100
"""That an export writes."""


def do_step(step: Step, files: Sequence[Carried], *contents: bytes) -> dict[str, Any]:
    """Do a step: ``targets``, the ``seconds`` that it took, and ``files`` by name.

    Raises UnfitError if the result would not be the step's here, and whatever the work raises.
    """
    check_fit(step)
    with temporary_folder() as folder:
        unpack(folder, files, contents)
        store = Store(folder / MADE)
        began = clock()
        try:
            targets = WORK[step.kind](moved(step, folder / GIVEN), store)
        except MixnetError as error:
            error.message = error.message.replace(str(folder / GIVEN), "")
            raise
        document = json.loads(json_text(targets))
        return {
            "targets": document["targets"],
            "seconds": clock() - began,
            "files": dict(_written(store.files_folder(step))) if step.kind == "export" else {},
        }


def moved(step: Step, root: Path) -> Step:
    """The step, and those that it needs, of a campaign whose files are below ``root``."""
    needs = tuple(moved(each, root) for each in step.needs)
    work = step.work
    if isinstance(work, CampaignWork):
        work = replace(work, campaign=replace(work.campaign, root=root))
    return replace(step, needs=needs, work=work)


def check_fit(step: Step) -> None:
    """Raise UnfitError if this machine differs from the one in the step's key."""
    for name, wanted in dict(step.inputs.get("versions") or {}).items():
        found = package_version(name)
        if found != wanted:
            raise UnfitError(f"it has {name} {found or 'not at all'}, not {wanted or 'without it'}")
    device = step.inputs.get("device")
    if device == HOST and (found := cpu_model()) != step.inputs["cpu"]:
        raise UnfitError(
            f"its processor is {printable(str(found))}; times on the host are of"
            f" {printable(str(step.inputs['cpu']))}"
        )
    if device is not None and device != HOST:
        _check_libraries(step, device)


def _check_libraries(step: Step, device: str) -> None:
    forms = dict.fromkeys(each.inputs["file_format"] for each in step.needs)
    ours: dict[str, str] = library_inputs(device, forms).get("libraries_sha256", {})
    theirs: dict[str, str] = step.inputs["libraries_sha256"]
    differing = [
        key
        for key in ours | theirs
        if key.partition(" ")[0] in forms and ours.get(key) != theirs.get(key)
    ]
    if differing:
        raise UnfitError(
            f"its runtime library for phone {phone_of(device)} is another ({differing[0]}):"
            " add the same on all machines with mixnet-bench devices add-runtime"
        )


def _written(folder: Path) -> list[tuple[str, bytes]]:
    """The files of an export, by their names. Raises MixnetError if they are too many."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    if len(paths) > MOST_FILES:
        raise MixnetError(
            f"the export wrote {len(paths)} files, and at most {MOST_FILES} can be sent"
        )
    return [
        (path.relative_to(folder).as_posix(), read_bytes(path, limit=MOST_BYTES)) for path in paths
    ]
