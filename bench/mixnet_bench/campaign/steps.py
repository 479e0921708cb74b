"""The steps of a campaign, each with the inputs of its result.

A step's key is a hash of everything that its result depends on, so that a saved result is reused
exactly as long as it would be the same. Nothing here does a step.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mixnet_bench.campaign.estimate import least_seconds
from mixnet_bench.campaign.files import label_of, step_inputs
from mixnet_bench.campaign.inputs import (
    calibration_inputs,
    library_inputs,
    parity_inputs,
    plan_hash,
)
from mixnet_bench.campaign.networks import labels_name, network_with_weights
from mixnet_bench.campaign.record import HOST, MOST_TOGETHER, Campaign, Entry, FileEntry, Timing
from mixnet_bench.campaign.step import CampaignWork, CountWork, ExportWork, FileWork, Step
from mixnet_common import UsageError
from mixnet_common.hashing import sha256
from mixnet_common.numbers import seconds_in_words
from mixnet_common.versions import package_version
from mixnet_networks import Network
from mixnet_networks.labels import load_labels
from mixnet_networks.weights import weights_hash

if TYPE_CHECKING:
    from mixnet_bench.results.file_run import Origin

WRITERS = (
    "mixnet-mobile", "numpy", "onnx", "onnxruntime", "ai-edge-litert", "ai-edge-quantizer",
)  # fmt: skip
"""Packages on which a written file depends."""

RUNTIMES = ("mixnet-mobile", "onnxruntime", "ai-edge-litert", "tflite-runtime", "tensorflow")
"""Packages on which a time depends."""

MOST_STEPS = 10_000
"""Maximum of a campaign: days or weeks of work."""


def make_steps(campaign: Campaign) -> list[Step]:
    """All steps of a campaign, each after those that it needs.

    Raises UsageError if a network, a lowering, a table or a folder of images is unknown, and
    MixnetError where weights are damaged or fit another network.
    """
    check_steps(campaign)
    networks = {entry: _sized(campaign, entry) for entry in campaign.networks}
    steps = [_paper(table) for table in campaign.tables]
    ranges, images = calibration_inputs(campaign), parity_inputs(campaign)
    exports: list[Step] = []
    for entry, (network, weights) in networks.items():
        own = list(_exports(campaign, entry, network, weights, ranges))
        exports += own
        steps += [_count(entry, network), *own, *(_inspect(each) for each in own)]
        if campaign.parity is not None:
            steps += _parities(campaign, own, images)
        if campaign.latency.together == "network":
            steps += _latencies(campaign, _label(entry), own)
    files = [_file(campaign, entry) for entry in campaign.files]
    steps += [*files, *(_inspect(each) for each in files)]
    if campaign.latency.together == "all":
        steps += _latencies(campaign, _name_of_all(campaign), [*exports, *files])
    elif files:
        steps += _latencies(campaign, "files", files)
    return _unique(steps)


def _name_of_all(campaign: Campaign) -> str:
    """The name of the run of all files: the network's if there is only one."""
    if not campaign.networks:
        return "all files"
    one = len(campaign.networks) == 1 and not campaign.files
    return _label(campaign.networks[0]) if one else "all networks"


def check_steps(campaign: Campaign) -> None:
    """Raise UsageError if there are more steps than anyone waits for."""
    files = file_count(campaign)
    networks, given = len(campaign.networks), len(campaign.files)
    together = networks + bool(given)
    if campaign.latency.together == "all":
        together = math.ceil((files + given) / (MOST_TOGETHER - 1))
    steps = len(campaign.tables) + networks + 2 * (files + given)
    steps += together * len(campaign.devices)
    if steps > MOST_STEPS:
        raise UsageError(
            f"the campaign has {steps:,} steps, which take at least"
            f" {seconds_in_words(least_seconds(campaign, files))}",
            f"at most {MOST_STEPS:,}: use fewer networks, lowerings, precisions or devices",
        )


def file_count(campaign: Campaign) -> int:
    """The number of files that a campaign writes."""
    choices = (campaign.networks, campaign.lowerings, campaign.formats, campaign.precisions)
    return math.prod(len(each) for each in choices)


def _unique(steps: Sequence[Step]) -> list[Step]:
    """Raise UsageError if the campaign names the same thing twice."""
    seen: set[tuple[str, str]] = set()
    for step in steps:
        if (step.kind, step.name) in seen:
            raise UsageError(f"the campaign has {step.name} twice", "omit one of them")
        seen.add((step.kind, step.name))
    return list(steps)


# Networks


def _sized(campaign: Campaign, entry: Entry) -> tuple[Network, dict[str, Any]]:
    """The network in the size of its weights, and which weights they are, as inputs of a step."""
    network, weights = network_with_weights(campaign, entry)
    if weights is None:
        return network, {"seed": entry.seed}
    return network, {"weights_sha256": weights_hash(weights)}


def _label(entry: Entry) -> str:
    """The entry as people would name it: ``mixnet-s 10 classes``."""
    parts = [
        Path(entry.name).stem if entry.name.endswith(".toml") else entry.name,
        *(f"{value:g} {word}" for value, word in _sizes(entry) if value is not None),
        *([f"seed {entry.seed}"] if entry.seed else []),
        *([Path(entry.weights).name] if entry.weights else []),
    ]
    return " ".join(parts)


def _sizes(entry: Entry) -> Iterator[tuple[float | None, str]]:
    yield entry.classes, "classes"
    yield entry.resolution, "pixels"
    yield entry.multiplier, "times"


