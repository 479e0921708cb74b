"""Versions of installed packages, for provenance."""

from importlib.metadata import PackageNotFoundError, version


def package_version(package: str) -> str | None:
    """The version of an installed package; None where it isn't installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
