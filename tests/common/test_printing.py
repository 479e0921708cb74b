"""What is printed passes through the console, where what steers a terminal is escaped.

Texts from files, phones and archives are tried at every function that prints, on a terminal too;
and no other module prints.
"""

import ast
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from mixnet_common import MixnetError
from mixnet_common.console import Command, confirm, print_json, print_lines, print_table, say, warn
from mixnet_common.progress import progress, progress_by_share, progress_lines, tracked

NAME = "a\x1b]0;x\x07b\u202ec\u2066d\u200ee\u2028f\u2029g\x85h\x9b2Ji\x7fj\rk\nl\u200b\ufeffm\udc80"
SHOWN = (
    r"a\x1b]0;x\x07b\u202ec\u2066d\u200ee\u2028f\u2029g\x85h\x9b2Ji\x7fj\rk\nl\u200b\ufeffm\udc80"
)

PRINTERS: dict[str, Callable[[], object]] = {
    "say": lambda: say(NAME, NAME),
    "warn": lambda: warn(NAME),
    "print_lines": lambda: print_lines(NAME, NAME),
    "table": lambda: print_table([NAME], [[NAME]], NAME, NAME),
    "caption": lambda: print_table(["a"], [["b"]], "", [NAME, NAME]),
    "confirm": lambda: confirm(NAME),
}

BARS: dict[str, Callable[[], object]] = {
    "progress": lambda: progress(NAME, 1).__enter__()(1),
    "by share": lambda: progress_by_share(NAME).__enter__()(1),
    "lines": lambda: progress_lines(NAME, [NAME]).__enter__()[NAME](1),
    "tracked": lambda: next(tracked([1], NAME)),
}


def called(function: Callable[[], object], text: str = "") -> str:
    """All that comes of a command that calls it, on both streams."""
    command = Command("command", callback=function)
    return CliRunner().invoke(command, input=text, color=True).output


@pytest.mark.parametrize("name", PRINTERS)
def test_whatever_prints_shows_what_would_steer_a_terminal(name: str) -> None:
    printed = called(PRINTERS[name], "n\n").replace("\n", "")
    assert SHOWN in printed.replace(" ", "")  # a caption is as wide as its table
    assert printed.isprintable()


@pytest.mark.parametrize("name", BARS)
def test_progress_shows_it_too(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "500")
    BARS[name]()
    drawn = capsys.readouterr().err
    assert SHOWN in drawn
    assert not any(each in drawn for each in "\x07\u202e\u2066\u200e\u2028\x85\x9b\x7f")
    assert "\x1b]" not in drawn


def test_several_lines_are_given_apart() -> None:
    assert called(lambda: say("a", "b")) == "a\nb\n"
    assert called(lambda: print_lines("a", "", "b")) == "a\n\nb\n"
    assert called(print_lines) == "\n"


def raises(error: BaseException) -> Callable[[], None]:
    def callback() -> None:
        raise error

    return callback


@pytest.mark.parametrize("error", [MixnetError(NAME, NAME), KeyboardInterrupt(NAME)], ids=repr)
def test_the_last_words_of_a_command_show_it(error: BaseException) -> None:
    lines = called(raises(error)).split("\n")
    assert any(SHOWN in each for each in lines)
    assert all(each.isprintable() for each in lines)


@pytest.mark.parametrize(
    "arguments",
    [[NAME], [f"--{NAME}"], ["--number", NAME], ["--file", NAME], ["--word", NAME]],
    ids=["surplus argument", "option", "number", "file", "word"],
)
def test_what_click_refuses_is_shown(arguments: list[str]) -> None:
    command = Command(
        "command",
        params=[
            click.Option(["--number"], type=int),
            click.Option(["--file"], type=click.Path(exists=True)),
            click.Option(["--word"], type=click.Choice(["a", "b"])),
        ],
    )
    result = CliRunner().invoke(command, arguments, color=True)
    assert result.exit_code == 2
    assert r"]0;x\x07b\u202ec" in result.stderr
    assert all(each.isprintable() for each in result.stderr.replace("\n", ""))


