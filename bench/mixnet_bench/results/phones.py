"""A latency measured on a phone, as records."""

from mixnet_android.phone.records import PhoneConditions, PhoneDevice
from mixnet_bench.results.latency import LatencyResult
from mixnet_bench.results.verdict import Verdict
from mixnet_common.result import (
    Count,
    Positive,
    ResultRecord,
    known_as,
)


class LibraryResult(ResultRecord):
    """The runtime library that ran on a phone."""

    api: str | None = known_as()
    """the interface: `litert`, `tflite` or `onnxruntime`"""
    version: str | None = known_as()
    """the runtime library's version, where it is known"""
    source: str | None = known_as()
    """the file that contained it"""
    sha256: str | None = known_as()
    """its own hash"""
    interface: str | None = known_as()
    """version of the interface in the library"""


class OutputDifference(ResultRecord):
    """The difference between a phone's output and this machine's."""

    name: str
    """the output"""
    error: Positive | None = known_as()
    """the largest difference; `null` if it is not finite"""
    unit: str
    """`of the largest` (value), or `steps` of what was quantized"""
    limit: Positive
    """accepted difference: 1e-4, one step, or 0.05 if the phone computed in float16"""
    within: bool
    """whether the error is within the limit"""


class OutputsResult(ResultRecord):
    """A phone's outputs against this machine's."""

    within: bool
    """whether the outputs equal this machine's for the same input"""
    outputs: tuple[OutputDifference, ...] = known_as(())


class PhoneLatencyResult(LatencyResult):
    """A file, timed on a phone by this software's own runner."""

    target: str = known_as("adb")
    """`adb:` and the phone's serial"""
    verdict: Verdict
    """also `emulated`, `void` (restarted, or its thermal status overridden), `throttled`, \
`wrong-cores`, `differs` (its outputs differ from this machine's)"""
    label: str | None = known_as()
    """`shell process`: an app may be slower or faster"""
    emulated: bool = known_as(False)
    """whether the phone is an emulator; then `verdict` is `emulated`, and its times are \
meaningless"""
    fixed_performance: bool | None = known_as()
    """whether the phone's fixed-performance mode was on: sustainable clocks, not the fastest; \
compare only with results of the same mode"""
    wholly_delegated: bool | None = known_as()
    """whether XNNPACK ran the whole network; `null` if not reported"""
    task_profile: str | None = known_as()
    """the Android task profile of the runner; `null` for none"""
    device: PhoneDevice
    library: LibraryResult | None = known_as()
    runner: str | None = known_as()
    """the runner's version"""
    memory_peak_kb: Count | None = known_as()
    """peak memory of the process with all its files"""
    conditions: PhoneConditions = known_as(PhoneConditions())
    parity: OutputsResult | None = known_as()
