"""Command lines for the phone's shell, which is mksh or toybox: words quoted, scripts wrapped.

Pure text; runs nothing.
"""

import re
import shlex
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """The output and exit status of a script on the phone."""

    status: int
    text: str


def quote(*words: object) -> str:
    """Words as one POSIX command line.

    >>> quote("ls", "a b")
    "ls 'a b'"
    """
    return shlex.join(str(word) for word in words)


def wrap(script: str, mark: str) -> str:
    """The script between a line with the mark, and one with the mark and its exit status.

    adb 29 and 34 exit with 0 when the phone is lost in the middle of a command, and phones without
    shell_v2 never report a status: only the marker at the end proves that the output is complete.
    Output of the shell before a command, such as a banner or its linker's warnings, is before
    the first mark. Errors that a script does not want are dropped, since without shell_v2 they
    would stand in its output.
    """
    return (
        f'echo; echo "{mark} begins"\n(\n{script}\n) 2>/dev/null\n_s=$?\necho\necho "{mark} $_s"\n'
    )


def unwrap(output: str, mark: str) -> Answer | None:
    """The script's own output and status; None if a mark is missing: something was cut off.

    A terminal on the phone turns ends of lines into CRLF, as phones without shell_v2 do.
    """
    text = output.replace("\r\n", "\n")
    _, begun, text = text.partition(f"{mark} begins\n")
    match = re.search(rf"\n?{re.escape(mark)} (\d{{1,3}})\n", text)
    return Answer(int(match[1]), text[: match.start()]) if begun and match else None


def sections(commands: dict[str, str], mark: str) -> str:
    """One script for several commands, each announced by a line with the mark and its name."""
    return "\n".join(
        f'echo; echo "{mark} {name}"\n( {command}\n) 2>/dev/null'
        for name, command in commands.items()
    )


def split_sections(text: str, mark: str) -> dict[str, str]:
    """The output of each command by name; what failed is empty."""
    parts = re.split(rf"\n?^{re.escape(mark)} (\w+)\n?", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))
