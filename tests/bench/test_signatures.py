"""What travels between modules is a record: no signature has objects of unknown keys."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = (ROOT / "bench" / "mixnet_bench", ROOT / "android_harness" / "mixnet_android")

WORKER = "a line of JSON to or from a worker process"
HASHED = "JSON values of which a campaign step's key is hashed, or those that a file has"
DOCUMENT = "a document as it was read, before it is a record"
ANSWER = "plain values from a worker on another machine, checked where they arrive"
TABLE = "rows of a study's own table"

BOUNDARIES = {
    "mixnet_android/runner/fields.py:Fields.mapping": "a line of JSON from the runner",
    "mixnet_bench/campaign/estimate.py:likeness": HASHED,
    "mixnet_bench/campaign/estimate.py:read_earlier": HASHED,
    "mixnet_bench/campaign/files.py:step_inputs": HASHED,
    "mixnet_bench/campaign/from_options.py:asked_for": "click's options, by their names",
    "mixnet_bench/campaign/inputs.py:library_inputs": HASHED,
    "mixnet_bench/campaign/inputs.py:parity_inputs": HASHED,
    "mixnet_bench/campaign/remote.py:do_step": ANSWER,
    "mixnet_bench/campaign/store.py:Store.earlier": HASHED,
    "mixnet_bench/campaign/store.py:Store.recall": DOCUMENT,
    "mixnet_bench/campaign/store.py:Store.written": DOCUMENT,
    "mixnet_bench/machine/cores.py:look": WORKER,
    "mixnet_bench/studies/glyphs/measure.py:as_markdown": TABLE,
    "mixnet_bench/studies/glyphs/measure.py:measure_format": TABLE,
    "mixnet_bench/studies/glyphs/measure.py:row_of": TABLE,
    "mixnet_bench/studies/glyphs/measure.py:time_of": TABLE,
    "mixnet_bench/counting/inspection.py:provenance_of": "the JSON beside a file",
    "mixnet_bench/timing/made_for.py:unsuited": "the JSON beside a file, of any version's keys",
    "mixnet_bench/studies/peers/tensorflow_converter.py:build": "arrays by names of weights",
    "mixnet_bench/timing/processes.py:ProcessWorker.ask": WORKER,
    "mixnet_bench/timing/processes.py:Worker.ask": WORKER,
    "mixnet_bench/cluster/shard_work.py:compare_shard": ANSWER,
    "mixnet_bench/phones/listing.py:listed_plainly": ANSWER,
    "mixnet_bench/results/reading.py:read_latencies": DOCUMENT,
    "mixnet_bench/timing/worker.py:load": WORKER,
    "mixnet_bench/timing/worker.py:run_calls": WORKER,
}
"""Functions that read or write JSON themselves, and what it is."""


def public_functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node.name, node
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for each in node.body:
                if isinstance(each, ast.FunctionDef) and not each.name.startswith("_"):
                    yield f"{node.name}.{each.name}", each


def annotations(function: ast.FunctionDef) -> Iterator[ast.expr]:
    arguments = function.args
    for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        if each.annotation is not None:
            yield each.annotation
    if function.returns is not None:
        yield function.returns


def is_free(annotation: ast.expr) -> bool:
    """Whether ``dict[str, Any]`` or ``Mapping[str, Any]`` stands anywhere in it."""
    text = ast.unparse(annotation)
    return "dict[str, Any]" in text or "Mapping[str, Any]" in text


def free_signatures() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        for path in sorted(package.rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for name, function in public_functions(tree):
                if any(map(is_free, annotations(function))):
                    where = path.relative_to(package.parent).as_posix()
                    found[f"{where}:{name}"] = ast.unparse(function).splitlines()[0]
    return found


def test_no_object_of_unknown_keys_travels_between_modules() -> None:
    found = free_signatures()
    assert sorted(found.keys() - BOUNDARIES.keys()) == []


def test_every_boundary_is_one_still() -> None:
    assert sorted(BOUNDARIES.keys() - free_signatures().keys()) == []


@pytest.mark.parametrize("text", ["dict[str, Any]", "list[dict[str, Any]] | None"])
def test_what_is_looked_for_is_found(text: str) -> None:
    assert is_free(ast.parse(text, mode="eval").body)
