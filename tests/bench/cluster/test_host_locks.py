"""A timing is alone on its host, and a phone has one run at a time, across processes."""

import select
import subprocess
import sys
from pathlib import Path

import pytest

from mixnet_bench.cluster.host_locks import ALONE, hold, phone_lock

if sys.platform == "win32":
    pytest.skip("no such locks on this system", allow_module_level=True)

HOLDER = (
    "import sys; from mixnet_bench.cluster.host_locks import hold\n"
    "print('started', flush=True)\n"
    "with hold(sys.argv[1:]): print('held', flush=True); sys.stdin.read()"
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIXNET_HOME", str(tmp_path))


def holder(*names: str) -> "subprocess.Popen[bytes]":
    """A process that has begun to ask for locks."""
    words = [sys.executable, "-c", HOLDER, *names]
    started = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    assert started.stdout is not None
    assert started.stdout.readline() == b"started\n"
    return started


def holds(process: "subprocess.Popen[bytes]", wait_s: float) -> bool:
    """Whether it has its locks within a time."""
    assert process.stdout is not None
    return bool(select.select([process.stdout], [], [], wait_s)[0])


def end(*processes: "subprocess.Popen[bytes]") -> None:
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
        assert holds(other, 60 if together else 0.5) is together
    assert holds(other, 60)
    end(other)


def test_who_waits_to_be_alone_is_not_passed_and_the_dead_hold_nothing() -> None:
    with hold([]):
        alone = holder(ALONE)
        assert not holds(alone, 0.5)
        late = holder()
        assert not holds(late, 0.5), "or a timing would never begin"
        assert not holds(alone, 0)
        end(alone)
        assert holds(late, 60)
        end(late)


def test_hosts_that_share_a_home_do_not_wait_for_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hold([ALONE]):
        monkeypatch.setattr("socket.gethostname", lambda: "../another")
        with hold([ALONE]):
            assert len(list((tmp_path / "locks").iterdir())) == 2
