"""The targets on a command line: a network, a network's own TOML file, or a model file.

Only checks names and whether a file exists; opens nothing.
"""

from pathlib import Path

from mixnet_common import UsageError
from mixnet_common.readers import is_file, missing_file
from mixnet_runtimes import FORMATS, is_model_file


def model_file(target: str) -> Path:
    """The path of an existing ``.tflite`` or ``.onnx`` file.

    Raises UsageError for anything else; a network's name is answered with how to export it.
    """
    from mixnet_networks import load_network
    from mixnet_networks.architecture.aliases import find_network

    path = Path(target)
    if is_model_file(target):
        if not is_file(path):
            raise missing_file(path)
        return path
    if path.suffix == ".toml" or find_network(target):
        stem = path.stem if path.suffix == ".toml" else load_network(target).file_stem
        raise UsageError(
            f"{target} is a network, and only files can be timed",
            f"export it first: mixnet-export tflite {target} -o . && "
            f"mixnet-bench latency {stem}.tflite",
        )
    raise UsageError(f"{target} is not a model file", f"model files end in {' or '.join(FORMATS)}")
