"""The output of both commands: data to stdout, progress and messages to stderr, two-line errors.

Everything that is printed passes through here; escape sequences and direction marks in names or in
a phone's answers are made visible (see ``printable``). A text is one line; several lines are
several texts.
"""

import json
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn

import click

from mixnet_common.errors import MixnetError, UsageError, nearest, print_error
from mixnet_common.interrupts import end_interrupted, unwind_when_interrupted, was_interrupted
from mixnet_common.printable import printable
from mixnet_common.system_faults import user_error
from mixnet_common.terminal import columns_of, fitting

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
"""Click's settings for both commands."""

FORMAT = 1
"""Version of the JSON documents; its history stands in docs/json.md."""


Lines = str | Sequence[str]
"""One line of text, or several."""


def _prepare_streams() -> None:
    """Let any text be printed anywhere.

    A stream that was closed becomes one that swallows everything; were its number left free, the
    next file to be opened would get it, and whatever a native library prints. Characters that a
    stream's encoding lacks are escaped: a Windows pipe has no ×, and ASCII no ±.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif hasattr(getattr(sys, name), "reconfigure"):
            getattr(sys, name).reconfigure(errors="backslashreplace")


def _prepare_last_words() -> None:
    """Let tracebacks and Python's warnings be printed: they quote whatever was worked on."""
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = lambda kind, error, trace: print_bug(error)
    plain = warnings.formatwarning
    if not hasattr(plain, "__wrapped__"):

        @wraps(plain)
        def format_printable(*args: Any, **kwargs: Any) -> str:
            return printable(plain(*args, **kwargs), keep="\n")

        warnings.formatwarning = format_printable


def _end_tidily_when_terminated() -> None:
    """Let SIGTERM unwind as Ctrl-C does, so that temporary files go and workers end.

    So does SIGHUP, of a terminal that is closed. What nohup ignores stays ignored.
    """

    def end(number: int, frame: object) -> NoReturn:
        sys.exit(128 + number)

    if not _is_main_thread():
        return
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, end)


def _is_main_thread() -> bool:
    """Only the main thread may set what a signal does."""
    return threading.current_thread() is threading.main_thread()


class Command(click.Command):
    """A click command that turns MixnetError into a message, a hint and an exit status."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command line. Reports our own errors and the system's; the rest is a bug."""
        _prepare_streams()
        _prepare_last_words()
        _end_tidily_when_terminated()
        unwind_when_interrupted()
        try:
            status = super().main(*args, **{**kwargs, "standalone_mode": False})
        except click.ClickException as error:
            _show(error)
            status = error.exit_code
        except click.Abort as error:  # click makes it of an interrupt, and of EOFError
            if not isinstance(error.__cause__, KeyboardInterrupt):
                raise
            end_interrupted(str(error.__cause__))
        except Exception as error:
            if was_interrupted():  # native code makes another exception of it
                end_interrupted()
            found = user_error(error)
            if found is None:
                raise
            if verbosity.is_verbose:
                print_bug(error)
            report_error(found)
        sys.exit(status if isinstance(status, int) else 0)


def _show(error: click.ClickException) -> None:
    """Print click's errors on a command line in the form of all other errors."""
    message = " ".join(error.format_message().split()).rstrip(".")
    context = getattr(error, "ctx", None)
    hint = f"{context.command_path} --help lists all options" if context else ""
    print_error(MixnetError(message[:1].lower() + message[1:], hint))


class Group(Command, click.Group):
    """The same for a command with subcommands; a program's own has ``--quiet``, ``--verbose``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += _volume()

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the subcommand; an unknown one is answered with the nearest known."""
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            raise UsageError(
                f"unknown command {args[0]!r}", nearest(args[0], self.list_commands(ctx))
            )
        return super().resolve_command(ctx, args)


