"""The process that times one file: ``python -m mixnet_bench.timing.worker``, JSON lines in and out.

It opens the file when told to, runs as many inferences as it is told, and answers with every
duration; when to run is the parent's business. It ends when its input ends, so that no parent,
however it dies, leaves one behind.

Try it directly::

    {"do": "load", "path": "mixnet-s.tflite", "threads": 1, "seed": 0, "pin": null}
    {"do": "run", "count": 3}
"""

import gc
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

import numpy as np

from mixnet_bench.machine.affinity import current_cpus, pin
from mixnet_bench.machine.cores import look
from mixnet_common import MixnetError
from mixnet_common.memory import peak_memory
from mixnet_common.system_faults import user_error
from mixnet_runtimes import child

Invoke = Callable[[], object]
Clock = Callable[[], int]


def clock_calls(invoke: Invoke, count: int, clock: Clock) -> list[tuple[int, int]]:
    """Start and end of each of ``count`` calls; only the call is between the two."""
    readings = []
    for _ in range(count):
        start = clock()
        invoke()
        readings.append((start, clock()))
    return readings


def run_calls(invoke: Invoke, count: int) -> dict[str, Any]:
    """The answer to ``run``: every duration and start, and the system's reports on the cores.

    ``t_ms`` counts from the process's own start of the clock, the same for all its answers.
    """
    before = look()
    readings = clock_calls(invoke, count, time.perf_counter_ns)
    after = look()
    return {
        "samples_ms": [(end - start) / 1e6 for start, end in readings],
        "t_ms": [start / 1e6 for start, _ in readings],
        "before": before,
        "after": after,
    }


def load(request: dict[str, Any]) -> tuple[dict[str, Any], Invoke, str]:
    """Open the file, set its inputs: the answer, the call to time, and what to do if it fails.

    ``load_ms`` is all that a session needs to be ready, Python's own start apart: the runtime's
    libraries loaded, the file read and checked, its kernels prepared.
    """
    if request["pin"] is not None:
        pin(request["pin"])
    start = time.perf_counter_ns()
    from mixnet_runtimes.inputs import advice
    from mixnet_runtimes.prepared import input_arrays, open_request

    prepared, session = open_request(request, request["threads"])
    loaded = time.perf_counter_ns()
    session.set_inputs(input_arrays(prepared, np.random.default_rng(request["seed"])))
    cpus = current_cpus()
    answer = {
        "load_ms": (loaded - start) / 1e6,
        "runtime": session.runtime,
        "runtime_version": session.version,
        "runtime_settings": dict(session.settings),
        "affinity": None if cpus is None else list(cpus),
    }
    return answer, session.invoke, advice(prepared.inputs, prepared.values)


def serve(requests: TextIO, answers: TextIO) -> None:
    """Answer each line with a line until there are no more; a user's error is an answer too."""
    invoke: Invoke | None = None
    hint, before = "", peak_memory()
    for line in requests:
        request = json.loads(line)
        try:
            if request["do"] == "load":
                answer, invoke, hint = load(request)
            elif invoke is None:
                raise MixnetError("run was requested before a file was loaded")
            else:
                answer = run_calls(invoke, request["count"])
                answer["memory_peak_bytes"] = _growth(before, peak_memory())
        except Exception as error:
            found = user_error(error)
            if found is None:
                raise
            answer = {
                "error": found.message,
                "hint": (hint if found is error else "") or found.hint,
                "exit_status": found.exit_status,
            }
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _growth(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else after - before


def main() -> None:
    """Serve on stdin and stdout; whatever the runtimes print to stdout goes to stderr instead."""
    gc.disable()  # a collection would disturb a sample; nothing here makes cycles
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    child.enter(child.memory_for())
    try:
        serve(sys.stdin, answers)
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(130)


if __name__ == "__main__":
    main()