def _network_inputs(network: Network) -> dict[str, Any]:
    described = repr(network.architecture)
    inputs = {
        "network": network.name,
        "architecture_sha256": sha256(described),
        "classes": network.classes,
        "resolution": network.resolution,
        "multiplier": network.multiplier,
    }
    # Only weights can ask for grey images; without these the architecture says it all.
    return inputs | ({} if network.in_channels == 3 else {"in_channels": network.in_channels})


def _count(entry: Entry, network: Network) -> Step:
    inputs = {**_network_inputs(network), "versions": _versions(["mixnet-mobile"])}
    return Step("count", _label(entry), inputs, work=CountWork(network))


def _versions(packages: Sequence[str]) -> dict[str, str | None]:
    return {name: package_version(name) for name in packages}


# Files


def _exports(
    campaign: Campaign, entry: Entry, network: Network, weights: Mapping[str, Any], ranges: Any
) -> Iterator[Step]:
    for lowering, form, precision in product(
        campaign.lowerings, campaign.formats, campaign.precisions
    ):
        inputs = {
            **_network_inputs(network),
            **weights,
            "file_format": form,
            "precision": precision,
            "lowering": lowering,
            "plan_sha256": plan_hash(campaign, lowering, form, precision),
            **({"target": target} if (target := campaign.target(form, lowering)) else {}),
            **_label_inputs(campaign, entry, network),
            "calibration": ranges if precision == "int8" else None,
            "verify": campaign.verify,
            "versions": _versions(WRITERS),
        }
        work = ExportWork(campaign, entry, network)
        yield Step("export", f"{_label(entry)} {form} {precision} {lowering}", inputs, work=work)


def _label_inputs(campaign: Campaign, entry: Entry, network: Network) -> dict[str, str]:
    """The names of the classes, if the campaign has any; older results have none."""
    if entry.labels is None:
        return {}
    labels = load_labels(labels_name(campaign, entry.labels), network.classes)
    return {"labels_sha256": sha256("\n".join(labels))}


def _file(campaign: Campaign, entry: FileEntry) -> Step:
    return Step(
        "file", label_of(entry), step_inputs(campaign, entry), work=FileWork(campaign, entry)
    )


# What is done with files


def _inspect(export: Step) -> Step:
    inputs = {"file": export.key, "versions": _versions(RUNTIMES)}
    return Step("inspect", export.name, inputs, needs=(export,))


def groups_of(files: Sequence[Step]) -> list[Sequence[Step]]:
    """Files that take turns: all, or where they are too many groups that share the first file.

    The shared file is the anchor by which groups can be compared with each other.
    """
    if len(files) <= MOST_TOGETHER:
        return [files]
    anchor, *others = files
    count = math.ceil(len(others) / (MOST_TOGETHER - 1))
    size = math.ceil(len(others) / count)
    return [[anchor, *others[start : start + size]] for start in range(0, len(others), size)]


def _latencies(campaign: Campaign, name: str, exports: Sequence[Step]) -> Iterator[Step]:
    groups = groups_of(exports)
    for number, group in enumerate(groups, 1):
        part = name if len(groups) == 1 else f"{name}, group {number} of {len(groups)},"
        yield from _latencies_of(campaign, part, group)


def _latencies_of(campaign: Campaign, name: str, exports: Sequence[Step]) -> Iterator[Step]:
    from mixnet_bench.machine.description import cpu_model

    for device in campaign.devices:
        inputs = {
            "files": [each.key for each in exports],
            "device": device,
            "cpu": cpu_model() if device == HOST else None,
            # Which files take turns is in "files": results of equal files stay valid.
            "settings": _timing_inputs(campaign.latency),
            **library_inputs(device, _formats(campaign, exports)),
            "versions": _versions(RUNTIMES),
        }
        yield Step("latency", f"{name} on {device}", inputs, tuple(exports), CampaignWork(campaign))


def _timing_inputs(timing: Timing) -> dict[str, Any]:
    """As results of earlier versions have it, which knew of no float16."""
    found = {**asdict(timing), "together": "network"}
    return found if timing.fp16 else {key: value for key, value in found.items() if key != "fp16"}


def _formats(campaign: Campaign, files: Sequence[Step]) -> list[str]:
    """Those of the campaign, and of the existing files that are among its own."""
    others = {each.inputs["file_format"] for each in files if each.kind == "file"}
    return [*campaign.formats, *sorted(others - set(campaign.formats))]


def _parities(
    campaign: Campaign, exports: Sequence[Step], images: Mapping[str, Any]
) -> Iterator[Step]:
    """Every file against the float32 one of its format and lowering."""
    for export in exports:
        first = next((each for each in exports if _is_float_of(each, export)), None)
        if first is None or first is export:
            continue
        inputs = {
            "files": [first.key, export.key],
            **images,
            "versions": _versions(RUNTIMES),
        }
        yield Step("parity", export.name, inputs, (first, export), CampaignWork(campaign))


def _is_float_of(candidate: Step, export: Step) -> bool:
    same = all(candidate.inputs[key] == export.inputs[key] for key in ("file_format", "lowering"))
    return same and candidate.inputs["precision"] == "float32"


def _paper(table: str) -> Step:
    from mixnet_networks.paper import load_table

    described = repr(load_table(table))  # raises UsageError for an unknown one
    inputs = {
        "table": table,
        "table_sha256": sha256(described),
        "versions": _versions(["mixnet-mobile"]),
    }
    return Step("paper", table, inputs)


def origin(export: Step) -> "Origin":
    """What a file is, for the results about it: network, format, precision, lowering and size.

    Of an existing file nothing is known.
    """
    from mixnet_bench.results.file_run import Origin

    if export.kind == "file":
        return Origin()
    keys = ("network", "file_format", "precision", "lowering", "classes", "resolution")
    return Origin(**{key: export.inputs[key] for key in keys})
