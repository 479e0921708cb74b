"""What answers at once loads no library that takes long to load."""

import subprocess
import sys

import pytest

HEAVY = {
    "ai_edge_litert",
    "ai_edge_quantizer",
    "dask",
    "distributed",
    "matplotlib",
    "msgspec",
    "onnx",
    "onnxruntime",
    "PIL",
    "scipy",
}


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("mixnet_bench.cli", ["--help"]),
        ("mixnet_bench.cli", ["latency", "--help"]),
        ("mixnet_bench.cli", ["tune", "--help"]),
        ("mixnet_bench.cli", ["search", "--help"]),
        ("mixnet_bench.cli", ["parity", "--help"]),
        ("mixnet_export.cli", ["--help"]),
        ("mixnet_export.cli", ["tflite", "--help"]),
        ("mixnet_export.cli", ["list"]),
    ],
)
def test_help_and_list_load_no_heavy_library(program: str, words: list[str]) -> None:
    code = (
        f"import sys; from {program} import main\n"
        f"try: main({words!r})\n"
        "except SystemExit: print(*sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())

    assert done.stdout
    assert "mixnet_common.console" in loaded
    assert not loaded & HEAVY
