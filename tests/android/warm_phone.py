"""A phone that stays warm, for tests of what is said of such a start."""

from collections.abc import Callable
from typing import Any

import pytest

from mixnet_android.adb import Phone
from mixnet_android.phone.conditions import Cooled
from mixnet_android.runs import detached
from mixnet_bench.phones import steps


def stays_warm(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let the wait to cool end at once, in vain; the list gets the runs that are there then."""
    seen: list[str] = []

    def hot(read: Callable[[], Any], **options: Any) -> Cooled:
        seen.extend(["looked", *detached.run_names(phone)])
        return Cooled(read(), 600.0, False)

    monkeypatch.setattr(steps, "wait_until_cool", hot)
    return seen
