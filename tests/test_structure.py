"""The building: floors of the bench, sizes of modules, names that mean one thing."""

import ast
from collections import defaultdict

import pytest
from test_imports import IMPORTS, MODULES

FLOORS = {
    "results": 0, "stats": 0, "machine": 0, "targets": 0,
    "counting": 1, "profiling": 1, "accuracy": 1, "report": 1, "cluster": 1,
    "timing": 2, "paper": 2,
    "phones": 3,
    "tuning": 4, "latency_tables": 4, "architecture_search": 4,
    "campaign": 5,
    "testing": 6, "commands": 6, "studies": 6,
    "command_line": 7,
    "__main__": 8, "cli": 8,
    # The earlier names of programs.
    "compare_exporters": 8, "compare_runner": 8, "export_cost": 8, "glyphs": 8, "trust_trial": 8,
}  # fmt: skip
"""Of the bench, from the ground up: what stands on one imports nothing from above it."""

MOST_LINES = 350
MOST_NAMESAKES = 3

INTERFACES = {
    "find",  # a pattern's regions in a file that is optimized
    "main",  # of programs
    "make",  # another exporter's file, for a comparison
    "partitions",  # of a file in a runtime, and the question to a child
    "parity",  # the comparison itself: in Python, as a command, as a campaign's step
    "read",  # a file of weights, or a model file
}
"""Functions that several modules have because something calls them all by one name."""


def floor_of(module: str) -> int:
    return FLOORS[module.split(".")[1]]


def test_every_part_of_the_bench_has_a_floor() -> None:
    parts = {name.split(".")[1] for name in MODULES if name.startswith("mixnet_bench.")}
    assert parts == set(FLOORS)


def test_nothing_in_the_bench_imports_from_a_floor_above() -> None:
    assert [
        f"{name} imports {each}"
        for name, others in IMPORTS.items()
        for each in others
        if name.startswith("mixnet_bench.") and each.startswith("mixnet_bench.")
        if floor_of(each) > floor_of(name)
    ] == []


@pytest.mark.parametrize("package", ["mixnet_bench", "mixnet_export"])
def test_nothing_but_the_command_line_imports_a_command(package: str) -> None:
    commands, above = f"{package}.commands", (f"{package}.command_line", f"{package}.cli")
    assert [
        f"{name} imports {each}"
        for name, others in IMPORTS.items()
        for each in others
        if each.startswith(f"{commands}.") and not name.startswith((commands, *above))
    ] == []


def test_no_module_is_longer_than_a_reader_can_bear() -> None:
    lines = {name: len(path.read_text().splitlines()) for name, path in MODULES.items()}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_a_public_name_has_few_namesakes() -> None:
    places = defaultdict(list)
    for module, path in MODULES.items():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(module)
    many = {name: found for name, found in places.items() if len(found) > MOST_NAMESAKES}
    assert {name: found for name, found in many.items() if name not in INTERFACES} == {}
