"""Whether a file of timm's was trained with the padding of the network it is imported for.

``tf_mixnet_s`` and ``mixnet_s`` have the same arrays: only a name beside them tells which it is.
"""

import re
from pathlib import Path

from mixnet_common import MixnetError
from mixnet_common.readers import read_json
from mixnet_networks.architecture import Architecture
from mixnet_networks.importing import timm
from mixnet_networks.importing.record import Naming

_NAME = re.compile(r"(tf_)?mixnet_(?:s|m|l|xl)(?![a-z])")


def padding_note(path: Path, naming: Naming, architecture: Architecture) -> tuple[str, ...]:
    """A note where the padding is another than the file's name tells, or no name tells."""
    if naming is not timm.NAMING or architecture.family != "mixnet":
        return ()
    found = _NAME.search(path.name) or _NAME.search(_published_name(path))
    if found is None:
        return (
            f"nothing beside the weights tells their padding, so {architecture.name}'s is taken:"
            f" {architecture.padding}; timm's tf_mixnet_s is mixnet-s, its mixnet_s is"
            " mixnet-s-symmetric",
        )
    padding = "same" if found.group(1) else "symmetric"
    if padding == architecture.padding:
        return ()
    return (
        f"warning: {found.group()} pads otherwise ({padding}) than {architecture.name}"
        f" ({architecture.padding}), which will cost accuracy",
    )


def _published_name(path: Path) -> str:
    """The architecture that a ``config.json`` beside the file names, as on Hugging Face's hub."""
    try:
        config = read_json(path.with_name("config.json"))
    except MixnetError:
        return ""
    return str(config.get("architecture", "")) if isinstance(config, dict) else ""
