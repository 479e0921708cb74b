"""The process behind ``child``, which may crash: ``python -m mixnet_runtimes.child_process``.

One JSON object on stdin: the question as ``module:function``, its request, the memory to use. Lines
of JSON on stdout: what is being done, then the answer or an error. Whatever a runtime prints goes
to stderr.

Try it directly::

    echo '{"question": "mixnet_runtimes.probing_child:partitions", "memory_bytes": 4000000000,
           "request": {"path": "mixnet-s.tflite"}}' | python -m mixnet_runtimes.child_process
"""

import ctypes
import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any

from mixnet_common.system_faults import user_error
from mixnet_runtimes import child

PR_SET_PDEATHSIG, SIGKILL = 1, 9

Tell = Callable[[str, str], None]
"""Tells the parent what is being done (``opening``), and by which runtime."""


def main() -> None:
    """Answer the one question on stdin."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(content: dict[str, Any]) -> None:
        answers.write(json.dumps(content) + "\n")
        answers.flush()

    _end_with_parent()
    asked = json.load(sys.stdin)
    child.enter(asked["memory_bytes"])
    module, _, function = asked["question"].partition(":")
    try:
        answer = getattr(import_module(module), function)
        say({"answer": answer(asked["request"], lambda doing, who: _tell(say, doing, who))})
    except MemoryError:
        most = asked["memory_bytes"] / 1e9
        say({"error": f"{asked['request'].get('path')} takes more than {most:.3g} GB of memory"})
    except Exception as error:
        found = user_error(error)
        if found is None:
            raise
        say({"error": found.message, "hint": found.hint, "exit_status": found.exit_status})
    # The runtimes' handles are left to the system: tearing them down could only crash.
    os._exit(0)


def _end_with_parent() -> None:
    """Have the kernel kill this process when its parent is gone; a runtime may hang for ever."""
    with suppress(OSError, AttributeError, TypeError):  # not Linux
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL)


def _tell(say: Callable[[dict[str, Any]], None], doing: str, runtime: str) -> None:
    say({"doing": doing, "runtime": runtime})


if __name__ == "__main__":
    main()
