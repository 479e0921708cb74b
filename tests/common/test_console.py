"""What goes to stdout, what to stderr, and with which exit status a command ends."""

import json
import sys

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
    progress,
    say,
    tracked,
    warn,
)


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
    assert result.stderr == "error: no command 'wroks'\n  hint: did you mean works?\n"


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
