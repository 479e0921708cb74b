"""Sentences on stderr: they break between words at a terminal's width, and are whole in a pipe."""

import os
import struct
import subprocess
import sys

import pytest

from mixnet_common.terminal import hung

if os.name == "nt":
    pytest.skip("needs a pseudo-terminal", allow_module_level=True)

WORD = "/a/path/that/is/longer/than/a/narrow/terminal/and/stays/whole"
SENTENCE = f"a sentence of some length names {WORD} and then goes on for a while longer"
PROGRAM = f"""
import click
from mixnet_common import MixnetError
from mixnet_common.console import Command, say, warn
def go():
    say({SENTENCE!r}, "  " + {SENTENCE!r}, "")
    warn({SENTENCE!r})
    raise MixnetError({SENTENCE!r}, {SENTENCE!r})
Command("go", callback=go)([])
"""
BEGINNINGS = ("a sentence", "  a sentence", "warning: a", "error: a", "  hint: a")


def run(stderr: int, **variables: str) -> str:
    """Run the program, whose stdout is no terminal; what it wrote where stderr is a pipe."""
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        env={**environment, **variables},
        text=True,
        check=False,
    )
    assert done.returncode == 1
    return done.stderr or ""


def in_a_pipe() -> list[str]:
    return run(subprocess.PIPE).splitlines()


def on_a_terminal(columns: int, **variables: str) -> list[str]:
    import fcntl
    import pty
    import termios

    reader, writer = pty.openpty()
    fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    run(writer, **variables)
    text = os.read(reader, 65536).decode()
    os.close(reader)
    os.close(writer)
    return text.splitlines()


def test_a_pipe_gets_every_sentence_as_one_line() -> None:
    assert in_a_pipe() == [
        SENTENCE,
        f"  {SENTENCE}",
        "",
        f"warning: {SENTENCE}",
        f"error: {SENTENCE}",
        f"  hint: {SENTENCE}",
    ]


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_a_terminal_gets_lines_that_break_between_words(columns: int) -> None:
    lines = on_a_terminal(columns)

    assert all(len(each) <= columns or each.strip() == WORD for each in lines)
    assert " ".join(lines).split() == " ".join(in_a_pipe()).split()
    begun = [each for each in lines if each.startswith(BEGINNINGS)]
    assert len(begun) == len(BEGINNINGS)
    assert all(each.startswith("  ") for each in lines if each and each not in begun)


def test_a_terminal_without_a_size_is_taken_for_an_ordinary_one() -> None:
    assert on_a_terminal(0) == on_a_terminal(80)
    assert on_a_terminal(0, COLUMNS="120") == on_a_terminal(120)


def test_continued_lines_hang_below_their_first() -> None:
    assert hung("  then: one two three", 14) == ["  then: one", "    two three"]
    assert hung("", 14) == [""]
