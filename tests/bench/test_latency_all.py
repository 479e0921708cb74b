"""Several phones at once: one that fails does not disturb the others, and nothing is lost."""

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from mixnet_android.adb import Adb, Phone
from mixnet_bench import latency_all
from mixnet_bench.latency import Plan
from mixnet_bench.latency_adb import Report, Wishes
from mixnet_common import MixnetError

PLAN = Plan(paths=())
PHONES = [Phone(Adb(Path("adb")), serial) for serial in ("a", "b", "c")]


def test_phones_are_measured_at_the_same_time_and_told_in_order(tmp_path: Path) -> None:
    together = threading.Barrier(3, timeout=10)

    def measure(phone: Phone, plan: Plan, wishes: Wishes, report: Report) -> list[dict[str, Any]]:
        together.wait()
        report(0.5)
        return [{"name": "m", "target": f"adb:{phone.serial}"}]

    output = tmp_path / "all.json"
    targets, failed = latency_all.measure_all(PHONES, PLAN, Wishes(), output, measure)
    assert [each["target"] for each in targets] == ["adb:a", "adb:b", "adb:c"]
    assert failed == []
    assert json.loads(output.read_text())["targets"] == targets


def test_one_that_fails_does_not_disturb_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(phone: Phone, plan: Plan, wishes: Wishes, report: Report) -> list[dict[str, Any]]:
        if phone.serial == "b":
            raise MixnetError("it burns", "put it out")
        return [{"name": "m", "target": f"adb:{phone.serial}"}]

    output = tmp_path / "all.json"
    targets, failed = latency_all.measure_all(PHONES, PLAN, Wishes(), output, measure)
    assert [each["target"] for each in targets] == ["adb:a", "adb:c"]
    assert failed == ["b"]
    assert "b: it burns (put it out)" in capsys.readouterr().err
    assert len(json.loads(output.read_text())["targets"]) == 2


def test_an_interruption_ends_the_work_on_every_phone_tidily() -> None:
    tidied: list[str] = []
    together = threading.Barrier(3, timeout=30)

    def measure(phone: Phone, plan: Plan, wishes: Wishes, report: Report) -> list[dict[str, Any]]:
        together.wait()
        if phone.serial == "a":
            raise KeyboardInterrupt
        try:
            for _ in range(1000):
                report(0.1)
                time.sleep(0.01)
        finally:
            tidied.append(phone.serial)
        return []

    with pytest.raises(KeyboardInterrupt):
        latency_all.measure_all(PHONES, PLAN, Wishes(), None, measure)
    assert sorted(tidied) == ["b", "c"]
