"""Suppresses TensorFlow Lite's announcement of its delegate on stderr.

"INFO: Created TensorFlow Lite XNNPACK delegate for CPU." is printed once per process, by native
code that no option silences. The first delegate of a process is therefore made for a known small
file, with stderr closed for that moment; a file that crashes its runtime is never opened under it.
"""

import os
from base64 import b64decode
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

LITTLE = b64decode(
    "GAAAAFRGTDMAAA4AFAAQAAwACAAAAAQADgAAABAAAAAcAAAA0AAAAAMAAAABAAAACAAAAAQABAAEAAAAAQAAABAA"
    "AAAMABQAEAAMAAgABAAMAAAAEAAAADwAAABAAAAARAAAAAEAAAAQAAAAAAAKAAwAAAAIAAQACgAAAAgAAAAMAAAA"
    "AQAAAAEAAAABAAAAAAAAAAEAAAABAAAAAQAAAAAAAAACAAAAMAAAAAQAAADk////CAAAAAwAAAABAAAAeQAAAAEA"
    "AAABAAAADAAMAAgAAAAAAAQADAAAAAgAAAAMAAAAAQAAAHgAAAABAAAAAQAAAAEAAAAQAAAADAAMAAsAAAAAAAQA"
    "DAAAAGUAAAAAAABl"
)
"""A graph of one ABS of one float32."""


@cache
def keep_quiet(interpreter: Callable[..., Any]) -> None:
    """Let an interpreter's runtime print its announcement to a closed stderr."""
    with suppress(OSError, ValueError, RuntimeError):  # then it is seen, and nothing else changes
        kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, 2)
            interpreter(model_content=LITTLE).allocate_tensors()
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            os.close(nowhere)
