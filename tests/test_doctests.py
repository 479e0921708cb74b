"""The examples in docstrings are true."""

import doctest
import pkgutil
from importlib import import_module

import pytest

PACKAGES = ("common", "networks", "runtimes", "quantize", "export", "bench", "android")


def modules() -> list[str]:
    names = []
    for package in (import_module(f"mixnet_{name}") for name in PACKAGES):
        found = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        names += [each.name for each in found if not each.name.endswith("__main__")]
    return names


@pytest.mark.parametrize("name", modules())
def test_the_examples_of_every_module_are_true(name: str) -> None:
    assert doctest.testmod(import_module(name)).failed == 0
