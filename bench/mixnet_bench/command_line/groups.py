"""The groups of options in the help of ``mixnet-bench``."""

from typing import ClassVar

from mixnet_common.console import Group
from mixnet_common.option_groups import GroupedCommand

GROUPS = {
    "Network": (
        "--network", "--space", "--format", "--precision", "--classes", "--resolution",
        "--multiplier",
    ),
    "Weights": ("--weights", "--calibrate"),
    "Images": ("--data", "--truth", "--synsets", "--unlabelled", "--labels", "--preprocessing"),
    "Comparison": (
        "--against", "--budget", "--confidence", "--strict", "--runtimes", "--jobs", "--state",
    ),
    "Measurement": (
        "--on", "--threads", "--launches", "--min-count", "--min-time", "--warmup", "--seed",
        "--pin", "--timeout", "--sustained", "--fp16", "--no-cache", "--anchor", "--passes",
        "--networks", "--include", "--interpolate", "--minutes",
    ),
    "Phones": (
        "--fixed-performance", "--keep-settings", "--task-profile", "--runner", "--take-over",
        "--allow-emulated",
    ),
    "Inputs of a model file": ("--shape", "--dim", "--signature", "--input", "--input-range"),
    "Search": ("--table", "--score", "--latency", "--certain", "--evaluations", "--population",
               "--failures"),
    "Details": ("--layers", "--worst", "--top", "--profile", "--results"),
    "Cluster": ("--dask", "--insecure"),
}  # fmt: skip


class BenchCommand(GroupedCommand):
    """A command of ``mixnet-bench``; its help lists its options in groups."""

    groups = GROUPS


class DeviceCommand(GroupedCommand):
    """A command of ``mixnet-bench devices``: few options, in few groups."""

    groups: ClassVar = {"Download": ("--download", "--only", "--sha256", "--yes")}


class DevicesGroup(Group, BenchCommand):
    """The command ``mixnet-bench devices``, with the commands within it."""

    command_class = DeviceCommand
