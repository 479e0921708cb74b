"""The phone of docs/phones.md: a fake one that says of itself what the page's jail says."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path += [str(Path(__file__).parents[1] / name) for name in ("fixtures", "android")]

from fake_device import FakePhone
from making import call
from making_phones import ONNXRUNTIME, fake_phones, hurried, library
from test_phone_hold import somebody
from test_runtimes_store import APIS, archive, packed
from test_runtimes_store import library as little_library
from work_place import work_place

from mixnet_android.libraries.elf import MACHINES
from mixnet_android.phone import store

BENCH = "mixnet-bench"
LINKER = "system/bin/linker64"
SAYS = {
    "ro.product.manufacturer": "mixnet-mobile",
    "ro.product.model": "jail",
    "ro.soc.model": "qemu-cortex-a76",
    "ro.build.version.release": "14",
    "ro.build.version.sdk": "34",
    "ro.product.cpu.abilist": "x86_64",
    "ro.mixnet.emulated": "1",
}
CPUS = {0: 1785600, 1: 2841600}
"""The highest clock of each, in kHz."""

PACKAGE = "com.github.asus4.onnxruntime-0.4.9.tgz"
FILES = {"little.onnx": "mixnet-s.onnx", "little-int8.onnx": "mixnet-s-int8.onnx"}
FILES |= {"little.tflite": "mixnet-s.tflite"}
"""Little files, and what the page calls its own."""


@dataclass(frozen=True)
class PagePhone:
    """The phone, plugged in, and the folder where the page's commands run."""

    fake: FakePhone
    folder: Path
    home: Path

    def become(self, place: str, new_home: Path) -> Path:
        """Be in the state that a place says; the user's folder that goes with it.

        A new phone is Android's, and nothing is there for it; others run this machine's programs. A
        busy one is measured on by ann.
        """
        sandbox = self.fake.sandbox
        linker = sandbox.write(LINKER, "")
        shutil.rmtree(sandbox.path(store.HOLD), ignore_errors=True)
        if place == "busy phone":
            somebody(self.fake, age_s=180, pid=4711)
        if place == "new phone":
            make_package(self.folder)
            return new_home
        linker.unlink()
        return self.home


@contextmanager
def page_phone(folder: Path) -> Iterator[PagePhone]:
    """The phone, with a runner and onnxruntime for it, in a folder with the page's files."""
    with work_place(folder):
        for name, shown in FILES.items():
            (folder / "out").mkdir(exist_ok=True)
            shutil.copy(folder / "large" / name, folder / "out" / shown)
        call(BENCH, "devices", "add-runtime", library(*ONNXRUNTIME))
        call(BENCH, "devices", "build-runner", "--target", "linux-x86_64")
        with hurried(), fake_phones(folder, 1) as (fake,):
            _describe(fake)
            yield PagePhone(fake, folder, Path(os.environ["MIXNET_HOME"]))


def _describe(fake: FakePhone) -> None:
    said = "".join(f"[{name}]: [{value}]\n" for name, value in SAYS.items())
    fake.sandbox.write("state/getprop", said)
    fake.sandbox.write("state/power", "  mWakefulness=Awake\n")
    cpuinfo = (f"processor\t: {cpu}\nFeatures\t: fp asimd\n\n" for cpu in CPUS)
    fake.sandbox.write("proc/cpuinfo", "".join(cpuinfo))
    policies = "sys/devices/system/cpu/cpufreq"
    shutil.rmtree(fake.sandbox.root / policies)
    for cpu, khz in CPUS.items():
        values = {"related_cpus": cpu, "scaling_governor": "schedutil"}
        clocks = ("cpuinfo_max_freq", "scaling_max_freq", "scaling_cur_freq")
        for name, value in {**values, **dict.fromkeys(clocks, khz)}.items():
            fake.sandbox.write(f"{policies}/policy{cpu}/{name}", f"{value}\n")


def make_package(folder: Path) -> None:
    """An npm package like that of the page, with libraries that are none."""
    machines = {"arm64-v8a": "arm64", "x86_64": "x86_64"}
    numbers = {name: number for number, name in MACHINES.items()}
    aar = archive(
        folder / "onnxruntime.aar",
        {
            f"jni/{abi}/libonnxruntime.so": little_library(
                APIS["onnxruntime"], machine=numbers[machine], strings=("1.29.0",)
            )
            for abi, machine in machines.items()
        },
    )
    linux = little_library(
        APIS["onnxruntime"],
        needed="libc.so.6",
        align=4096,
        machine=numbers["x86_64"],
        strings=("1.29.0",),
    )
    members = {"Linux/x64/libonnxruntime.so": linux, "Android/onnxruntime.aar": aar.read_bytes()}
    packed(folder / PACKAGE, {f"package/Plugins/{name}": data for name, data in members.items()})
