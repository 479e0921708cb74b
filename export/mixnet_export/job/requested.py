"""A requested export: a network or weights by name, labels and preprocessing by name.

Shared by the command line and the Python API: it reads the named files, refuses invalid requests
before the work, and runs one export. Messages about the weights go to stderr; nothing else is
printed.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from mixnet_common.console import warn
from mixnet_common.outputs import named_files
from mixnet_export.job.exporting import Exported, Options, check_request, export, file_name
from mixnet_export.job.source import NetworkRequest, Source, described_options, read_source
from mixnet_export.writers import Format
from mixnet_networks import Network
from mixnet_networks.graph.sizes import check_memory_for
from mixnet_networks.images.preprocessing import load_preprocessing
from mixnet_networks.importing import weight_files
from mixnet_networks.labels import load_labels


@dataclass(frozen=True)
class Job:
    """One file to write."""

    request: NetworkRequest
    form: Format
    directory: Path
    options: Options
    labels: str | None = None
    """``imagenet``, or a file of names; None for the names that come with the weights."""
    preprocessing: str | None = None
    """``authors``, ``timm`` or a TOML file; None for the network's own."""


@dataclass(frozen=True)
class Finished:
    """The file that was written, and the network in it."""

    exported: Exported
    network: Network
    source: Source


def run_job(job: Job) -> Finished:
    """Read what the job names, check it, and write the file and its provenance.

    Raises UsageError for options that contradict each other or name nothing, MixnetError if a
    step fails; then nothing is written.
    """
    request, form = job.request, job.form
    inputs = named_files(request.network_name, job.labels, job.preprocessing)
    inputs += weight_files(request.weights_file) if request.weights_file else []
    if asked := request.network:  # whatever can be refused is refused before weights are read
        check_memory_for(asked.graph)
        check_request(
            job.directory / file_name(asked, form, job.options), form, job.options, inputs
        )
    source = read_source(request)
    network = source.network
    if job.preprocessing is not None:
        network = network.shown(load_preprocessing(job.preprocessing))
    names = load_labels(job.labels, network.classes) if job.labels else source.labels
    options = replace(job.options, labels=names, random_weights=request.weights_file is None)
    check_memory_for(network.graph)
    for text in described_options(source, network, names):
        warn(text)
    check_request(job.directory / file_name(network, form, options), form, options, inputs)
    exported = export(network, source.weights, form, job.directory, options, source.name)
    return Finished(exported, network, source)
