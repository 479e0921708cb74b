"""The typefaces: a list, downloaded from their packages, checked by hash, stored in a folder.

Packages come through ``npm pack``, from npm's configured registry. Only content with the right hash
is used: none of it is executed, and only the named files are read.
"""

import base64
import hashlib
import io
import shutil
import subprocess
import tarfile
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Literal

from mixnet_common import MixnetError, write_whole
from mixnet_common.progress import tracked
from mixnet_common.temporary import temporary_folder

Split = Literal["train", "test"]

FETCH_TIMEOUT_S = 300
LARGEST_FONT_BYTES = 4_000_000


@dataclass(frozen=True)
class Family:
    """One typeface: a package, pinned, and the weights that are drawn."""

    package: str
    version: str
    integrity: str
    """``sha512-…``, as npm writes it."""
    license: str
    weights: tuple[int, ...]
    split: Split

    @property
    def name(self) -> str:
        """``pt-sans``, without the scope."""
        return self.package.rpartition("/")[2]

    @property
    def archive(self) -> str:
        """The file name that ``npm pack`` gives the package."""
        return f"{self.package.strip('@').replace('/', '-')}-{self.version}.tgz"


def families(split: Split) -> tuple[Family, ...]:
    """The families of a split, in the order of the file."""
    text = resources.files(__package__).joinpath("fonts.toml").read_text(encoding="utf-8")
    rows = tomllib.loads(text)["families"]
    found = (Family(**{**row, "weights": tuple(row["weights"])}) for row in rows)
    return tuple(family for family in found if family.split == split)


def fetch(wanted: Sequence[Family], folder: Path) -> None:
    """Bring every package into the folder, those that are there already apart.

    Raises MixnetError if npm is missing, a package can't be had, or its hash is another.
    """
    missing = [each for each in wanted if not _is_good(folder / each.archive, each.integrity)]
    if missing and shutil.which("npm") is None:
        raise MixnetError(
            f"{len(missing)} typefaces must be downloaded, but npm is not installed",
            "install Node.js with npm, then run this again",
        )
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(_fetch_one, family, folder) for family in missing]
        for job in tracked(jobs, "fetching typefaces"):
            job.result()


def _fetch_one(family: Family, folder: Path) -> None:
    asked = f"{family.package}@{family.version}"
    npm = shutil.which("npm") or "npm"
    with temporary_folder() as place:
        try:
            done = subprocess.run(
                [npm, "pack", asked, "--silent", "--ignore-scripts"],
                cwd=place,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=FETCH_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise MixnetError(f"npm did not download {asked} in {FETCH_TIMEOUT_S} s") from None
        archive = place / family.archive
        if done.returncode or not archive.is_file():
            words = done.stderr.decode(errors="replace").strip().splitlines()
            raise MixnetError(f"npm cannot download {asked}: {words[-1] if words else 'no reason'}")
        if not _is_good(archive, family.integrity):
            raise MixnetError(f"{asked} is not the pinned package: its hash differs")
        write_whole(folder / family.archive, archive.read_bytes())


def _is_good(archive: Path, integrity: str) -> bool:
    if not archive.is_file():
        return False
    digest = hashlib.sha512(archive.read_bytes()).digest()
    return integrity == f"sha512-{base64.b64encode(digest).decode()}"


def read_font(family: Family, weight: int, folder: Path) -> bytes:
    """One font file (``.woff``, Latin characters) out of a package that was fetched.

    Raises MixnetError if it is not connected.
    """
    member = f"package/files/{family.name}-latin-{weight}-normal.woff"
    try:
        with tarfile.open(fileobj=io.BytesIO((folder / family.archive).read_bytes())) as archive:
            file = archive.extractfile(member)
            assert file is not None  # only a folder has none
            return file.read(LARGEST_FONT_BYTES)
    except (OSError, KeyError, tarfile.TarError) as error:
        raise MixnetError(f"no {member} in {family.archive}: {error}") from error
