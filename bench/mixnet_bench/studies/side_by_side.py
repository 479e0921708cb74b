"""Times model files in turns in one process; works alone in any Python with a runtime.

It is run as a script, by the interpreter of an environment that may have only numpy and LiteRT,
tflite-runtime, TensorFlow or onnxruntime, so it imports no other module of this project. Standard
input is one JSON object, standard output another. One thread is timed by CPU time, which other
programs affect less; several by wall-clock time.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

BURST_S = 0.04
"""Duration of a file's burst."""

LEAD = 1
"""Inferences that open a burst and are not counted: the caches are full of the other file."""


class Loaded:
    """A file ready to run, on seeded noise."""

    def __init__(self, invoke: Callable[[], Any], outputs: Callable[[], list[Any]]) -> None:
        self.invoke = invoke
        self.outputs = outputs


def main() -> None:
    """Answer one request: ``files``, ``rounds``, ``threads``, ``cpus`` (null for any)."""
    request = json.load(sys.stdin)
    if request["cpus"] is not None:
        os.sched_setaffinity(0, request["cpus"])
    threads = request["threads"]
    runtime, load = _runtime(request["files"][0])
    loaded = [load(path, threads) for path in request["files"]]
    clock = time.process_time if threads == 1 else time.perf_counter
    counts = [_count(each, clock) for each in loaded]
    rounds, others = [], []
    for number in range(request["rounds"]):
        before = _busy_s()
        places = list(range(len(loaded)))
        times = [0.0] * len(loaded)
        for place in places if number % 2 else reversed(places):
            times[place] = _burst(loaded[place], counts[place], clock)
        rounds.append(times)
        others.append(_others(before, _busy_s()))
    answer = {
        "runtime": runtime,
        "rounds_ms": (1000 * np.array(rounds)).tolist(),
        "others": others,
        "outputs": [
            [np.asarray(values, np.float64).ravel().tolist() for values in each.outputs()]
            for each in loaded
        ],
    }
    json.dump(answer, sys.stdout)


def _runtime(path: str) -> tuple[str, Callable[[str, int], Loaded]]:
    """Name and version of the first runtime that is installed for a file, and what opens files."""
    from importlib.metadata import version

    if path.endswith(".onnx"):
        import onnxruntime

        return f"onnxruntime {onnxruntime.__version__}", _load_onnx
    try:
        from ai_edge_litert.interpreter import Interpreter

        return f"LiteRT {version('ai-edge-litert')}", _tflite_loader(Interpreter)
    except ImportError:
        pass
    try:
        from tflite_runtime.interpreter import Interpreter

        return f"tflite-runtime {version('tflite-runtime')}", _tflite_loader(Interpreter)
    except ImportError:
        import tensorflow

        found = tensorflow.lite.Interpreter
        return f"TensorFlow {tensorflow.__version__}", _tflite_loader(found)


def _tflite_loader(interpreter_class: Any) -> Callable[[str, int], Loaded]:
    def load(path: str, threads: int) -> Loaded:
        interpreter = interpreter_class(model_path=path, num_threads=threads)
        interpreter.allocate_tensors()
        rng = np.random.default_rng(0)
        for entry in interpreter.get_input_details():
            dtype = np.dtype(entry["dtype"])
            interpreter.set_tensor(entry["index"], _noise(rng, dtype, entry["shape"]))
        interpreter.invoke()
        places = [entry["index"] for entry in interpreter.get_output_details()]
        return Loaded(interpreter.invoke, lambda: [interpreter.get_tensor(each) for each in places])

    return load


def _load_onnx(path: str, threads: int) -> Loaded:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    feed = {
        each.name: _noise(rng, np.dtype("float32"), [size if isinstance(size, int) else 1
                                                     for size in each.shape])
        for each in session.get_inputs()
    }  # fmt: skip
    return Loaded(lambda: session.run(None, feed), lambda: list(session.run(None, feed)))


def _noise(rng: Any, dtype: Any, shape: Any) -> Any:
    if dtype.kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max + 1, shape).astype(dtype)


def _count(loaded: Loaded, clock: Callable[[], float]) -> int:
    """Inferences in a burst."""
    spent = min(_burst(loaded, 1, clock) for _ in range(3))
    return max(1, round(BURST_S / max(spent, 1e-6)))


def _burst(loaded: Loaded, count: int, clock: Callable[[], float]) -> float:
    """Seconds of one inference."""
    for _ in range(LEAD):
        loaded.invoke()
    start = clock()
    for _ in range(count):
        loaded.invoke()
    return (clock() - start) / count


def _busy_s() -> tuple[float, float, float] | None:
    """Seconds that all CPUs worked, that this process did, and the time; None where unknown."""
    try:
        with open("/proc/stat", encoding="ascii") as file:
            user, nice, system, _, _, irq, soft, *_ = map(int, file.readline().split()[1:])
    except (OSError, ValueError):
        return None
    ticks = os.sysconf("SC_CLK_TCK")
    busy = (user + nice + system + irq + soft) / ticks
    return busy, time.process_time(), time.perf_counter()


def _others(before: Any, after: Any) -> float | None:
    """CPUs that other programs had meanwhile."""
    if before is None or after is None:
        return None
    busy, own, passed = (late - early for early, late in zip(before, after, strict=True))
    return float(max(0.0, (busy - own) / passed))


if __name__ == "__main__":
    main()
