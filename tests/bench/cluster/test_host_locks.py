"""A timing is alone on its host, and a phone has one run at a time, across processes."""

import subprocess
import sys
from pathlib import Path

import pytest

from mixnet_bench.cluster.host_locks import ALONE, hold, phone_lock

if sys.platform == "win32":
    pytest.skip("no such locks on this system", allow_module_level=True)

HOLDER = (
    "import sys, time; from mixnet_bench.cluster.host_locks import hold\n"
    "with hold(sys.argv[1:]): print('held', flush=True); sys.stdin.read()"
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIXNET_HOME", str(tmp_path))


def holder(*names: str) -> "subprocess.Popen[str]":
    words = [sys.executable, "-c", HOLDER, *names]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def waits(process: "subprocess.Popen[str]") -> bool:
    """Whether it does not hold its locks, after a moment."""
    import select

    assert process.stdout is not None
    return not select.select([process.stdout], [], [], 3.0)[0]


def end(*processes: "subprocess.Popen[str]") -> None:
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ([], [], True),
        ([phone_lock("A")], [phone_lock("B:1")], True),
        ([phone_lock("A")], [phone_lock("A")], False),
        ([], [ALONE], False),
        ([ALONE], [], False),
        ([ALONE], [ALONE], False),
        ([phone_lock("A")], [ALONE], False),
    ],
)
def test_who_may_work_at_the_same_time(first: list[str], second: list[str], together: bool) -> None:
    with hold(first):
        other = holder(*second)
        assert waits(other) is not together
    if not together:
        assert not waits(other)
    end(other)


def test_who_waits_to_be_alone_is_not_passed_and_the_dead_hold_nothing() -> None:
    with hold([]):
        alone = holder(ALONE)
        late = holder()
        assert waits(alone)
        assert waits(late), "or a timing would never begin"
        end(alone)
        assert not waits(late)
        end(late)
