"""What a machine tells of itself, from captured text and from systems that tell nothing."""

import json
import os
from pathlib import Path

import pytest

from mixnet_bench.machine import description as machine
from mixnet_common.result import encode

INTEL = "processor\t: 0\nmodel name\t: Intel(R) Xeon(R) CPU @ 2.20GHz\nflags\t\t: fpu vme\n\n"
PI = (
    "processor\t: 0\nBogoMIPS\t: 108.00\n\nHardware\t: BCM2835\nModel\t\t: Raspberry Pi 4 Model B\n"
)
BARE = "processor\t: 0\nBogoMIPS\t: 38.40\n"


@pytest.mark.parametrize(
    ("text", "name"),
    [(INTEL, "Intel(R) Xeon(R) CPU @ 2.20GHz"), (PI, "BCM2835"), (BARE, None), ("", None)],
)
def test_the_cpu_is_read_from_cpuinfo(text: str, name: str | None) -> None:
    assert machine.parse_cpuinfo(text) == name


def test_the_description_is_json() -> None:
    described = machine.describe_machine()
    assert json.loads(json.dumps(encode(described)))["cores"] == os.cpu_count()


def test_what_a_system_does_not_tell_is_null(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "GOVERNOR", Path("/nowhere/governor"))
    monkeypatch.setattr(machine, "CPUINFO", Path("/nowhere/cpuinfo"))
    monkeypatch.setattr("platform.processor", lambda: "")
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.delattr(os, "getloadavg", raising=False)
    described = machine.describe_machine()
    assert (described.governor, described.cpu) == (None, None)
    assert machine.load_average() is None


def test_a_governor_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    governor = tmp_path / "scaling_governor"
    governor.write_text("schedutil\n")
    monkeypatch.setattr(machine, "GOVERNOR", governor)
    assert machine.describe_machine().governor == "schedutil"
