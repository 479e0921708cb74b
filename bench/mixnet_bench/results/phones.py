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
    """the file that it came in"""
    sha256: str | None = known_as()
    """its own hash"""
    interface: str | None = known_as()
    """which form of the interface the runner found in it"""


class OutputDifference(ResultRecord):
    """How far a phone's output is from this machine's."""

    name: str
    """the output"""
    error: Positive | None = known_as()
    """the largest difference; `null` where it is not finite"""
    unit: str
    """`of the largest` (value), or `steps` of what was quantized"""
    limit: Positive
    """up to where it is no cause for concern: 1e-4, one step, or 0.05 where the phone computed in \
float16"""
    within: bool
    """whether it is"""


class OutputsResult(ResultRecord):
    """A phone's outputs against this machine's."""

    within: bool
    """whether the outputs are this machine's, for the same input"""
    outputs: tuple[OutputDifference, ...] = known_as(())


class PhoneLatencyResult(LatencyResult):
    """A file, timed on a phone by this software's own runner."""

    target: str = known_as("adb")
    """`adb:` and the phone's serial"""
    verdict: Verdict
    """also `emulated`, `void` (restarted, or its thermal status overridden), `throttled`, \
`wrong-cores`, `differs` (its outputs are not this machine's)"""
    label: str | None = known_as()
    """`shell process`: an app may be slower or faster"""
    emulated: bool = known_as(False)
    """whether the phone is none, but an emulator; then `verdict` is `emulated`, and no time means \
anything"""
    fixed_performance: bool | None = known_as()
    """whether the phone's fixed-performance mode was on: clocks that it can sustain, not its \
fastest; compare only with results of the same mode"""
    wholly_delegated: bool | None = known_as()
    """whether XNNPACK took all of the network; `null` if it is not reported"""
    task_profile: str | None = known_as()
    """the Android task profile that the runner was put into; `null` where none was"""
    device: PhoneDevice
    library: LibraryResult | None = known_as()
    runner: str | None = known_as()
    """the runner's version"""
    memory_peak_kb: Count | None = known_as()
    """the most memory that the process had, all its files together"""
    conditions: PhoneConditions = known_as(PhoneConditions())
    parity: OutputsResult | None = known_as()
