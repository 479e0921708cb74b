"""Runs many commands in a process of its own, and says of each how it ended.

A command that ends the whole process is dead; the others go on in a fresh one. Each has 60 seconds,
and all of them 4 GB of address space.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

SECONDS, BYTES = 60, 4 << 30

CODE = f"""
import json, resource, signal, sys, time, traceback
from click.testing import CliRunner
from mixnet_common.memory import peak_memory
from mixnet_bench.cli import main

def late(*_):
    raise TimeoutError("the command takes too long")

resource.setrlimit(resource.RLIMIT_AS, ({BYTES}, {BYTES}))
signal.signal(signal.SIGALRM, late)
for line in sys.stdin:
    signal.alarm({SECONDS})
    start = time.monotonic()
    result = CliRunner().invoke(main, json.loads(line))
    signal.alarm(0)
    bug = result.exception is not None and not isinstance(result.exception, SystemExit)
    print(json.dumps({{
        "status": result.exit_code,
        "stdout": result.stdout,
        "stderr": result.stderr,
        "bug": "".join(traceback.format_exception(*result.exc_info)) if bug else "",
        "seconds": time.monotonic() - start,
        "peak_bytes": peak_memory(),
    }}), flush=True)
"""


@dataclass(frozen=True)
class Outcome:
    """How one command ended."""

    arguments: tuple[str, ...]
    status: int
    """Its exit status; of a dead one the process's, negative for a signal."""
    stdout: str = ""
    stderr: str = ""
    bug: str = ""
    """The traceback of an exception that no user is meant to see."""
    dead: bool = False
    seconds: float = 0.0
    peak_bytes: int = 0
    """Of the process, which ran other commands before."""

    @property
    def is_clear(self) -> bool:
        """Whether it came to its end, with a result or an error, in letters that may be printed."""
        errors = [line for line in self.stderr.splitlines() if line.startswith("error: ")]
        shown = (self.stdout + self.stderr).replace("\n", "")
        ended = not (self.bug or self.dead) and (self.status == 0) == (not errors)
        return ended and not any(not each.isprintable() for each in shown)


def run_all(commands: Sequence[Sequence[str]]) -> list[Outcome]:
    """Run ``mixnet-bench`` with each of these arguments, one after the other."""
    found: list[Outcome] = []
    while len(found) < len(commands):
        found += _run(commands[len(found) :])
    return found


def _run(commands: Sequence[Sequence[str]]) -> list[Outcome]:
    """The outcomes until a command ends the process."""
    text = "".join(json.dumps(list(each)) + "\n" for each in commands)
    done = subprocess.run(
        [sys.executable, "-c", CODE], input=text, capture_output=True, text=True, check=False
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    found = [
        Outcome(tuple(each), **answer) for each, answer in zip(commands, answers, strict=False)
    ]
    if len(found) < len(commands):
        dead = tuple(commands[len(found)])
        found.append(Outcome(dead, done.returncode, stderr=done.stderr[-2000:], dead=True))
    return found