def example(*lines: str) -> str:
    """A help text's last paragraph: commands that work as they stand. Click keeps its lines."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)


def report_error(error: MixnetError) -> NoReturn:
    """Print the error and its hint to stderr and leave with its exit status."""
    print_error(error)
    sys.exit(error.exit_status)


def say(*lines: str) -> None:
    """Tell the user something that is not data, on stderr; nothing with ``--quiet``."""
    if not verbosity.is_quiet:
        _tell(*lines)


def warn(message: str) -> None:
    """Tell the user of something that may spoil a result."""
    _tell(f"warning: {message}")


def _tell(*lines: str) -> None:
    """Print lines to stderr; on a terminal they break between words."""
    click.echo("\n".join(fitting(map(printable, lines), sys.stderr)), err=True)


@dataclass
class Verbosity:
    """Verbosity of the output."""

    is_quiet: bool = False
    is_verbose: bool = False


verbosity = Verbosity()


def _set_quiet(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    verbosity.is_quiet = value


def _set_verbose(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    verbosity.is_verbose = value


def _volume() -> list[click.Parameter]:
    """The options of both programs that say how much is told."""
    return [
        click.Option(
            ["-q", "--quiet"],
            is_flag=True,
            expose_value=False,
            callback=_set_quiet,
            help="Print only results, warnings and errors.",
        ),
        click.Option(
            ["-v", "--verbose"],
            is_flag=True,
            expose_value=False,
            callback=_set_verbose,
            help="Print the traceback of errors.",
        ),
    ]


def print_lines(*lines: str) -> None:
    """Print lines of data to stdout; without any, an empty one."""
    click.echo(_joined(lines))


def print_bug(error: BaseException) -> None:
    """Print an error's traceback to stderr."""
    import traceback

    for each in traceback.format_exception(error):
        click.echo(_joined(each.rstrip("\n").split("\n")), err=True)


def confirm(question: str) -> bool:
    """Ask a question on stderr; whether it was answered with yes."""
    return click.confirm(printable(question), default=False, err=True)


def _joined(lines: Lines) -> str:
    """Lines in printed form."""
    return "\n".join(map(printable, [lines] if isinstance(lines, str) else lines))


def json_text(targets: Sequence[Any]) -> str:
    """The JSON document that ``--json`` prints: a format version and one entry a target.

    It is ASCII: every other character is escaped, so that it is exact, and steers no terminal.
    A target is a record of a result, or is JSON values already.
    """
    from mixnet_common.result import encode

    found = [encode(each) for each in targets]
    return json.dumps({"format": FORMAT, "targets": found}, indent=2, allow_nan=False)


def print_json(targets: Sequence[Any]) -> None:
    """Print ``json_text`` to stdout, and nothing else."""
    click.echo(json_text(targets))


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    title: str = "",
    caption: Lines = "",
    *,
    left: int = 1,
    drop: Sequence[str] = (),
) -> None:
    """Print a table to stdout: text to the left in the first ``left`` columns, else right.

    A pipe or a file gets as much width as the table needs. On a terminal that is narrower, the
    columns of ``drop`` are left out, the first first, until it fits; where it still does not, every
    row becomes a few lines. No name, number or verdict is broken.
    """
    from mixnet_common.tables import Table, fitted

    table = Table(
        tuple(map(printable, columns)), tuple(tuple(map(printable, row)) for row in rows), left
    )
    width = columns_of(sys.stdout)
    lines, dropped = fitted(table, width, tuple(drop))
    notes = [caption] if isinstance(caption, str) else [*caption]
    if dropped:
        notes.append(f"not shown at {width} columns: {', '.join(dropped)}")
    above = [printable(title)] if title else []
    below = [line for note in filter(None, notes) for line in _folded(printable(note), width)]
    print("\n".join([*above, "", *lines, "", *below]), flush=True)  # before what goes to stderr


def print_sentences(*sentences: str) -> None:
    """Print sentences of data to stdout, on a terminal with breaks between words only."""
    width = columns_of(sys.stdout)
    print_lines(*(line for each in sentences for line in _folded(printable(each), width)))


def _folded(text: str, width: int | None) -> list[str]:
    """A sentence as lines that break between words; whole where there is no width."""
    from mixnet_common.tables import folded

    return [text] if width is None else folded(text, width)


json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print the result as one JSON document."
)

allow_emulated_option = click.option(
    "--allow-emulated", is_flag=True, help="Accept an emulator as a phone; results are labelled."
)

output_option = click.option(
    "-o",
    "--output",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("."),
    show_default="the current directory",
    help="Output directory; created if it does not exist.",
)
