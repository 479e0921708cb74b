"""Functions of the user's own, by ``FILE.py:function``."""

from pathlib import Path

import pytest

from mixnet_common import MixnetError, UsageError
from mixnet_common.own_functions import own_function, reported


def write(folder: Path, text: str, name: str = "score.py") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def test_a_function_is_found_and_called(tmp_path: Path) -> None:
    file = write(tmp_path, "FACTOR = 2\ndef double(x):\n    return FACTOR * x\n")
    found = own_function(f"{file}:double", "--score")
    assert found(21) == 42
    assert found.name == "double"
    assert len(found.sha256) == 64


def test_anything_that_can_be_called_will_do(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "from dataclasses import dataclass\n"
        "@dataclass\nclass Score:\n    by: int\n    def __call__(self, x): return x + self.by\n"
        "plus = Score(3)\n",
    )
    assert own_function(f"{file}:plus", "--score")(4) == 7


def test_a_file_may_import_what_lies_beside_it(tmp_path: Path) -> None:
    write(tmp_path, "VALUE = 5\n", "beside_the_score.py")
    file = write(tmp_path, "from beside_the_score import VALUE\ndef f(): return VALUE\n")
    assert own_function(f"{file}:f", "--score")() == 5


def test_what_it_prints_goes_to_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path, "print('loading')\ndef f(): print('working')\n")
    own_function(f"{file}:f", "--score")()
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "loading\nworking\n"


@pytest.mark.parametrize(
    ("text", "words", "hint"),
    [
        ("score.py", "does not name a function", "write it as --score FILE.py:function"),
        ("score.py:", "does not name a function", "write it as"),
        ("score.py:a b", "does not name a function", "write it as"),
        ("absent.py:f", "no file", ""),
        (".:f", "does not name a function", "write it as"),
    ],
)
def test_what_names_no_function_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, words: str, hint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        own_function(text, "--score")
    assert words in caught.value.message
    assert hint in caught.value.hint


def test_an_unknown_function_is_answered_with_the_nearest(tmp_path: Path) -> None:
    file = write(tmp_path, "def accuracy(x): return 1\n")
    with pytest.raises(UsageError) as caught:
        own_function(f"{file}:acuracy", "--score")
    assert caught.value.hint == "did you mean accuracy?"


def test_what_cannot_be_called_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path, "accuracy = 0.5\n")
    with pytest.raises(UsageError, match="accuracy is a float, and cannot be called"):
        own_function(f"{file}:accuracy", "--score")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def f(:\n", "raised SyntaxError"),
        ("import nothing_of_this_name\n", r"ModuleNotFoundError: .* \(line 1 of .*score\.py\)"),
        ("x = 1\nx / 0\n", r"ZeroDivisionError: division by zero \(line 2 of"),
        ("import sys\nsys.exit(3)\n", r"SystemExit: 3 \(line 2 of"),
    ],
)
def test_a_file_that_fails_is_reported_with_its_line(
    tmp_path: Path, source: str, words: str
) -> None:
    file = write(tmp_path, source)
    with pytest.raises(MixnetError, match=words) as caught:
        own_function(f"{file}:f", "--score")
    assert caught.value.message.startswith("--score: ")


def test_an_interrupt_is_none_of_the_functions_errors(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), reported("it", tmp_path, ""):
        raise KeyboardInterrupt
