"""Our own files, made as ``mixnet-export`` makes them, with the weights of seed 0."""

import tempfile
from pathlib import Path

from mixnet_bench.studies.peers.registry import FileRequest


def make(order: FileRequest) -> bytes:
    """Our file in the requested lowering; ``int8`` with the ranges of the sample image.

    Raises UsageError if there is no such lowering.
    """
    from mixnet_export.job.exporting import Options, export
    from mixnet_export.writers import FORMATS
    from mixnet_networks import load_network
    from mixnet_networks.weights import seeded_weights

    network = load_network(order.network)
    options = Options(lowering=order.lowering, precision=order.precision, verify=False)
    with tempfile.TemporaryDirectory(prefix="mixnet-") as directory:
        weights = seeded_weights(network, 0)
        made = export(network, weights, FORMATS[order.form], Path(directory), options, "seed 0")
        return made.path.read_bytes()
