"""A campaign on three hosts of a lab, each with a phone, of which one is lost in the middle.

The hosts are network namespaces with addresses of their own; two phones are fake ones that run this
machine's programs, the third is the jail with a real adbd and arm64 programs.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

if sys.platform != "linux" or platform.machine() != "x86_64":
    pytest.skip("fake phones run this machine's programs, on x86-64", allow_module_level=True)

sys.path.append(str(Path(__file__).parents[2] / "android"))  # for the phones

from cluster_kit import DASK, Processes, processes, wait_for
from jail import JailUnavailableError
from jail.packages import CACHE, root_tree
from jail.wheels import litert_wheel
from netns_kit import CENTRE, Namespace, Network, serial_in
from runner_kit import compiler
from test_runner_models import installed
from tls_kit import environment as certificates

from mixnet_android.adb import find_adb
from mixnet_android.libraries import store as runtimes_store
from mixnet_android.runner import toolchains
from mixnet_android.runner.build import build

pytestmark = pytest.mark.long

CAMPAIGN = """
networks = ["tiny.toml", {{ name = "tiny.toml", seed = 1 }}]
precisions = ["float32", "int8"]
devices = [{devices}]
[latency]
launches = 2
min_count = 3
min_time_s = 0
warmup = 0
together = "network"
"""
NETWORK = (
    'source = "a test"\nresolution = 16\nclasses = 5\nstem = { channels = 8 }\n'
    "stages = [{ out = 8, kernels = [3, 5], expand = 2, se = 0.5, activation = 'swish' }]\n"
)
SCHEDULER = f"tls://{CENTRE}:8786"
PROGRAM = Path(__file__).parents[1] / "phone_host.py"


@dataclass
class Host:
    """A host with a phone, and its worker."""

    place: Namespace
    address: str
    folder: Path
    variables: Mapping[str, str]
    running: "dict[str, subprocess.Popen[bytes]]" = field(default_factory=dict)

    @property
    def serial(self) -> str:
        return serial_in(self.folder / "serial")

    def plug_in(self, kind: str, port: int) -> None:
        words = [sys.executable, PROGRAM, kind, self.folder, port]
        self.running["phone"] = self.place.start(words, self.variables)

    def work(self) -> None:
        plain = ("--no-nanny", "--nthreads", 1, "--no-dashboard", "--host", self.address)
        resources = ("--resources", f"phone-{self.serial}=1")
        where = ("--local-directory", self.folder / "scratch")
        words = [*DASK, "worker", SCHEDULER, *plain, *resources, *where]
        self.running["worker"] = self.place.start(words, self.variables)

    def log(self) -> list[str]:
        """What was done to the phone's settings."""
        path = self.folder / "phone/state/log"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with runners and runtimes for both kinds of phones."""
    if compiler() is None or toolchains.ZIG.missing():
        pytest.skip("NO COMPILERS FOR THE RUNNER HERE")
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIXNET_HOME", str(folder))
        patch.setenv("ZIG_GLOBAL_CACHE_DIR", str(CACHE / "zig"))
        try:
            root_tree()
            runtimes_store.add(litert_wheel())
        except JailUnavailableError as error:
            pytest.skip(f"NO JAIL HERE: {error}")
        runtimes_store.add(installed("ai_edge_litert", "libLiteRt.so"), "2.3.0")
        build("linux-x86_64")
        build("linux-arm64", "zig")
    return folder


@dataclass
class Lab:
    """The network, its hosts, and commands that are given in the middle of it."""

    network: Network
    variables: Mapping[str, str]
    hosts: list[Host]

    def words(self, *words: object) -> list[str]:
        program = (sys.executable, "-m", "mixnet_bench", *words, "--dask", SCHEDULER)
        return [*self.network.centre.prefix, *map(str, program)]

    def command(self, *words: object) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self.words(*words), capture_output=True, text=True, check=False, timeout=580,
            env={**os.environ, **self.variables},
        )  # fmt: skip


@pytest.fixture
def lab(tmp_path: Path, home: Path) -> Iterator[Lab]:
    with processes(tmp_path / "processes") as started:
        tls = certificates(tmp_path / "tls")
        network = Network(started)
        network.centre.start([*DASK, "scheduler", "--host", SCHEDULER, "--no-dashboard"], tls)
        hosts = [_host(network, tmp_path / f"host{n}", home, tls) for n in (1, 2, 3)]
        for host, kind, port in zip(hosts, ("fake", "fake", "jail"), (6001, 6002, 0), strict=True):
            host.plug_in(kind, port)
        try:
            for host in hosts:
                wait_for(lambda host=host: host.serial or _ended(started, host), 120)
                assert host.serial, started.said(host.running["phone"])
                host.work()
            yield Lab(network, {**tls, "MIXNET_HOME": str(home)}, hosts)
        finally:
            for host in hosts:
                _end_adb(host)


def _ended(started: Processes, host: Host) -> bool:
    return host.running["phone"].poll() is not None


def _host(network: Network, folder: Path, home: Path, tls: Mapping[str, str]) -> Host:
    place, address = network.host()
    folder.mkdir()
    shutil.copytree(home, folder / "home")
    variables = {
        **tls,
        "HOME": str(folder),
        "MIXNET_HOME": str(folder / "home"),
        "MIXNET_JAIL_CACHE": str(CACHE),
        "ANDROID_ADB_SERVER_PORT": "15037",
        "ADB_MDNS": "0",
        "ADB_LIBUSB": "0",
    }
    return Host(place, address, folder, variables)


def _end_adb(host: Host) -> None:
    words = [*host.place.prefix, find_adb(), "kill-server"]
    variables = {**os.environ, **host.variables}
    subprocess.run(words, env=variables, capture_output=True, check=False, timeout=20)


def test_a_campaign_of_three_hosts_survives_the_loss_of_one(lab: Lab, tmp_path: Path) -> None:
    listed = lab.command("devices", "--json")
    assert listed.returncode == 0, listed.stderr
    phones = json.loads(listed.stdout)["targets"]
    assert [each["host"] for each in phones] == [each.address for each in lab.hosts]
    assert [each["serial"] for each in phones] == [each.serial for each in lab.hosts]

    (tmp_path / "tiny.toml").write_text(NETWORK)
    devices = ", ".join(f'"adb:{each.serial}"' for each in lab.hosts)
    (tmp_path / "lab.toml").write_text(CAMPAIGN.format(devices=devices))
    command = ("run", tmp_path / "lab.toml", "-o", tmp_path / "out")
    client = subprocess.Popen(
        lab.words(*command),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **lab.variables},
    )
    lost = lab.hosts[1]
    wait_for(lambda: "svc power stayon true" in lost.log() or client.poll() is not None, 200)
    lab.network.started.kill(lost.running["worker"])
    lab.network.cut(2)
    _, errors = client.communicate(timeout=500)
    assert client.returncode == 1, errors
    assert f"no worker has phone-{lost.serial}" in errors
    assert "2 of 16 steps failed" in errors
    assert "Traceback" not in errors

    lab.network.mend(2)
    lost.work()
    again = lab.command(*command, "--json")
    assert again.returncode == 0, again.stderr
    steps = json.loads(again.stdout)["targets"]
    assert [each["state"] for each in steps].count("done") == 2
    assert len(list((tmp_path / "out/results").glob("latency-*.json"))) == 6
    for host in lab.hosts[:2]:
        runs = [line for line in host.log() if "stay" in line]
        assert runs[-1].startswith("settings"), "nothing is left changed"
        # One run's settings are restored before the next one's are set: never two at once. The
        # run that was cut short has left that to the next.
        begun = [line.startswith("svc") for line in runs]
        assert not any(a and b and host is not lost for a, b in pairwise(begun))
