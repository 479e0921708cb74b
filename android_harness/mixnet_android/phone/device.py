"""The properties and state of phones: one record for each, and the choice of one.

Reads only; it changes nothing on any phone.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from mixnet_android.adb.client import Adb, Phone
from mixnet_android.adb.errors import (
    OFFLINE,
    UNAUTHORIZED,
    AdbError,
    NoPermissions,
    NotFound,
    Offline,
    Several,
    Unauthorized,
)
from mixnet_android.parsers import (
    Battery,
    Cluster,
    Listed,
    Product,
    Thermal,
    clean,
    common_features,
    describe_product,
    mount_of,
    parse_battery,
    parse_clusters,
    parse_cpuinfo,
    parse_free_bytes,
    parse_mounts,
    parse_properties,
    parse_screen_on,
    parse_thermal,
)
from mixnet_common.cpu_lists import parse_kernel_cpus

SHARED = "/data/local/tmp"
"""The folder that every Android lets its shell user write to and run from."""

ABIS = ("arm64-v8a", "x86_64")
"""For which there are runtimes: 64-bit phones, and the emulator on a PC."""

NEEDED_BYTES = 100 * 2**20
"""Room for the runner, two runtime libraries and some models."""

NO_PERMISSIONS = (
    "on Linux install android-sdk-platform-tools-common or add a udev rule, then reconnect it"
)
REBOOT = "start Android on it: adb reboot, or its power button"

STATES: dict[str, tuple[type[AdbError], str]] = {
    "unauthorized": (Unauthorized, UNAUTHORIZED),
    "authorizing": (Unauthorized, UNAUTHORIZED),
    "offline": (Offline, OFFLINE),
    "connecting": (Offline, "wait a moment, then list the phones again"),
    "detached": (Offline, "another adb server uses it: stop that server, or run: adb attach"),
    "no permissions": (NoPermissions, NO_PERMISSIONS),
    "bootloader": (AdbError, REBOOT),
    "fastbootd": (AdbError, REBOOT),
    "recovery": (AdbError, REBOOT),
    "sideload": (AdbError, REBOOT),
    "rescue": (AdbError, REBOOT),
    "host": (AdbError, REBOOT),
}
"""For each state of adb's that is of no use: the error that it is, and what to do."""

CPU = "/sys/devices/system/cpu"
COMMANDS = {
    "properties": "getprop",
    "clusters": (
        f"grep -H . {CPU}/cpufreq/policy*/related_cpus {CPU}/cpufreq/policy*/affected_cpus "
        f"{CPU}/cpufreq/policy*/cpuinfo_max_freq {CPU}/cpufreq/policy*/scaling_max_freq "
        f"{CPU}/cpufreq/policy*/scaling_cur_freq {CPU}/cpufreq/policy*/scaling_governor "
        f"{CPU}/cpu*/cpu_capacity"
    ),
    "cpuinfo": "cat /proc/cpuinfo",
    "space": f"df -k {SHARED}",
    "mounts": "cat /proc/mounts",
    "thermal": "dumpsys thermalservice",
    "battery": "dumpsys battery",
    "power": "dumpsys power | grep -E 'mWakefulness|Display Power'",
    "boot": "cat /proc/sys/kernel/random/boot_id",
    "online": f"cat {CPU}/online",
    "saver": "settings get global low_power",
    "headroom": "cmd thermalservice headroom 10",
}
"""The queries of a phone, in one call; each may fail alone."""


@dataclass(frozen=True)
class State:
    """A usable phone's properties. None and empty mean that it doesn't report the value."""

    product: Product
    clusters: tuple[Cluster, ...]
    features: tuple[str, ...]
    free_bytes: int | None
    executable: bool | None
    thermal: Thermal
    battery: Battery
    screen_on: bool | None
    online: tuple[int, ...] = ()
    """CPUs that are online; empty if it is not reported."""
    battery_saver: bool | None = None
    identity: str | None = None
    """The same for one phone, by cable and wireless; None if it doesn't report its identity."""


@dataclass(frozen=True)
class Device:
    """One phone as adb lists it; ``state`` is None if it can't be asked.

    ``advice`` holds a sentence for everything that stands in the way of using it.
    """

    listed: Listed
    state: State | None
    advice: tuple[str, ...]
    same_as: str | None = None
    """The serial under which the same phone is there too, and used."""

    @property
    def usable(self) -> bool:
        """Nothing stands in the way."""
        return self.state is not None and not self.advice


def list_devices(adb: Adb) -> list[Device]:
    """All phones that adb knows, each asked where it answers. Raises AdbError without adb.

    Of one that is there by cable and wireless, the second names the first: the cable's.
    """
    found = [inspect_phone(adb, listed) for listed in adb.devices()]
    first: dict[str, str] = {}
    for each in sorted(found, key=lambda each: is_wireless(each.listed)):
        if each.state is not None and each.state.identity is not None:
            first.setdefault(each.state.identity, each.listed.serial)
    return [_with_same(each, first) for each in found]


def _with_same(device: Device, first: Mapping[str, str]) -> Device:
    identity = None if device.state is None else device.state.identity
    serial = first.get(identity or "", device.listed.serial)
    return device if serial == device.listed.serial else replace(device, same_as=serial)


def is_wireless(listed: Listed) -> bool:
    """Whether a phone is there over the network.

    >>> is_wireless(Listed("192.168.1.5:5555", "device", {}))
    True
    """
    return ":" in listed.serial or "._adb" in listed.serial


