"""The process that makes one file: ``python -m mixnet_bench.studies.peers.make REQUEST FILE``.

REQUEST is the JSON of a ``FileRequest``. It is a separate process because converters are heavy,
print much and may crash, and because TensorFlow and PyTorch should not share one.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mixnet_bench.studies.peers.registry import EXPORTERS, FileRequest
from mixnet_common import MixnetError
from mixnet_common.console import report_error
from mixnet_common.files import write_all


def command(order: FileRequest, path: Path) -> list[str]:
    """How a parent runs this module; ``-P`` keeps the current directory out of the search."""
    module = [sys.executable, "-P", "-m", "mixnet_bench.studies.peers.make"]
    return [*module, json.dumps(asdict(order)), str(path)]


def answer_path(path: Path) -> Path:
    """The file with a model file's logits on the sample image, beside it."""
    return path.with_name(f"{path.name}.logits.json")


def make(order: FileRequest, path: Path) -> None:
    """Make the file, and its logits beside it; both or neither. Raises what its maker raises."""
    exporter = EXPORTERS[order.exporter]
    content = exporter.load_maker()(order)
    logits = picture_logits(order, content) if exporter.same_weights else None
    write_all({path: content, answer_path(path): json.dumps(logits)})


def picture_logits(order: FileRequest, content: bytes) -> Any:
    """The outputs of a file with our weights on the sample image, as a list of numbers."""
    from mixnet_export.job.verify import Candidate, run_candidate
    from mixnet_export.writers import FORMATS
    from mixnet_networks import load_network
    from mixnet_networks.images.picture import picture_input

    network = load_network(order.network)
    image = picture_input(network.resolution, network.architecture.preprocessing)
    logits, _ = run_candidate(Candidate(content, FORMATS[order.form]), [image])
    return logits[0].tolist()


def main(arguments: list[str]) -> None:
    """Make the one file of the command line."""
    try:
        make(FileRequest(**json.loads(arguments[0])), Path(arguments[1]))
    except MixnetError as error:
        report_error(error)


if __name__ == "__main__":
    main(sys.argv[1:])
