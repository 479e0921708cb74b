"""``mixnet-bench devices``: the list of phones, as a table or as JSON."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from mixnet_android.adb import Adb
from mixnet_android.device import Device, State, list_devices
from mixnet_android.parsers import Cluster
from mixnet_common.console import print_json, print_table, say

COLUMNS = (
    "phone", "model", "SoC", "Android", "ABI", "cores", "free", "°C", "battery", "state"
)  # fmt: skip


def run(as_json: bool) -> None:
    """List the phones, and print. Raises AdbError where adb is missing or doesn't work."""
    found = list_devices(Adb.find())
    if as_json:
        print_json([document(each) for each in found])
        return
    if not found:
        say("no phone: plug one in and switch on USB debugging in its developer options")
        return
    print_table(COLUMNS, [row(each) for each in found])
    for each in found:
        for sentence in each.advice:
            say(f"{each.listed.serial}: {sentence}")


def document(device: Device) -> dict[str, Any]:
    """One phone as JSON values; the same keys for each, null where nothing is known."""
    state = device.state
    product = state.product if state else None
    return {
        "serial": device.listed.serial,
        "target": f"adb:{device.listed.serial}",
        "state": device.listed.state,
        "usable": device.usable,
        "advice": list(device.advice),
        "manufacturer": product.manufacturer if product else None,
        "model": product.model if product else device.listed.details.get("model"),
        "soc": product.soc if product else None,
        "android": product.android if product else None,
        "sdk": product.sdk if product else None,
        "abis": list(product.abis) if product else [],
        "build": product.build if product else None,
        "emulated": product.emulated if product else None,
        "clusters": [cluster_document(each) for each in state.clusters] if state else [],
        "features": list(state.features) if state else [],
        "free_bytes": state.free_bytes if state else None,
        "executable": state.executable if state else None,
        "thermal_status": state.thermal.status if state else None,
        "thermal_override": state.thermal.override if state else None,
        "skin_celsius": state.thermal.hottest("skin") if state else None,
        "cpu_celsius": state.thermal.hottest("cpu") if state else None,
        "battery_percent": state.battery.level_percent if state else None,
        "battery_celsius": state.battery.celsius if state else None,
        "battery_status": state.battery.status if state else None,
        "plugged": state.battery.plugged if state else None,
        "screen_on": state.screen_on if state else None,
    }


def cluster_document(cluster: Cluster) -> dict[str, Any]:
    """One cluster as JSON values."""
    return {**asdict(cluster), "cpus": list(cluster.cpus)}


def row(device: Device) -> tuple[str, ...]:
    """One row below ``COLUMNS``."""
    serial, state = device.listed.serial, device.state
    if state is None:
        model = device.listed.details.get("model", "")
        return (serial, model, "", "", "", "", "", "", "", device.listed.state)
    product = state.product
    return (
        serial,
        f"{product.model or ''}{' (emulated)' if product.emulated else ''}",
        product.soc or "",
        product.android or "",
        product.abis[0] if product.abis else "",
        cores(state.clusters),
        "" if state.free_bytes is None else f"{state.free_bytes / 2**30:.1f} GiB",
        temperature(state),
        "" if state.battery.level_percent is None else f"{state.battery.level_percent} %",
        "ready" if device.usable else "see below",
    )


def cores(clusters: Sequence[Cluster]) -> str:
    """Clusters in short, slowest first: ``4×1.8 + 3×2.4 + 1×2.6 GHz``."""
    parts = [
        f"{len(each.cpus)}×{each.max_khz / 1e6:.1f}" if each.max_khz else f"{len(each.cpus)}"
        for each in clusters
    ]
    return f"{' + '.join(parts)} GHz" if parts else ""


def temperature(state: State) -> str:
    """Of the skin, else of the battery."""
    celsius = state.thermal.hottest("skin")
    celsius = state.battery.celsius if celsius is None else celsius
    return "" if celsius is None else f"{celsius:.0f}"
