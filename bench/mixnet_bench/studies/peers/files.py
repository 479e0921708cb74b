"""Files made once and cached, each under a name that changes when its content would.

The name contains a hash of the request, of the versions of its tools and of our own sources, so a
cached file is never one that would be made differently today. Times nothing.
"""

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from mixnet_bench.studies.peers.make import answer_path, command
from mixnet_bench.studies.peers.registry import EXPORTERS, Exporter, FileRequest
from mixnet_common import MixnetError
from mixnet_common.hashing import sha256, sha256_of, sha256_of_parts
from mixnet_common.versions import package_version

TIME_LIMIT_S = 1800
"""For one conversion, which takes half a minute on a quiet machine."""

SOURCES = (".py", ".toml", ".png")

Run = Callable[[list[str]], "subprocess.CompletedProcess[str]"]


@dataclass(frozen=True)
class Made:
    """A file, and what it makes of the sample image; None if its weights are not ours."""

    order: FileRequest
    path: Path
    logits: tuple[float, ...] | None

    def differs_from(self, other: "Made") -> float | None:
        """The largest difference of the logits over the other's largest; None where unknown."""
        if self.logits is None or other.logits is None:
            return None
        ours, theirs = np.array(self.logits), np.array(other.logits)
        return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def run_quietly(line: list[str]) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end, and return its output."""
    return subprocess.run(line, capture_output=True, text=True, timeout=TIME_LIMIT_S, check=False)


def kept_path(order: FileRequest, directory: Path) -> Path:
    """The path of a requested file.

    Raises MixnetError if a package that the exporter needs is not installed.
    """
    exporter = EXPORTERS[order.exporter]
    facts = [asdict(order), versions(exporter), _sources_hash(exporter), _files_hash(order)]
    digest = sha256(json.dumps(facts, sort_keys=True))[:12]
    words = [
        _word(order.network),
        order.precision,
        order.exporter,
        _word(order.lowering),
        digest,
    ]
    return directory / f"{'-'.join(filter(None, words))}.{order.form}"


def make_file(order: FileRequest, directory: Path, run: Run = run_quietly) -> Made:
    """The requested file, made in a separate process unless it is cached.

    Raises MixnetError with the process's last words where it cannot be made.
    """
    path = kept_path(order, directory)
    if not (path.is_file() and answer_path(path).is_file()):
        _make(order, path, run)
    logits = json.loads(answer_path(path).read_text(encoding="utf-8"))
    return Made(order, path, None if logits is None else tuple(logits))


def _make(order: FileRequest, path: Path, run: Run) -> None:
    try:
        done = run(command(order, path))
    except subprocess.TimeoutExpired:
        raise MixnetError(f"made no file in {TIME_LIMIT_S} s") from None
    if done.returncode or not path.is_file():
        raise MixnetError(_last_words(done))


def _last_words(done: "subprocess.CompletedProcess[str]") -> str:
    """The error that the process reported, or the last line of what it said."""
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    reported = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    last = (reported or lines or [f"exit status {done.returncode}"])[-1]
    return last[:300]


def versions(exporter: Exporter) -> dict[str, str | None]:
    """The installed version of each distribution that makes the file; None if there is none."""
    return {name: package_version(name) for name in exporter.packages.values()}


def _sources_hash(exporter: Exporter) -> str:
    """A hash of our own sources that make the file."""
    sources = _sources(exporter)
    return sha256_of_parts(
        part for name, content in sources for part in (f"{name}\0{len(content)}\0", content)
    )


def _sources(exporter: Exporter) -> Iterator[tuple[str, bytes]]:
    """Every file of the packages, and the modules."""
    for name in exporter.built_from:
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            raise MixnetError(f"{name} has no source to tell its version by")
        home = Path(spec.origin)
        is_package = spec.submodule_search_locations is not None
        paths = sorted(home.parent.rglob("*")) if is_package else [home]
        for path in (each for each in paths if each.suffix in SOURCES):
            yield f"{name}/{path.relative_to(home.parent).as_posix()}", path.read_bytes()


def _files_hash(order: FileRequest) -> list[str]:
    """Hashes of the network's and the lowering's content, if they are files."""
    paths = [Path(name) for name in (order.network, order.lowering) if name.endswith(".toml")]
    return [sha256_of(path) for path in paths]


def _word(name: str) -> str:
    """A network's or lowering's name, as it may stand in a file's."""
    return Path(name).name.removesuffix(".toml")