def inspect_phone(adb: Adb, listed: Listed) -> Device:
    """Ask one phone; one that doesn't answer is described, not an error."""
    if listed.state != "device":
        return Device(listed, None, (STATES.get(listed.state, (AdbError, REBOOT))[1],))
    try:
        state = read_state(Phone(adb, listed.serial))
    except AdbError as error:
        return Device(listed, None, (f"{error.message}: {error.hint}",))
    return Device(listed, state, tuple(_obstacles(state)))


def read_state(phone: Phone) -> State:
    """Read everything in one call. Raises AdbError if the phone doesn't answer."""
    return parse_state(phone.sections(COMMANDS))


def parse_state(texts: dict[str, str]) -> State:
    """The record from each command's output, by the names in ``COMMANDS``."""
    mount = mount_of(SHARED, parse_mounts(texts["mounts"]))
    return State(
        product=describe_product(parse_properties(texts["properties"])),
        clusters=parse_clusters(texts["clusters"]),
        features=common_features(parse_cpuinfo(texts["cpuinfo"])),
        free_bytes=parse_free_bytes(texts["space"]),
        executable=None if mount is None else "noexec" not in mount.options,
        thermal=parse_thermal(texts["thermal"]),
        battery=parse_battery(texts["battery"]),
        screen_on=parse_screen_on(texts["power"]),
        online=parse_kernel_cpus(texts["online"]),
        battery_saver=parse_switch(texts["saver"]),
        identity=identity_of(parse_properties(texts["properties"]), texts["boot"]),
    )


def identity_of(properties: Mapping[str, str], boot: str) -> str | None:
    """One phone's own serial number and its start; None if it reports no serial number.

    The number alone is not enough: cheap phones share one. Nor is the start: containers do.
    """
    own = properties.get("ro.serialno") or properties.get("ro.boot.serialno")
    return f"{clean(own)} {clean(boot, 64)}" if own and boot.strip() else None


def parse_switch(text: str) -> bool | None:
    """The output of ``settings get`` for a switch: 0 or 1; null if it was never set, so off."""
    return {"0": False, "1": True, "null": False}.get(text.strip())


def _obstacles(state: State) -> Iterator[str]:
    abis = state.product.abis
    if abis and not set(abis) & set(ABIS):
        yield (
            f"it supports {', '.join(abis)} only, and runtimes exist for {' and '.join(ABIS)}: "
            "32-bit phones are not supported"
        )
    if state.executable is False:
        yield f"{SHARED} does not allow programs to run (noexec): use another build of Android"
    if state.free_bytes is not None and state.free_bytes < NEEDED_BYTES:
        free, needed = state.free_bytes // 2**20, NEEDED_BYTES // 2**20
        yield f"it has {free} MiB free of {needed} needed: free some space, or run devices clean"
    if state.thermal.override:
        yield "its thermal status is overridden; run: adb shell cmd thermalservice reset"
    if state.battery.stopped:
        yield "its battery state is overridden; run: adb shell dumpsys battery reset"


def choose_phone(adb: Adb, serial: str | None = None) -> Phone:
    """The phone of this serial, else of ``$ANDROID_SERIAL``, else the only one there is.

    Raises NotFound, Several with a list, or the error that the phone's state stands for.
    """
    serial = serial or os.environ.get("ANDROID_SERIAL") or None
    listed = adb.devices()
    found = [each for each in listed if each.serial == serial] if serial else _candidates(listed)
    if not found:
        raise _nothing(serial, listed)
    if len(found) > 1:
        found = _distinct(adb, found)
    if len(found) > 1:
        raise Several(
            f"{len(found)} phones are connected: {_names(found)}", "choose one: --on adb:SERIAL"
        )
    if found[0].state != "device":
        kind, hint = STATES.get(found[0].state, (AdbError, REBOOT))
        raise kind(f"phone {clean(found[0].serial)} is in the state {found[0].state}", hint)
    return Phone(adb, found[0].serial)


def _candidates(listed: Sequence[Listed]) -> list[Listed]:
    """Those that can be used; where there is none, all, so that one's trouble can be told."""
    return [each for each in listed if each.state == "device"] or list(listed)


def _distinct(adb: Adb, listed: Sequence[Listed]) -> list[Listed]:
    """Each phone once, by its cable where it has one."""
    asked = {name: COMMANDS[name] for name in ("properties", "boot")}
    found: dict[str, Listed] = {}
    for number, each in enumerate(sorted(listed, key=is_wireless)):
        identity = None
        if each.state == "device":
            with suppress(AdbError):
                texts = Phone(adb, each.serial).sections(asked)
                identity = identity_of(parse_properties(texts["properties"]), texts["boot"])
        found.setdefault(identity or f"unknown {number}", each)
    return [each for each in listed if each in found.values()]


def _nothing(serial: str | None, listed: Sequence[Listed]) -> NotFound:
    if serial is None:
        return NotFound(
            "no phone is connected", "connect one and enable USB debugging in its developer options"
        )
    connected = f"connected: {_names(listed)}" if listed else "no phone is connected"
    if ":" in serial:  # an address: adb must connect to such a phone first
        connected += f"; over the network: adb connect {clean(serial)}"
    return NotFound(f"there is no phone {clean(serial)}", connected)


def _names(listed: Sequence[Listed]) -> str:
    return ", ".join(
        f"{clean(each.serial)} ({each.details.get('model', each.state)})" for each in listed
    )
