"""The phones in adb's list, as records and as table rows; on this machine or on a cluster.

Queries phones; prints nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from mixnet_android.adb import Adb
from mixnet_android.parsers import Cluster
from mixnet_android.phone.device import Device, State, list_devices
from mixnet_android.phone.records import cluster_record
from mixnet_bench.results.devices import DeviceResult
from mixnet_common.result import decode, encode
from mixnet_runtimes.tflite.half_precision import computes_fp16

COLUMNS = (
    "phone", "model", "SoC", "Android", "ABI", "cores", "fp16", "free", "°C", "battery", "state"
)  # fmt: skip


@dataclass(frozen=True)
class ListedPhone:
    """A phone in the list."""

    record: DeviceResult
    row: tuple[str, ...]
    """Below ``COLUMNS``."""


def list_phones() -> list[ListedPhone]:
    """The phones of this machine. Raises AdbError if adb is missing or doesn't work."""
    return [ListedPhone(document(each), row(each)) for each in list_devices(Adb.find())]


def listed_plainly() -> list[dict[str, Any]]:
    """The same as plain values, for another process."""
    return [{"record": encode(each.record), "row": list(each.row)} for each in list_phones()]


def from_plain(value: Any, host: str) -> list[ListedPhone]:
    """The result of ``listed_plainly`` on a host. Raises WrongValueError, KeyError or TypeError."""
    return [
        ListedPhone(
            replace(decode(DeviceResult, each["record"]), host=host), tuple(map(str, each["row"]))
        )
        for each in value
    ]


def document(device: Device) -> DeviceResult:
    """One phone as a record; null where nothing is known."""
    listed, state = device.listed, device.state
    known = DeviceResult(
        serial=listed.serial,
        target=f"adb:{listed.serial}",
        state=listed.state,
        usable=device.usable,
        advice=device.advice,
        same_as=device.same_as,
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
        fp16=fp16(state),
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
        battery_saver=state.battery_saver,
        online=state.online,
    )


def row(device: Device) -> tuple[str, ...]:
    """One row below ``COLUMNS``."""
    serial, state = device.listed.serial, device.state
    if state is None:
        model = device.listed.details.get("model", "")
        return (serial, model, *[""] * 8, device.listed.state)
    product = state.product
    return (
        serial,
        f"{product.model or ''}{' (emulated)' if product.emulated else ''}",
        product.soc or "",
        product.android or "",
        product.abis[0] if product.abis else "",
        cores(state.clusters),
        {True: "yes", False: "no", None: ""}[fp16(state)],
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


def fp16(state: State) -> bool | None:
    """Whether every core computes in float16; None if it is not reported."""
    return computes_fp16(state.features) if state.features else None


def temperature(state: State) -> str:
    """Temperature of the skin, else of the battery."""
    celsius = state.thermal.hottest("skin")
    celsius = state.battery.celsius if celsius is None else celsius
    return "" if celsius is None else f"{celsius:.0f}"
