"""How each kind of step is done: a table from the kind to a function that returns its result.

Every function calls the module for its kind and adds the origin of the file (``origin``). The steps
and their order are determined elsewhere.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mixnet_bench.campaign.files import given_inputs_of, path_of, selection_of
from mixnet_bench.campaign.inputs import lowering_path, uses_data_for_ranges
from mixnet_bench.campaign.networks import (
    beside,
    imported_weights,
    labels_name,
    network_with_weights,
    seeded,
    sized,
    weights_file,
)
from mixnet_bench.campaign.record import HOST, Campaign, Entry, Timing
from mixnet_bench.campaign.step import Step
from mixnet_bench.campaign.steps import origin
from mixnet_bench.campaign.store import Store
from mixnet_common.console import warn
from mixnet_networks import Network
from mixnet_networks.labels import Labels, load_labels
from mixnet_networks.weights import Weights
from mixnet_runtimes import AS_IT_IS, NOTHING_GIVEN, GivenInputs, Selection
from mixnet_runtimes.model_files import identity_of

if TYPE_CHECKING:
    from mixnet_bench.results.latency import LatencyResult
    from mixnet_bench.timing.latency import Plan
    from mixnet_quantize.parity.run import Runner

Targets = Sequence[Any]


def count(step: Step, store: Store) -> Targets:
    """Count a network from its graph."""
    from mixnet_bench.counting.describe import describe_count
    from mixnet_bench.counting.graph import count_graph

    return [describe_count(count_graph(step.network.graph))]


def export(step: Step, store: Store) -> Targets:
    """Write, quantize and verify one file."""
    from mixnet_common.result import encode
    from mixnet_export.job.exporting import Options
    from mixnet_export.job.exporting import export as export_file
    from mixnet_export.writers import FORMATS

    campaign, inputs = step.campaign, step.inputs
    network, weights, source, labels = _weights(campaign, step.entry)
    if named := step.entry.labels:
        labels = load_labels(labels_name(campaign, named), network.classes)
    calibrated = inputs["precision"] == "int8" and campaign.calibration is not None
    options = Options(
        lowering=lowering_path(campaign, inputs["lowering"]),
        target=inputs.get("target"),
        precision=inputs["precision"],
        calibration=beside(campaign, campaign.calibration or "") if calibrated else None,
        calibration_images=campaign.calibration_images,
        verify=campaign.verify,
        random_weights=step.entry.weights is None,
        labels=labels,
    )
    form = FORMATS[inputs["file_format"]]
    written = export_file(network, weights, form, store.files_folder(step), options, source)
    return [
        {
            **written.provenance,
            "name": written.path.name,
            "path": store.relative(written.path),
            "origin": encode(origin(step)),
        }
    ]


def _weights(campaign: Campaign, entry: Entry) -> tuple[Network, Weights, str, Labels]:
    """The network in the size of its weights, these, where they come from, and class names."""
    imported = imported_weights(campaign, entry)
    if entry.weights is None or imported is None:
        network, _ = network_with_weights(campaign, entry)
        return network, seeded(network, entry.seed), f"seed {entry.seed}", ()
    file = weights_file(campaign, entry.weights).name
    for text in imported.warnings:
        warn(f"{file}: {text}")
    return sized(campaign, imported, entry), imported.weights, file, imported.labels


def inspect(step: Step, store: Store) -> Targets:
    """Count a file from itself, and ask the runtime how much of it is delegated."""
    from msgspec.structs import replace as replace_fields

    from mixnet_bench.counting.describe import Size, describe_target

    (file,) = step.needs
    counted = describe_target(str(_model(file, store)), Size(), _selection(file))
    return [replace_fields(counted, origin=origin(file))]


def file(step: Step, store: Store) -> Targets:
    """Say what an existing file is."""
    path = _model(step, store)
    known = {"name": path.name, "path": step.file.path}
    form = step.inputs["file_format"]
    return [{**known, "file_format": form, **identity_of(path).to_json()}]


def _model(step: Step, store: Store) -> Path:
    """The model file of a step: anyone's, or what an export wrote."""
    if step.kind == "file":
        return path_of(step.campaign, step.file)
    return store.model(step)


def _selection(step: Step) -> Selection:
    return selection_of(step.file) if step.kind == "file" else AS_IT_IS


