"""Worker processes that die, hang, complain or are interrupted: a clear error, and no orphan."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mixnet_bench.timing import processes
from mixnet_bench.timing.processes import ProcessWorker, alive
from mixnet_common import MixnetError, UsageError


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


ECHO = python("import sys\nfor line in sys.stdin: print(line, end='', flush=True)")
DEAF = python("import time; time.sleep(600)")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "GRACE_S", 0.2)


def ended(pid: int) -> bool:
    """Whether the process is gone; a child must have been waited for."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_worker_answers_line_by_line() -> None:
    with alive(["a"], lambda name: ProcessWorker(name, ECHO)) as (worker,):
        assert worker.ask({"n": 1}, 10) == {"n": 1}
        assert worker.ask({"n": 2}, 10) == {"n": 2}


def test_a_worker_that_dies_is_named_with_its_last_words() -> None:
    worker = ProcessWorker(
        "a.tflite",
        python(
            "import sys; sys.stdin.readline()\n"
            "print('x\\nout of cheese', file=sys.stderr); sys.exit(3)"
        ),
    )
    with pytest.raises(MixnetError) as caught:
        worker.ask({"do": "load"}, 10)
    worker.end()
    words = "a.tflite: its process ended (exit status 3) while opening it: out of cheese"
    assert caught.value.message == words
    assert caught.value.hint


def test_a_worker_that_finds_no_thread_is_told_with_what_to_do() -> None:
    """OpenBLAS says why and interrupts its process, whose last line is another's."""
    worker = ProcessWorker(
        "a.tflite",
        python(
            "import sys; sys.stdin.readline()\n"
            "print('OpenBLAS: pthread_create failed\\nKeyboardInterrupt', file=sys.stderr)\n"
            "sys.exit(3)"
        ),
    )
    with pytest.raises(MixnetError) as caught:
        worker.ask({}, 10)
    worker.end()
    assert caught.value.message == (
        "a.tflite: its process could start no thread (exit status 3) while waiting for it: "
        "OpenBLAS: pthread_create failed"
    )
    assert "ulimit -u" in caught.value.hint


def test_a_worker_without_a_thread_to_read_it_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", refuse)
    started = []
    popen = subprocess.Popen

    def start(*arguments: object, **options: object) -> object:
        started.append(popen(*arguments, **options))  # type: ignore[call-overload]
        return started[-1]

    monkeypatch.setattr("subprocess.Popen", start)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        ProcessWorker("a.tflite", DEAF)
    assert [each.returncode is not None for each in started] == [True]


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_a_worker_that_crashes_is_named_with_its_signal() -> None:
    worker = ProcessWorker("a", python("import os; input(); os.abort()"))
    with pytest.raises(MixnetError, match=r"a: its process crashed \(SIGABRT\) while running it"):
        worker.ask({"do": "run"}, 10)
    worker.end()


def test_a_worker_that_was_dead_before_it_was_asked_is_an_error_too() -> None:
    worker = ProcessWorker("a", python("raise SystemExit('gone')"))
    time.sleep(0.3)
    for _ in range(2):
        with pytest.raises(MixnetError, match=r"a: its process ended \(exit status 1\) .*: gone"):
            worker.ask({"fill": "x" * 100_000}, 10)
    worker.end()


def test_a_worker_that_hangs_is_given_up_and_killed() -> None:
    worker = ProcessWorker("a.onnx", DEAF)
    with pytest.raises(MixnetError, match=r"a\.onnx: no answer in 0\.1 s"):
        worker.ask({}, 0.1)
    worker.end()
    assert ended(worker.pid)


def test_an_error_that_a_worker_reports_keeps_its_hint_and_its_status() -> None:
    with alive(["a"], lambda name: ProcessWorker(name, ECHO)) as (worker,):
        with pytest.raises(UsageError) as wrong:
            worker.ask({"error": "wrong", "hint": "try", "exit_status": 2}, 10)
        with pytest.raises(MixnetError) as failed:
            worker.ask({"error": "failed", "hint": "", "exit_status": 1}, 10)
    assert (wrong.value.message, wrong.value.hint) == ("wrong", "try")
    assert failed.value.exit_status == 1


def test_an_answer_that_is_no_json_is_an_error() -> None:
    with (
        alive(["a"], lambda name: ProcessWorker(name, python("input(); print('hm')"))) as (worker,),
        pytest.raises(MixnetError, match="a: its process answered"),
    ):
        worker.ask({}, 10)


def test_the_others_are_ended_when_one_dies() -> None:
    commands = {"good": ECHO, "bad": python("input()"), "deaf": DEAF}
    started: list[ProcessWorker] = []

    def start(name: str) -> ProcessWorker:
        started.append(ProcessWorker(name, commands[name]))
        return started[-1]

    with pytest.raises(MixnetError, match="bad"), alive(list(commands), start) as workers:
        workers[1].ask({}, 10)
    assert [ended(worker.pid) for worker in started] == [True, True, True]


def test_ending_twice_does_nothing() -> None:
    worker = ProcessWorker("a", ECHO)
    worker.end()
    worker.end()
    assert ended(worker.pid)


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is a signal only on POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_worker_outlives_a_parent_that_is_ended(
    number: signal.Signals, tiny_onnx: Path, tmp_path: Path
) -> None:
    notes = tmp_path / "pids"
    code = (
        "import sys\n"
        "from mixnet_bench.timing import latency, processes\n"
        "from pathlib import Path\n"
        "def start(name):\n"
        "    worker = processes.ProcessWorker(name)\n"
        f"    open({str(notes)!r}, 'a').write(f'{{worker.pid}}\\n')\n"
        "    return worker\n"
        f"path = Path({str(tiny_onnx)!r})\n"
        "plan = latency.Plan((path, path), min_time_s=600)\n"
        "latency.measure(plan, start, lambda done: done and print(done, flush=True))\n"
    )
    parent = subprocess.Popen(
        python(code), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )
    assert parent.stdout is not None
    assert parent.stdout.readline()  # both workers run by now
    parent.send_signal(number)
    parent.stdout.close()
    parent.wait(10)
    pids = [int(line) for line in notes.read_text().split()]
    assert len(pids) == 2
    deadline = time.monotonic() + 10
    while not all(map(_gone_or_zombie, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert all(map(_gone_or_zombie, pids))


def _gone_or_zombie(pid: int) -> bool:
    # An orphan is the init process's to wait for, which may take its time.
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return ended(pid)
