"""Runtimes that die, hang, take all memory or complain in a child: one clear error, no orphan."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_models import conv_onnx, conv_tflite, write_onnx

from mixnet_common import MixnetError, UsageError
from mixnet_runtimes import child
from mixnet_runtimes.child import CrashError, Limits, Question
from mixnet_runtimes.probing import Use, ask_partitions, check_runs

posix = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")

STAGE = """print('{"doing": "opening", "runtime": "LiteRT 9.9"}', flush=True)"""


def ask(code: str, timeout_s: float = 60.0) -> dict[str, object]:
    """What a child of this code answers about m.tflite."""
    limits = Limits(timeout_s, 4 << 30)
    return child.ask("a:b", Path("m.tflite"), {}, limits, (sys.executable, "-c", code))


def test_an_answer_is_the_last_line_and_what_a_runtime_prints_between_does_no_harm() -> None:
    code = f"{STAGE}\nprint('hello')\nprint('[1]')\nprint('{{\"answer\": {{\"n\": 1}}}}')"
    assert ask(code) == {"n": 1}


@posix
@pytest.mark.parametrize(
    ("end", "words"),
    [
        ("os.kill(os.getpid(), 11)", "LiteRT 9.9 crashed (SIGSEGV) while opening m.tflite"),
        ("os.abort()", "LiteRT 9.9 crashed (SIGABRT) while opening m.tflite"),
        ("os.kill(os.getpid(), 9)", "LiteRT 9.9 was killed (SIGKILL) while opening m.tflite"),
        ("os._exit(3)", "LiteRT 9.9 ended (exit status 3) while opening m.tflite"),
        (
            "print('last words', file=sys.stderr); print('INFO: x', file=sys.stderr); sys.exit(3)",
            "LiteRT 9.9 ended (exit status 3) while opening m.tflite: last words",
        ),
        (
            "print('what():  std::bad_alloc', file=sys.stderr, flush=True); os.abort()",
            "LiteRT 9.9 ran out of memory (SIGABRT) while opening m.tflite: what():  std::bad_"
            "alloc",
        ),
    ],
)
def test_a_child_that_dies_is_told_with_its_runtime_and_its_signal(end: str, words: str) -> None:
    with pytest.raises(CrashError) as error:
        ask(f"import os, sys\n{STAGE}\n{end}")
    assert error.value.message == words
    assert error.value.exit_status == 1
    assert error.value.hint


@posix
def test_a_child_that_dies_at_once_is_an_error_too() -> None:
    with pytest.raises(CrashError, match=r"Its runtime crashed \(SIGABRT\) while opening m"):
        ask("import os; os.abort()")


def test_a_child_that_hangs_is_ended() -> None:
    question = Question(
        "a:b", Path("m.tflite"), {}, Limits(1.0, 4 << 30),
        (sys.executable, "-c", f"{STAGE}\nimport time; time.sleep(600)"),
    )  # fmt: skip
    with pytest.raises(CrashError, match=r"LiteRT 9\.9 did not answer within 1 s while opening m"):
        question.answer()
    with pytest.raises(ProcessLookupError):
        os.kill(question.pid, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_a_child_that_hangs_ends_with_its_parent() -> None:
    hang = (
        "import sys, time, types\n"
        "sys.modules['hang'] = module = types.ModuleType('hang')\n"
        "module.up = lambda request, tell: time.sleep(600)\n"
        "from mixnet_runtimes.child_process import main\n"
        "main()\n"
    )
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from mixnet_runtimes.child import Question, limits_for\n"
        f"command = (sys.executable, '-c', {hang!r})\n"
        "question = Question('hang:up', Path('m'), {}, limits_for(Path('m')), command)\n"
        "time.sleep(2)\n"
        "print(question.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    os.kill(pid, 0)
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}/stat").exists() and time.monotonic() < deadline:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").split()[2]
        if state == "Z":  # ended, and nobody asks for its status
            return
        time.sleep(0.05)
    assert time.monotonic() < deadline


def test_what_a_child_reports_keeps_its_hint_and_its_status() -> None:
    with pytest.raises(UsageError) as wrong:
        ask("""print('{"error": "wrong", "hint": "try", "exit_status": 2}')""")
    with pytest.raises(MixnetError) as failed:
        ask("""print('{"error": "failed"}')""")
    assert (wrong.value.message, wrong.value.hint) == ("wrong", "try")
    assert (failed.value.message, failed.value.exit_status) == ("failed", 1)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds the address space")
def test_a_child_has_no_more_memory_than_it_is_given(tmp_path: Path) -> None:
    path = conv_tflite(tmp_path / "m.tflite")
    for memory_bytes in (60 << 20, 4 << 30):
        question = Question(
            "mixnet_runtimes.probing_child:partitions", path, Use(path).to_json(),
            Limits(60, memory_bytes),
        )  # fmt: skip
        if memory_bytes < 1 << 30:
            with pytest.raises(MixnetError):
                question.answer()
        else:
            assert question.answer()["partitions"] == 1


def test_the_limits_grow_with_the_file_and_never_beyond_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(b"x")
    monkeypatch.setattr(child, "memory_of_machine", lambda: 16 << 30)
    assert child.limits_for(path).memory_bytes == 8 << 30
    os.truncate(path, 3 << 30)
    assert child.limits_for(path).memory_bytes == 13 << 30
    assert child.limits_for(path).timeout_s > 300
    os.truncate(path, 9 << 30)
    assert child.limits_for(path).memory_bytes == 16 << 30
    assert child.limits_for(tmp_path / "none").memory_bytes == 8 << 30


@pytest.mark.parametrize(("suffix", "write"), [("tflite", conv_tflite), ("onnx", conv_onnx)])
def test_sound_files_run_in_their_child(
    tmp_path: Path, suffix: str, write: Callable[[Path], Path]
) -> None:
    check_runs([Use(write(tmp_path / f"{name}.{suffix}")) for name in ("a", "b")])


def test_a_file_that_ran_once_is_not_run_again_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []

    class Counting(Question):
        def __init__(self, question: str, path: Path, *rest: object) -> None:
            started.append(path.name)
            super().__init__(question, path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(child, "Question", Counting)
    path = conv_onnx(tmp_path / "m.onnx")
    check_runs([Use(path), Use(path)])
    check_runs([Use(path)])
    assert started == ["m.onnx"]
    conv_onnx(path, batch=2)
    check_runs([Use(path)])
    assert started == ["m.onnx", "m.onnx"]


def test_a_file_that_its_runtime_refuses_is_named_once(tmp_path: Path) -> None:
    from onnx import helper

    node = helper.make_node("Fly", ["x"], ["y"], domain="sky")
    path = write_onnx(tmp_path / "m.onnx", [node], {"x": (1, 4)}, {"y": (1, 4)}, domains=["sky"])
    with pytest.raises(MixnetError, match=r"onnxruntime .* cannot open .*m\.onnx"):
        check_runs([Use(path)])


def test_a_missing_file_is_told_as_by_any_command(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no file"):
        check_runs([Use(tmp_path / "none.tflite")])
    assert ask_partitions(Use(tmp_path / "none.tflite")).partitions is None
