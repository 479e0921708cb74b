"""Times ``.tflite`` files in turns in one process, by CPU time; alone in any Python with a runtime.

It is run as a script, by the interpreter of an environment that may have nothing but numpy and
LiteRT, tflite-runtime or TensorFlow, so it imports nothing of ours. Standard input is one JSON
object, standard output another. CPU time, since other programs then count less; one thread.
"""

import json
import os
import sys
import time
from typing import Any

import numpy as np

BURST_S = 0.04
"""How long a file runs before the next one does."""

LEAD = 1
"""Inferences that open a burst and are not counted: the caches are full of the other file."""


def main() -> None:
    """Answer one request: ``files``, ``rounds``, ``cpus`` (null for any)."""
    request = json.load(sys.stdin)
    if request["cpus"] is not None:
        os.sched_setaffinity(0, request["cpus"])
    runtime, interpreter_class = _runtime()
    loaded = [_load(interpreter_class, path) for path in request["files"]]
    counts = [_count(each) for each in loaded]
    rounds = []
    for number in range(request["rounds"]):
        places = list(range(len(loaded)))
        times = [0.0] * len(loaded)
        for place in places if number % 2 else reversed(places):
            times[place] = _burst(loaded[place], counts[place])
        rounds.append(times)
    json.dump({"runtime": runtime, "rounds_ms": (1000 * np.array(rounds)).tolist()}, sys.stdout)


def _runtime() -> tuple[str, Any]:
    """Name and version of the first runtime that is installed, and its interpreter."""
    from importlib.metadata import version

    try:
        from ai_edge_litert.interpreter import Interpreter

        return f"LiteRT {version('ai-edge-litert')}", Interpreter
    except ImportError:
        pass
    try:
        from tflite_runtime.interpreter import Interpreter

        return f"tflite-runtime {version('tflite-runtime')}", Interpreter
    except ImportError:
        import tensorflow

        return f"TensorFlow {tensorflow.__version__}", tensorflow.lite.Interpreter


def _load(interpreter_class: Any, path: str) -> Any:
    """A file ready to run, on seeded noise."""
    interpreter = interpreter_class(model_path=path, num_threads=1)
    interpreter.allocate_tensors()
    rng = np.random.default_rng(0)
    for entry in interpreter.get_input_details():
        dtype, shape = np.dtype(entry["dtype"]), entry["shape"]
        if dtype.kind == "f":
            values = rng.standard_normal(shape).astype(dtype)
        else:
            limits = np.iinfo(dtype)
            values = rng.integers(limits.min, limits.max + 1, shape).astype(dtype)
        interpreter.set_tensor(entry["index"], values)
    interpreter.invoke()
    return interpreter


def _count(interpreter: Any) -> int:
    """Inferences in a burst."""
    spent = min(_burst(interpreter, 1) for _ in range(3))
    return max(1, round(BURST_S / max(spent, 1e-6)))


def _burst(interpreter: Any, count: int) -> float:
    """Seconds of CPU time of one inference."""
    for _ in range(LEAD):
        interpreter.invoke()
    start = time.process_time()
    for _ in range(count):
        interpreter.invoke()
    return (time.process_time() - start) / count


if __name__ == "__main__":
    main()
