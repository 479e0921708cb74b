"""The request of ``mixnet-bench tune`` as one record, and which module handles it."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from mixnet_bench.commands.tune import TuneRequest, run_tune
from mixnet_bench.commands.tune_file import run_tune_file
from mixnet_bench.machine.affinity import pin
from mixnet_bench.phones.one_phone import serial_of
from mixnet_bench.tuning.phone import phone_timer
from mixnet_bench.tuning.search import Timer
from mixnet_common import UsageError
from mixnet_common.cpu_lists import parse_cpus
from mixnet_export.writers import FORMATS
from mixnet_networks import load_network


@dataclass(frozen=True)
class TuneOptions:
    """The command's arguments and options, by their names."""

    network_name: str
    form: str
    on: str
    precision: str
    threads: int
    pin: str | None
    fixed_performance: bool
    fp16: bool
    allow_emulated: bool
    classes: int | None
    resolution: int | None
    multiplier: float | None
    no_cache: bool
    output: Path
    as_json: bool

    @property
    def sizes(self) -> dict[str, float | None]:
        """Sizes of a network, by the options' names; None means the network's own."""
        return {
            "classes": self.classes,
            "resolution": self.resolution,
            "multiplier": self.multiplier,
        }

    def timer(self, suffix: str) -> AbstractContextManager[Timer] | None:
        """The phone's; None means this machine."""
        if self.on == "host":
            return None
        return phone_timer(
            serial_of(self.on),
            suffix,
            self.threads,
            self.pin,
            self.fixed_performance,
            self.allow_emulated,
            self.fp16,
        )


def run_options(asked: TuneOptions) -> None:
    """Check, tune, print and write. Raises MixnetError and UsageError."""
    if asked.fixed_performance and asked.on == "host":
        raise UsageError("--fixed-performance applies to phones", "add --on adb, or omit it")
    if asked.pin is not None and asked.on == "host":
        pin(parse_cpus(asked.pin))
    suffix = Path(asked.network_name).suffix.lower()
    if suffix in (".tflite", ".onnx"):
        _tune_file(asked, suffix)
        return
    network = load_network(
        asked.network_name,
        classes=asked.classes,
        resolution=asked.resolution,
        multiplier=asked.multiplier,
    )
    request = TuneRequest(
        network,
        FORMATS[asked.form],
        asked.precision,
        asked.threads,
        not asked.no_cache,
        asked.network_name,
        asked.fp16,
    )
    run_tune(request, asked.output, asked.as_json, asked.timer(request.form.suffix))


def _tune_file(asked: TuneOptions, suffix: str) -> None:
    if any(each is not None for each in asked.sizes.values()):
        raise UsageError(
            f"{asked.network_name} is a file: its classes, resolution and channels are fixed",
            "omit --classes, --resolution and --multiplier",
        )
    if asked.fp16:
        raise UsageError(
            f"--fp16 applies to networks, and {asked.network_name} is a file", "omit --fp16"
        )
    path = Path(asked.network_name)
    run_tune_file(path, asked.output, asked.threads, asked.as_json, asked.timer(suffix))
