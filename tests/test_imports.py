"""Imports run one way: packages as the design says, modules without a circle, commands from above.

Imports inside of functions count; those for type checkers alone do not, since nothing runs them.
"""

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

FOLDERS = {
    "mixnet_common": "common",
    "mixnet_networks": "networks",
    "mixnet_runtimes": "runtimes",
    "mixnet_android": "android_harness",
    "mixnet_quantize": "quantize",
    "mixnet_export": "export",
    "mixnet_bench": "bench",
    "mixnet_mobile": ".",
}
"""Where each import package lies."""

BELOW = {
    "mixnet_common": set(),
    "mixnet_networks": {"mixnet_common"},
    "mixnet_runtimes": {"mixnet_common"},
    "mixnet_android": {"mixnet_common"},
    "mixnet_quantize": {"mixnet_common", "mixnet_networks", "mixnet_runtimes"},
    "mixnet_export": {"mixnet_common", "mixnet_networks", "mixnet_runtimes", "mixnet_quantize"},
    "mixnet_bench": {*FOLDERS} - {"mixnet_bench", "mixnet_mobile"},
    "mixnet_mobile": {*FOLDERS} - {"mixnet_mobile"},
}
"""What each package may import."""


def find_modules() -> dict[str, Path]:
    found = {}
    for package, folder in FOLDERS.items():
        for path in sorted((ROOT / folder / package).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


MODULES = find_modules()


def imported(path: Path) -> Iterator[str]:
    """Every module of ours that a file imports."""
    for node in _running(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            inner = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (each if each in MODULES else node.module for each in inner)


def _running(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those under ``if TYPE_CHECKING``."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield node
        yield from _running(node)


IMPORTS: Mapping[str, set[str]] = {
    name: set(imported(path)) - {name} for name, path in MODULES.items()
}


def test_there_are_modules_and_imports_to_look_at() -> None:
    assert {name.partition(".")[0] for name in MODULES} == set(FOLDERS)
    assert sum(map(len, IMPORTS.values())) > len(MODULES) > 300


@pytest.mark.parametrize("package", FOLDERS)
def test_a_package_imports_only_what_lies_below_it(package: str) -> None:
    found = {
        f"{name} imports {each}"
        for name, others in IMPORTS.items()
        for each in others
        if name.partition(".")[0] == package != each.partition(".")[0]
        and each.partition(".")[0] not in BELOW[package]
    }
    assert found == set()


def test_no_modules_import_each_other_in_a_circle() -> None:
    try:
        list(TopologicalSorter(IMPORTS).static_order())
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))
