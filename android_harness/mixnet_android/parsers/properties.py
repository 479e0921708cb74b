"""Parses the output of ``getprop``, Android's properties; runs nothing."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mixnet_android.parsers.text import clean, integer, lines_of

_START = re.compile(r"\[([^\]]{1,200})\]: \[(.*)")

MAX_LINES = 20
"""Maximum length of a value; a longer one is not a property."""


@dataclass(frozen=True)
class Product:
    """A phone's own properties; None if not reported."""

    manufacturer: str | None
    model: str | None
    soc: str | None
    android: str | None
    sdk: int | None
    abis: tuple[str, ...]
    build: str | None
    emulated: bool


def parse_properties(text: str) -> dict[str, str]:
    """Properties by name. A value may hold several lines; they are joined.

    Raw line: ``[ro.product.model]: [Pixel 8 Pro]``.
    """
    properties: dict[str, str] = {}
    name, parts = "", [""]
    for line in lines_of(text):
        if start := _START.match(line):
            name, parts = start[1], [start[2]]
        else:
            parts.append(line)
        if name and parts[-1].endswith("]"):
            properties[clean(name, 200)] = clean(" ".join(parts)[:-1], 1000)
            name = ""
        elif len(parts) > MAX_LINES:
            name, parts = "", [""]
    return properties


def describe_product(properties: Mapping[str, str]) -> Product:
    """Select the properties for results.

    The SoC is ``ro.soc.model`` from Android 12 on; before, the board or the chip is all there is.
    """

    def first(*names: str) -> str | None:
        return next((clean(properties[name]) for name in names if properties.get(name)), None)

    abis = first("ro.product.cpu.abilist", "ro.product.cpu.abi") or ""
    return Product(
        manufacturer=first("ro.product.manufacturer", "ro.product.brand"),
        model=first("ro.product.marketname", "ro.product.model"),
        soc=first("ro.soc.model", "ro.hardware.chipname", "ro.chipname", "ro.board.platform"),
        android=first("ro.build.version.release"),
        sdk=integer(properties.get("ro.build.version.sdk"), 1, 10_000),
        abis=tuple(each.strip() for each in abis.split(",") if each.strip()),
        build=first("ro.build.fingerprint", "ro.build.id"),
        emulated=_is_emulated(properties),
    )


EMULATED = {
    "ro.kernel.qemu": ("1",),
    "ro.boot.qemu": ("1",),
    "ro.mixnet.emulated": ("1", "true"),
    "ro.hardware": ("goldfish", "ranchu", "cutf_cvm", "vbox86", "redroid"),
}
"""Properties of simulated devices: emulators, containers, and the devices of our own tests."""


def _is_emulated(properties: Mapping[str, str]) -> bool:
    return any(properties.get(name) in values for name, values in EMULATED.items())
