"""What goes to stdout, what to stderr, and with which exit status a command ends."""

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from mixnet_common import MixnetError, UsageError
from mixnet_common.console import (
    Group,
    json_option,
    output_option,
    print_json,
    print_table,
    say,
    warn,
)
from mixnet_common.progress import progress, tracked


@click.group(cls=Group)
def cli() -> None:
    pass


@cli.command()
def fail() -> None:
    raise MixnetError("it broke", "mend it")


@cli.command()
def misuse() -> None:
    raise UsageError("not like this")


@cli.command()
def crash() -> None:
    raise ZeroDivisionError


@cli.command()
@json_option
@output_option
def works(as_json: bool, directory: object) -> None:
    say(f"writing to {directory}")
    warn("beware")
    if as_json:
        print_json([{"name": "é", "macs": 1}])


@cli.group(cls=Group)
def inner() -> None:
    pass


@inner.command()
def broken() -> None:
    raise MixnetError("inner trouble")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def test_a_failed_job_tells_what_and_what_to_do_and_ends_with_1() -> None:
    result = run("fail")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "error: it broke\n  hint: mend it\n"


def test_a_wrong_request_ends_with_2_and_a_missing_hint_has_no_line() -> None:
    result = run("misuse")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "error: not like this\n"


def test_a_bug_keeps_its_traceback() -> None:
    assert isinstance(run("crash").exception, ZeroDivisionError)


def test_an_unknown_command_is_answered_with_the_nearest() -> None:
    result = run("wroks")

    assert result.exit_code == 2
    assert result.stderr == "error: unknown command 'wroks'\n  hint: did you mean works?\n"


def test_an_unknown_option_is_a_wrong_request() -> None:
    assert run("works", "--nope").exit_code == 2
    assert run("--nope").exit_code == 2


def test_a_group_within_a_group_reports_the_same_way() -> None:
    result = run("inner", "broken")

    assert (result.exit_code, result.stderr) == (1, "error: inner trouble\n")
    assert "hint: did you mean broken?" in run("inner", "borken").stderr


def test_help_is_given_without_a_command() -> None:
    assert "works" in run("--help").stdout


def test_words_and_warnings_go_to_stderr_and_json_alone_to_stdout() -> None:
    result = run("works", "--json", "-o", "there")

    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"format": 1, "targets": [{"name": "é", "macs": 1}]}
    assert result.stderr == "writing to there\nwarning: beware\n"


def test_no_document_has_a_nan_that_other_readers_refuse() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        print_json([{"median_ms": float("nan")}])


def test_a_table_in_a_pipe_is_as_wide_as_it_must_be(capsys: pytest.CaptureFixture[str]) -> None:
    long = "x" * 150
    print_table(["name", "macs"], [[long, "1"], ["[bold]:smile:[/]", "22"]], "Title", "caption")
    out = capsys.readouterr().out

    assert long in out
    assert "[bold]:smile:[/]" in out  # names are printed as they are
    lines = out.splitlines()
    assert (lines[0].strip(), lines[-1].strip()) == ("Title", "caption")
    assert "\x1b" not in out


def test_a_table_and_what_is_said_after_it_come_in_this_order() -> None:
    program = f"{RUN}def go(): print_table(['a'], [['b']]); say('after it'){RUN_END}"
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, check=True, env={**os.environ, "PYTHONUNBUFFERED": ""},
    )  # fmt: skip
    assert done.stdout.split() == ["a", "───", "b", "after", "it"]


def test_progress_is_silent_where_stderr_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with progress("counting", 3) as step:
        step()
        step(2)
    items = list(tracked([1, 2, 3], "items"))

    assert items == [1, 2, 3]
    assert capsys.readouterr() == ("", "")


def test_progress_is_shown_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    for _ in tracked([1, 2], "counting [this]"):
        pass
    captured = capsys.readouterr()

    assert captured.out == ""
    assert "counting [this]" in captured.err
    assert "2/2" in captured.err


RUN = (
    "import click; from mixnet_common.console import *; from mixnet_common.console import Group\n"
    "from mixnet_common.progress import progress\n"
)
RUN_END = "\nGroup('main', commands={'go': click.Command('go', callback=go)})(['go'])"

TABLE = RUN + "def go(): print_table(('\\xb1 \\xd7', 'b'), [('a', '1')])" + RUN_END


def print_table_to(stdout: Any, **environment: str) -> "subprocess.CompletedProcess[bytes]":
    """Run a command that prints ± and ×, which not every encoding has."""
    return subprocess.run(
        [sys.executable, "-c", TABLE],
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
        check=False,
    )


def test_what_a_streams_encoding_lacks_is_escaped() -> None:
    result = print_table_to(subprocess.PIPE, PYTHONIOENCODING="ascii")

    assert result.returncode == 0, result.stderr
    assert rb"\xb1 \xd7" in result.stdout


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux")
def test_output_that_finds_no_room_is_an_error_without_traceback() -> None:
    with open("/dev/full", "wb") as full:
        result = print_table_to(full)

    assert result.returncode == 1
    assert result.stderr.startswith(b"error: cannot write the output: ")
    assert b"Traceback" not in result.stderr


@pytest.mark.skipif(os.name == "nt", reason="needs a shell that closes streams")
def test_closed_streams_swallow_what_is_said() -> None:
    program = (
        f"{RUN}def go():\n"
        "    print_table(('a',), [('b',)]); say('c')\n"
        f"    with progress('d', 1) as step: step(){RUN_END}"
    )
    closed = f"{shlex.quote(sys.executable)} -c {shlex.quote(program)} >&- 2>&-"
    assert subprocess.run(["sh", "-c", closed], check=False).returncode == 0


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals to be caught")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_terminated_command_leaves_no_temporary_files(tmp_path: Path, name: str) -> None:
    program = (
        f"import os, signal\nfrom mixnet_common.temporary import temporary_folder\n{RUN}"
        "def go():\n"
        "    with temporary_folder() as folder:\n"
        "        (folder / 'model').write_text('x')\n"
        f"        os.kill(os.getpid(), signal.{name})\n"
        f"        signal.pause(){RUN_END}"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        check=False,
        timeout=60,
    )
    assert result.returncode == 128 + getattr(signal, name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGHUP")
def test_a_command_under_nohup_goes_on_when_its_terminal_is_closed() -> None:
    program = (
        f"import os, signal\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\n{RUN}"
        "def go():\n"
        "    os.kill(os.getpid(), signal.SIGHUP)\n"
        f"    print('went on'){RUN_END}"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert (result.returncode, result.stdout) == (0, "went on\n")


def test_an_interrupted_command_says_so_and_ends_with_130() -> None:
    @cli.command()
    def waits() -> None:
        raise KeyboardInterrupt("what is done is kept")

    result = run("waits")
    assert result.exit_code == 130
    assert result.stderr.strip() == "interrupted: what is done is kept"


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot send it to itself")
def test_an_interrupt_that_a_library_makes_another_exception_of_is_still_one() -> None:
    """Modules in C that are interrupted as they are loaded raise ImportErrors of their own."""
    program = (
        f"import os, signal\n{RUN}"
        "def go():\n"
        "    try:\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "        signal.pause()\n"
        "    except KeyboardInterrupt: pass\n"
        f"    raise ImportError('initialization failed'){RUN_END}"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert (result.returncode, result.stderr) == (130, "interrupted\n")


def test_what_the_system_refuses_is_an_error_without_traceback() -> None:
    @cli.command()
    def hungry() -> None:
        raise MemoryError("Unable to allocate 1 TiB")

    result = run("hungry")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: out of memory (Unable to allocate 1 TiB)\n  hint: ")
