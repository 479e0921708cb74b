"""The examples in docstrings are true."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

PACKAGES = ("common", "networks", "runtimes", "quantize", "export", "bench", "android", "mobile")


def modules_with_examples() -> list[str]:
    """By their text, so that what needs an optional extra is imported only if it has examples."""
    found = []
    for package in (import_module(f"mixnet_{name}") for name in PACKAGES):
        folder = Path(str(package.__file__)).parent
        for path in sorted(folder.rglob("*.py")):
            if ">>> " in path.read_text(encoding="utf-8"):
                parts = path.relative_to(folder.parent).with_suffix("").parts
                found.append(".".join(parts).removesuffix(".__init__"))
    return found


@pytest.mark.parametrize("name", modules_with_examples())
def test_the_examples_of_every_module_are_true(name: str) -> None:
    try:
        module = import_module(name)
    except ModuleNotFoundError as missing:
        if (missing.name or "mixnet").startswith("mixnet"):
            raise
        pytest.skip(f"needs {missing.name}, which only an extra brings")
    results = doctest.testmod(module)

    assert results.failed == 0
    assert results.attempted > 0
