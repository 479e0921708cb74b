"""The records of `mixnet-bench devices`: phones, requirements, assumptions, runtime libraries."""

from mixnet_android.phone.records import PhoneCluster
from mixnet_common.result import Count, Cpus, Number, Place, ResultRecord, known_as


class DeviceResult(ResultRecord):
    """A phone that adb knows."""

    serial: str
    """its serial in adb"""
    target: str
    """its name for `--on`"""
    state: str
    """its state in adb; only `device` can be used"""
    usable: bool
    """whether it can be used for measurements"""
    advice: tuple[str, ...] = known_as(())
    """a sentence for each problem, with a remedy"""
    same_as: str | None = known_as()
    """the serial of the same phone's cable connection, which is measured instead"""
    manufacturer: str | None = known_as()
    """its manufacturer"""
    model: str | None = known_as()
    """its product name, or else its model number"""
    soc: str | None = known_as()
    """its processor: `ro.soc.model` from Android 12 on, the board's name before"""
    android: str | None = known_as()
    """the version of Android"""
    sdk: int | None = known_as()
    """the same as an API level"""
    abis: tuple[str, ...] = known_as(())
    """ABIs that it supports, the preferred one first"""
    build: str | None = known_as()
    """the fingerprint of its software"""
    emulated: bool | None = known_as()
    """it reports that it is not a phone: an emulator, a container or a test device"""
    clusters: tuple[PhoneCluster, ...] = known_as(())
    features: tuple[str, ...] = known_as(())
    """instruction sets that every core has"""
    fp16: bool | None = known_as()
    """every core computes in float16 (`fphp`, `asimdhp`): float32 files may run in it, `--fp16`"""
    free_bytes: Count | None = known_as()
    """free space where files are stored"""
    executable: bool | None = known_as()
    """whether programs may be run there"""
    thermal_status: int | None = known_as()
    """0 (none) to 6 (shutdown)"""
    thermal_override: bool | None = known_as()
    """the status is overridden, so throttling cannot be detected"""
    skin_celsius: Number | None = known_as()
    """the hottest sensor of the skin"""
    cpu_celsius: Number | None = known_as()
    """the hottest sensor of the CPU"""
    battery_percent: Number | None = known_as()
    """charge of the battery"""
    battery_celsius: Number | None = known_as()
    """its temperature"""
    battery_status: str | None = known_as()
    """`charging`, `discharging`, `not charging`, `full` or `unknown`"""
    plugged: bool | None = known_as()
    """a charger or a cable with power is connected"""
    screen_on: bool | None = known_as()
    """the screen is on"""
    battery_saver: bool | None = known_as()
    """the battery saver is on"""
    online: Cpus = known_as(())
    """CPUs that are online; empty if it is not reported"""
    host: str | None = None
    """address of its host: only with `--dask`"""


class PartResult(ResultRecord):
    """A thing that measuring on a phone needs."""

    name: str
    """a requirement for measuring"""
    found: str | None = known_as()
    """what was found, or `null`"""
    advice: str = known_as("")
    """remedy"""
    ready: bool
    """whether nothing is missing"""


class AssumptionResult(ResultRecord):
    """An assumption about a phone, checked."""

    name: str
    """the assumption"""
    holds: bool | None = known_as()
    """whether it holds; `null` if it could not be checked"""
    detail: str
    """what was found"""
    serial: str
    """the phone, and so are the following"""
    model: str | None = known_as()
    """its model"""
    soc: str | None = known_as()
    """its system on a chip"""
    android: str | None = known_as()
    """its version of Android"""
    build: str | None = known_as()
    """its build's fingerprint"""
    emulated: bool = known_as(False)
    """whether it is an emulator"""


class KeptRuntime(ResultRecord):
    """A stored runtime library for phones."""

    name: str
    """the library's file name"""
    api: str
    """`litert`, `tflite` or `onnxruntime`"""
    version: str | None = known_as()
    """its version, or `null`"""
    platform: str
    """system and processor: `android-arm64`, `android-x86_64`, `linux-arm64`, `linux-x86_64`"""
    sha256: str
    """its hash"""
    size_bytes: Count
    """its size"""
    source: str
    """the file that contained it"""
    pages_of_16_kb: bool
    """whether it loads on systems with 16 KB pages"""
    api_level: Count | None = known_as()
    """the oldest Android that it was built for, as an API level; `null` if it is not reported"""
    path: Place
    """its path"""


class BuiltRunner(ResultRecord):
    """A native runner that was built."""

    name: str
    """the target, such as `android-arm64`"""
    path: Place
    """the program"""
    way: str
    """the toolchain: `ndk`, `zig` or `cc`"""
    experimental: bool
    """whether this toolchain has not been tested on a real phone"""
    size_bytes: Count
    """its size"""
    sha256: str
    """of its content"""
