"""Versions of installed packages, for provenance."""

from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def commit_of(folder: Path) -> str | None:
    """The commit that a checkout is at, shortened; None outside of one, or without git."""
    import subprocess

    command = ["git", "-C", str(folder), "rev-parse", "--short", "HEAD"]
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
        return done.stdout.strip() or None
    return None


def package_version(package: str) -> str | None:
    """The version of an installed package; None if it isn't installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
