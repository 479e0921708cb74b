"""The family of exceptions that are shown to users.

Every other exception is a bug of this software and is printed with its traceback.
"""

import difflib
import sys
from collections.abc import Iterable
from contextlib import suppress

from mixnet_common.printable import printable
from mixnet_common.terminal import fitting


class MixnetError(Exception):
    """A job failed: what happened and to which thing, and in ``hint`` what to do next."""

    exit_status = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(MixnetError):
    """The request itself is wrong: an unknown name, a value out of range, a faulty file of rows."""

    exit_status = 2


def print_error(error: MixnetError) -> None:
    """Print the error and its hint to stderr, where that can be written.

    On a terminal they break between words.
    """
    lines = [f"error: {printable(error.message)}"]
    if error.hint:
        lines.append("  hint: " + printable(error.hint))
    with suppress(OSError, ValueError):  # a full disk; a stream that was closed
        print("\n".join(fitting(lines, sys.stderr)), file=sys.stderr, flush=True)


def install_hint(requirement: str, *, upgrade: bool = False) -> str:
    """The hint of every error about a missing package or extra.

    >>> install_hint("mixnet-mobile[torch]")
    'install it: pip install "mixnet-mobile[torch]"'
    >>> install_hint("onnxruntime", upgrade=True)
    'install a newer version: pip install --upgrade onnxruntime'
    """
    quoted = f'"{requirement}"' if "[" in requirement else requirement
    if upgrade:
        return f"install a newer version: pip install --upgrade {quoted}"
    return f"install it: pip install {quoted}"


def nearest(word: str, known: Iterable[str], also: Iterable[str] = ()) -> str:
    """A hint that names the known word most like ``word``, or else all of them.

    Those of ``also`` are known as well, but never listed.

    >>> nearest("mixnet-z", ["mixnet-s", "mobilenet-v1"])
    'did you mean mixnet-s?'
    """
    choices = sorted(known)
    close = difflib.get_close_matches(word, [*choices, *also], n=1)
    return f"did you mean {close[0]}?" if close else f"known: {', '.join(choices)}"
