"""What `mixnet-bench devices` reports: phones, what is missing, what holds, what was kept."""

from mixnet_android.phone.records import PhoneCluster
from mixnet_common.result import Count, Cpus, Number, Place, ResultRecord, known_as


class DeviceResult(ResultRecord):
    """A phone that adb knows."""

    serial: str
    """what adb calls it"""
    target: str
    """what `--on` takes for it"""
    state: str
    """adb's word: `device` is the only one that can be used"""
    usable: bool
    """whether it can be measured on"""
    advice: tuple[str, ...] = known_as(())
    """a sentence for each thing that does, with what to do about it"""
    same_as: str | None = known_as()
    """the serial under which the same phone is there too, by cable, and is measured"""
    manufacturer: str | None = known_as()
    """who made it"""
    model: str | None = known_as()
    """the name it is sold by, or else the maker's number"""
    soc: str | None = known_as()
    """its processor: `ro.soc.model` from Android 12 on, the board's name before"""
    android: str | None = known_as()
    """the version of Android"""
    sdk: int | None = known_as()
    """the same as an API level"""
    abis: tuple[str, ...] = known_as(())
    """for which it runs programs, the preferred one first"""
    build: str | None = known_as()
    """the fingerprint of its software"""
    emulated: bool | None = known_as()
    """it says of itself that it is not a phone: an emulator, a container or a test's device"""
    clusters: tuple[PhoneCluster, ...] = known_as(())
    features: tuple[str, ...] = known_as(())
    """instruction sets that every core has"""
    fp16: bool | None = known_as()
    """every core computes in float16 (`fphp`, `asimdhp`): float32 files may run in it, `--fp16`"""
    free_bytes: Count | None = known_as()
    """free where files are put"""
    executable: bool | None = known_as()
    """programs may be run there"""
    thermal_status: int | None = known_as()
    """0 (none) to 6 (shutdown)"""
    thermal_override: bool | None = known_as()
    """someone ordered the status, so throttling cannot be detected"""
    skin_celsius: Number | None = known_as()
    """the hottest sensor of the skin"""
    cpu_celsius: Number | None = known_as()
    """the hottest sensor of the CPU"""
    battery_percent: Number | None = known_as()
    """charge"""
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
    """the address of the host that it is plugged into: only with `--dask`"""


class PartResult(ResultRecord):
    """A thing that measuring on a phone needs."""

    name: str
    """what measuring needs"""
    found: str | None = known_as()
    """what is there, or `null`"""
    advice: str = known_as("")
    """what to do about it"""
    ready: bool
    """whether there is nothing to be done"""


class AssumptionResult(ResultRecord):
    """An assumption about a phone, checked."""

    name: str
    """what is assumed"""
    holds: bool | None = known_as()
    """whether it holds; `null` where it could not be checked"""
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
    """A runtime library that was kept for phones."""

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
    """the file that it came in"""
    pages_of_16_kb: bool
    """whether it loads where pages have 16 KB"""
    api_level: Count | None = known_as()
    """the oldest Android that it was built for, as an API level; `null` if it is not reported"""
    path: Place
    """where it is kept"""


class BuiltRunner(ResultRecord):
    """A native runner that was built."""

    name: str
    """the target, like `android-arm64`"""
    path: Place
    """the program"""
    way: str
    """what built it: `ndk`, `zig` or `cc`"""
    experimental: bool
    """no real phone has run what is built this way"""
    size_bytes: Count
    """its size"""
    sha256: str
    """of its content"""
