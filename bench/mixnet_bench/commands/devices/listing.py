"""``mixnet-bench devices``: the list of phones, as a table or as JSON."""

from collections.abc import Sequence

from msgspec.structs import replace

from mixnet_android.adb import Adb
from mixnet_android.parsers import Cluster
from mixnet_android.phone.device import Device, State, list_devices
from mixnet_android.phone.records import cluster_record
from mixnet_bench.results.devices import DeviceResult
from mixnet_common.console import print_json, print_table, say

COLUMNS = (
    "phone", "model", "SoC", "Android", "ABI", "cores", "free", "°C", "battery", "state"
)  # fmt: skip


def run_listing(as_json: bool) -> None:
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


def document(device: Device) -> DeviceResult:
    """One phone as a record; null where nothing is known."""
    listed, state = device.listed, device.state
    known = DeviceResult(
        serial=listed.serial,
        target=f"adb:{listed.serial}",
        state=listed.state,
        usable=device.usable,
        advice=device.advice,
        model=listed.details.get("model"),
    )
    if state is None:
        return known
    product, thermal, battery = state.product, state.thermal, state.battery
    return replace(
        known,
        manufacturer=product.manufacturer,
        model=product.model,
        soc=product.soc,
        android=product.android,
        sdk=product.sdk,
        abis=product.abis,
        build=product.build,
        emulated=product.emulated,
        clusters=tuple(map(cluster_record, state.clusters)),
        features=tuple(state.features),
        free_bytes=state.free_bytes,
        executable=state.executable,
        thermal_status=thermal.status,
        thermal_override=thermal.override,
        skin_celsius=thermal.hottest("skin"),
        cpu_celsius=thermal.hottest("cpu"),
        battery_percent=battery.level_percent,
        battery_celsius=battery.celsius,
        battery_status=battery.status,
        plugged=battery.plugged,
        screen_on=state.screen_on,
    )


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
