"""Hosts that are none: network namespaces with addresses of their own, joined by a bridge."""

import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from cluster_kit import Processes

NETWORK = "10.77.0"
CENTRE = f"{NETWORK}.1"
UNSHARE = ("unshare", "--user", "--map-root-user", "--net")


class Namespace:
    """A host: programs in it see its own loopback and one address of the lab's network."""

    def __init__(self, started: Processes, words: Sequence[object]) -> None:
        self.started = started
        self.holder = started.start(words)
        time.sleep(0.3)
        if self.holder.poll() is not None:
            pytest.skip(f"NO NETWORK NAMESPACES HERE: {started.said(self.holder)}")

    @property
    def prefix(self) -> tuple[str, ...]:
        """What to put before a program to run it here."""
        return ("nsenter", "-t", str(self.holder.pid), "-U", "-n", "--preserve-credentials")

    def run(self, words: str) -> None:
        """Run a little program to its end."""
        done = subprocess.run([*self.prefix, *words.split()], capture_output=True, check=False)
        if done.returncode:
            pytest.skip(f"NO NETWORK NAMESPACES HERE: {words}: {done.stderr.decode()}")

    def start(
        self, words: Sequence[object], environment: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[bytes]":
        """Start a program that is ended with the test."""
        return self.started.start(words, environment, self.prefix)


class Network:
    """The bridge in the middle, with an address of its own, and hosts around it."""

    def __init__(self, started: Processes) -> None:
        if shutil.which("ip") is None or shutil.which("nsenter") is None:
            pytest.skip("NO NETWORK NAMESPACES HERE: the programs ip and nsenter are needed")
        self.started = started
        self.centre = Namespace(started, [*UNSHARE, "sleep", "3600"])
        for words in (
            "ip link set lo up",
            "ip link add bridge type bridge",
            f"ip addr add {CENTRE}/24 dev bridge",
            "ip link set bridge up",
        ):
            self.centre.run(words)
        self.count = 0

    def host(self) -> tuple[Namespace, str]:
        """Another host, and its address."""
        self.count += 1
        number, address = self.count, f"{NETWORK}.{10 + self.count}"
        host = Namespace(self.started, [*self.centre.prefix, "unshare", "--net", "sleep", "3600"])
        self.centre.run(f"ip link add h{number} type veth peer name eth0 netns {host.holder.pid}")
        self.centre.run(f"ip link set h{number} master bridge up")
        host.run("ip link set lo up")
        host.run(f"ip addr add {address}/24 dev eth0")
        host.run("ip link set eth0 up")
        return host, address

    def cut(self, number: int) -> None:
        """Pull the network cable of the host of this number, counted from 1."""
        self.centre.run(f"ip link set h{number} down")

    def mend(self, number: int) -> None:
        """Plug it in again."""
        self.centre.run(f"ip link set h{number} up")


def serial_in(path: Path) -> str:
    """The serial of a phone whose host has written it there; empty before."""
    return path.read_text().strip() if path.exists() else ""