def test_bugs_and_pythons_warnings_show_it() -> None:
    program = (
        "import click, sys, warnings\n"
        "from mixnet_common.console import Command\n"
        f"def go(): warnings.warn({NAME!a}); raise ZeroDivisionError({NAME!a})\n"
        "Command('go', callback=go)([])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "ZeroDivisionError: a\\x1b]0;x\\x07b\\u202e" in done.stderr
    assert "UserWarning: a\\x1b]0;x\\x07b\\u202e" in done.stderr
    assert all(each.isprintable() for each in done.stderr.replace("\n", ""))


def test_warnings_are_still_caught_by_who_asks_for_them() -> None:
    called(lambda: None)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.warn(NAME, stacklevel=1)
    assert [str(each.message) for each in caught] == [NAME]


def test_json_is_exact_and_steers_nothing() -> None:
    printed = called(lambda: print_json([{NAME: NAME}]))
    assert printed.isascii()
    assert printed.replace("\n", "").isprintable()
    assert json.loads(printed)["targets"] == [{NAME: NAME}]


# Nothing else prints

PACKAGES = (
    "mixnet_common",
    "mixnet_networks",
    "mixnet_runtimes",
    "mixnet_quantize",
    "mixnet_export",
    "mixnet_android",
    "mixnet_bench",
)
PRINTING = {
    "mixnet_common/console.py": "the shared functions",
    "mixnet_common/progress.py": "bars of progress",
    "mixnet_common/errors.py": "errors, before click is imported",
    "mixnet_common/interrupts.py": "Ctrl-C, before anything is imported",
    "mixnet_common/own_functions.py": "what a function of the user's prints, to stderr",
    "mixnet_bench/studies/side_by_side.py": "one JSON document, in an environment without ours",
}
"""Modules that print by themselves, and what."""

PRINT = {"print", "input"}
WAYS = {
    "click": {"echo", "secho", "echo_via_pager", "prompt", "confirm", "progressbar", "pause"},
    "traceback": {"print_exc", "print_exception", "print_stack", "print_tb", "print_last"},
    "rich": {"print"},
    "sys": {"stdout", "stderr", "displayhook"},
    "pprint": {"pprint", "pp"},
}
"""What prints, or lets print, by the module that has it."""


def printing(tree: ast.Module) -> Iterator[str]:
    """What of a module prints past the console."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in PRINT:
            yield f"line {node.lineno}: {node.func.id}"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            known = WAYS.get(node.value.id, ())
            yield from [f"line {node.lineno}: {node.value.id}.{node.attr}"] * (node.attr in known)
        if isinstance(node, ast.ImportFrom) and node.module:
            module = node.module.partition(".")[0]
            for each in node.names:
                if module == "rich" or each.name in WAYS.get(module, ()):
                    yield f"line {node.lineno}: {node.module}.{each.name}"


def modules() -> Iterator[tuple[str, ast.Module]]:
    for package in PACKAGES:
        folder = Path(str(import_module(package).__file__)).parent
        for path in sorted(folder.rglob("*.py")):
            name = path.relative_to(folder.parent).as_posix()
            yield name, ast.parse(path.read_text(encoding="utf-8"))


def test_no_module_prints_past_the_console() -> None:
    found = {name: list(printing(tree)) for name, tree in modules()}
    assert len(found) > 100
    assert {name for name, ways in found.items() if ways} == set(PRINTING), {
        name: ways for name, ways in found.items() if ways and name not in PRINTING
    }


@pytest.mark.parametrize(
    "line",
    [
        "print(name)",
        "click.echo(name)",
        "from click import echo",
        "from rich.console import Console",
        "sys.stdout.write(name)",
        "traceback.print_exception(error)",
    ],
)
def test_what_prints_is_found(line: str) -> None:
    assert list(printing(ast.parse(line)))
