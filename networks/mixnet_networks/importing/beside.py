"""Information from the files beside weights and from file names: ``config.json`` and names."""

import os
import re
from functools import cache
from pathlib import Path

from mixnet_common import UsageError
from mixnet_common.readers import is_folder, read_json
from mixnet_networks.architecture import architecture_names
from mixnet_networks.architecture.aliases import PRETRAINED, aliases
from mixnet_networks.importing.description import Description, Stated
from mixnet_networks.importing.told import describe_config, named

CONFIG = "config.json"
"""As timm and Hugging Face's hub write it."""

CACHED = "models--"
"""Prefix of model names in the cache of Hugging Face's library."""

MOST_BYTES = 16 << 20
"""The names and descriptions of 21,000 classes are a tenth of it."""


def describe_beside(given: Path, file: Path, *, timms: bool) -> Description:
    """Information beside a file and in its name; ``given`` may be its folder.

    Our names count only if the arrays are not named as in timm: a user may call
    any of timm's files ``mixnet-s``.
    """
    by_name = describe_name(file.name, "the file's name", timms=timms)
    folders = [given.name] if given != file else []
    folders += [part for part in file.parts if part.startswith(CACHED)]
    for folder in folders:
        by_name = by_name.over(describe_name(folder, "the folder's name", timms=timms))
    return describe_config_file(config_of(file)).over(by_name)


def config_of(file: Path) -> Path:
    """The path of a ``config.json`` for a file of weights, or a checkpoint's folder."""
    return file / CONFIG if is_folder(file) else file.with_name(CONFIG)


def describe_config_file(path: Path) -> Description:
    """The content of a ``config.json``; empty if there is none."""
    if not os.path.lexists(path):
        return Description()
    try:
        return describe_config(read_json(path, limit=MOST_BYTES), CONFIG)
    except UsageError as error:
        return Description(warnings=(f"{CONFIG} beside the weights is not used: {error.message}",))


def describe_name(file_name: str, where: str, *, timms: bool) -> Description:
    """The network whose name is part of a file's name.

    >>> describe_name("birds_tf_mixnet_s-89d3354b.pth", "here", timms=True).network.value.text
    'tf_mixnet_s'
    """
    found = _pattern(timms).search(file_name.lower())
    if found is None:
        return Description()
    tag = found["tag"] or (PRETRAINED if found["hash"] else "")
    name = named(found["name"], tag)
    return Description(network=Stated(name, where)) if name and name.alias else Description()


@cache
def _pattern(timms: bool) -> re.Pattern[str]:
    """A separate name, and the tag or the hash with which timm publishes weights."""
    names = {name for name in aliases() if "." not in name}
    if not timms:
        names |= set(architecture_names())
    words = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    endings = "safetensors|pth|pt|bin|ckpt|tar|tgz|index|keras|weights"
    tag = rf"\.(?P<tag>(?!(?:{endings})(?![a-z0-9_]))[a-z][a-z0-9_]*)"
    return re.compile(
        rf"(?<![a-z0-9])(?P<name>{words})(?![a-z0-9])(?:{tag}|[a-z0-9_]*-(?P<hash>[0-9a-f]{{8}})\b)?"
    )