def _timed_selection(step: Step, settings: Timing) -> Selection:
    """The same with what all files of a campaign are timed in."""
    found = _selection(step)
    return replace(found, fp16=True) if settings.fp16 else found


def _inputs(step: Step) -> GivenInputs:
    if step.kind == "file":
        return given_inputs_of(step.campaign, step.file)
    return NOTHING_GIVEN


def latency(step: Step, store: Store) -> Targets:
    """Time files side by side, here or on a phone."""
    from msgspec.structs import replace as replace_fields

    from mixnet_bench.timing.latency import Plan
    from mixnet_bench.timing.preparing import prepared

    settings = step.campaign.latency
    plan = Plan(
        paths=tuple(_model(each, store) for each in step.needs),
        threads=settings.threads,
        launches=settings.launches,
        min_count=settings.min_count,
        min_time_s=settings.min_time_s,
        warmup=settings.warmup,
        seed=settings.seed,
        timeout_s=settings.timeout_s,
    )
    device = step.inputs["device"]
    ways = [(_timed_selection(each, settings), _inputs(each)) for each in step.needs]
    with prepared(plan, ways) as plan:
        targets = _on_host(plan, settings) if device == HOST else _on_phone(plan, settings, device)
    return [
        replace_fields(target, path=_named(each, path, store), origin=origin(each))
        for target, path, each in zip(targets, plan.paths, step.needs, strict=True)
    ]


def _named(step: Step, path: Path, store: Store) -> str:
    """A file's path as results name it: in the campaign's folder, or as its TOML has it."""
    return str(step.file.path) if step.kind == "file" else store.relative(path)


def _on_host(plan: "Plan", settings: Timing) -> "Sequence[LatencyResult]":
    from mixnet_bench.machine.affinity import check_cpus
    from mixnet_bench.timing.host import describe_run, with_profiles
    from mixnet_bench.timing.profiles import take_profiles
    from mixnet_common.cpu_lists import parse_cpus

    if settings.pin is not None:
        cpus = parse_cpus(settings.pin)
        check_cpus(cpus)
        plan = replace(plan, cpus=cpus)
    profiles = take_profiles(plan) if settings.profile else []
    return with_profiles(describe_run(plan), profiles)


def _on_phone(plan: "Plan", settings: Timing, device: str) -> "Sequence[LatencyResult]":
    from mixnet_android.adb import Adb
    from mixnet_android.phone.device import choose_phone
    from mixnet_bench.phones.one_phone import measure_on, serial_of
    from mixnet_bench.phones.steps import PhoneOptions

    phone = choose_phone(Adb.find(), serial_of(device))
    return measure_on(phone, plan, PhoneOptions(pin=settings.pin, profile=settings.profile))


def parity(step: Step, store: Store, runner: "Runner | None" = None) -> Targets:
    """Compare a file with its float32 one on images; continues after an interruption.

    ``runner`` runs the images, this process by default.
    """
    from mixnet_bench.accuracy.parity import answer, describe_answer, request
    from mixnet_bench.results.parity import CampaignParityResult
    from mixnet_common.result import values_of

    campaign = step.campaign
    if campaign.parity is None:
        raise AssertionError("a parity step comes from a campaign with images for it")
    first, second = step.needs
    asked = request(
        store.model(first),
        store.model(second),
        beside(campaign, campaign.parity.data),
        unlabelled=campaign.parity.unlabelled,
        state=store.state_path(step),
    )
    found = describe_answer(answer(asked, runner))
    same = uses_data_for_ranges(campaign) and second.inputs["precision"] == "int8"
    values = values_of(found) | {"origin": origin(second), "calibrated_on_data": same or None}
    return [CampaignParityResult(**values)]


def paper(step: Step, store: Store) -> Targets:
    """Compare our counts with a table of the paper."""
    from mixnet_bench.paper.compared import compare_table
    from mixnet_networks.paper import load_table

    return compare_table(load_table(step.inputs["table"]), {})


WORK: Mapping[str, Callable[[Step, Store], Targets]] = {
    "count": count,
    "export": export,
    "file": file,
    "inspect": inspect,
    "latency": latency,
    "parity": parity,
    "paper": paper,
}
"""The function for each kind of step."""
