"""Pinning where it exists and where it does not."""

import os

import pytest

from mixnet_bench.machine.affinity import can_pin, check_cpus, current_cpus, pin
from mixnet_common import UsageError

linux_only = pytest.mark.skipif(not can_pin(), reason="it works on Linux only")


def test_a_system_that_cannot_pin_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert current_cpus() is None
    with pytest.raises(UsageError, match="operating system"):
        check_cpus((0,))


@linux_only
def test_a_cpu_that_is_not_there_is_named_beside_those_that_are() -> None:
    with pytest.raises(UsageError, match="99999") as caught:
        check_cpus((99999,))
    assert "available" in caught.value.hint


@linux_only
def test_pinning_is_read_back() -> None:
    before = current_cpus()
    assert before is not None
    try:
        pin(before[:1])
        assert current_cpus() == before[:1]
    finally:
        pin_back = set(before)
        os.sched_setaffinity(0, pin_back)
