"""A function of the user's own, named on a command line as ``FILE.py:function``.

The file is run as Python runs a module, in this process and with its permissions: it is the user's
own code. Exceptions are reported with file and line, and its output goes to stderr, so that stdout
has only the command's own output.
"""

import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from mixnet_common.errors import MixnetError, UsageError, nearest
from mixnet_common.hashing import sha256
from mixnet_common.readers import is_file, missing_file, read_text, show

MARK = ".py:"


@dataclass(frozen=True)
class OwnFunction:
    """A function, or anything else that can be called, and the file that it is from."""

    call: Callable[..., Any]
    name: str
    path: Path
    sha256: str
    """Hash of the file, which may import others."""

    def __call__(self, *arguments: Any) -> Any:
        """Call it; its output goes to stderr."""
        with redirect_stdout(sys.stderr):
            return self.call(*arguments)


def names_own_function(text: str) -> bool:
    """Whether a text names a function in a file.

    >>> names_own_function("score.py:accuracy"), names_own_function("macs")
    (True, False)
    """
    return MARK in text or text.endswith(MARK[:-1])


def own_function(text: str, option: str) -> OwnFunction:
    """The function that ``FILE.py:function`` names.

    Raises UsageError if there is none, MixnetError if the file fails; both begin with
    ``option``.
    """
    path, name = _parts(text, option)
    if not is_file(path):
        raise missing_file(path)
    source = read_text(path)
    module = _run(path, source, option)
    found = getattr(module, name, None)
    if found is None:
        known = [each for each in vars(module) if callable(getattr(module, each))]
        known = [each for each in known if not each.startswith("_")]
        hint = nearest(name, known) if known else "it defines no function"
        raise UsageError(f"{option} {text}: {show(path)} has no {name}", hint)
    if not callable(found):
        raise UsageError(
            f"{option} {text}: {name} is {_a(type(found).__name__)}, and cannot be called",
            f"define a function: def {name}(…): …",
        )
    return OwnFunction(found, name, path, sha256(source))


def _parts(text: str, option: str) -> tuple[Path, str]:
    file, mark, name = text.rpartition(MARK)
    if not mark or not file or not name.isidentifier():
        raise UsageError(
            f"{option} {text} does not name a function", f"write it as {option} FILE.py:function"
        )
    return Path(file + MARK[:-1]), name


def _run(path: Path, source: str, option: str) -> ModuleType:
    """The module, with its folder among those that it may import from."""
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    sys.modules.setdefault(path.stem, module)  # dataclasses and pickle look there
    folder = str(path.absolute().parent)
    if folder not in sys.path:
        sys.path.append(folder)
    with reported(f"{option}: {show(path)}", path, f"try it alone: python {show(path)}"):
        code = compile(source, str(path), "exec")
        with redirect_stdout(sys.stderr):
            exec(code, vars(module))
    return module


@contextmanager
def reported(what: str, path: Path, hint: str) -> Iterator[None]:
    """Make a MixnetError of whatever the user's code at ``path`` raises, but for an interrupt."""
    try:
        yield
    except (Exception, SystemExit) as error:
        raise MixnetError(f"{what} raised {in_words(error, path)}", hint) from error


def in_words(error: BaseException, path: Path) -> str:
    """An exception with its kind and message, and the last line of the file that it came through.

    >>> in_words(ValueError("no data"), Path("score.py"))
    'ValueError: no data'
    """
    text = " ".join(str(error).split())[:300]
    words = f"{type(error).__name__}{text and f': {text}'}"
    if isinstance(error, SyntaxError):
        return words  # which names the line
    lines = [
        each for each in traceback.extract_tb(error.__traceback__) if each.filename == str(path)
    ]
    return f"{words} (line {lines[-1].lineno} of {show(path)})" if lines else words


def _a(word: str) -> str:
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"
