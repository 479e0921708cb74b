"""Several phones at once: one that fails does not disturb the others, and nothing is lost."""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mixnet_android.adb import Adb, Phone
from mixnet_bench.phones import every_phone as latency_all
from mixnet_bench.phones.one_phone import Keep, Report
from mixnet_bench.phones.saved import SavedPhones
from mixnet_bench.phones.steps import PhoneOptions
from mixnet_bench.results.latency import ComparisonResult, LatencyResult
from mixnet_bench.results.phones import PhoneLatencyResult
from mixnet_bench.timing.host import NO_COMPARISON, Comparer
from mixnet_bench.timing.latency import Plan
from mixnet_common import MixnetError, UsageError
from mixnet_common.console import json_text
from mixnet_common.result import decode

PLAIN = PhoneOptions()
PHONES = [Phone(Adb(Path("adb")), serial) for serial in ("a", "b", "c")]
CLUSTERS = [
    {"cpus": cpus, "current_khz": khz, "limit_khz": khz, "max_khz": khz, "governor": None,
     "capacity": None}
    for cpus, khz in (([0, 1], 1_800_000), ([2, 3], 2_400_000))
]  # fmt: skip


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    model = tmp_path / "m.tflite"
    model.write_bytes(b"m")
    return Plan((model,))


def result(
    serial: str, plan: Plan, phone_options: PhoneOptions = PLAIN, **more: Any
) -> dict[str, Any]:
    """What a phone's measurement by this plan is saved as, the least of it."""
    (path,) = plan.paths
    keys = ("threads", "launches", "min_count", "min_time_s", "warmup", "seed", "burst_ms")
    pin = {None: None, "big": [2, 3], "0-1": [0, 1]}[phone_options.pin]
    return {
        "name": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "target": f"adb:{serial}",
        "verdict": "valid",
        "size_bytes": 1,
        "samples_ms": [1.0],
        "launches": [{"count": 1, "load_ms": 0.5}],
        "median_ms": 1.0,
        "median_ms_interval": [0.9, 1.1],
        "p90_ms": 1.2,
        "first_ms": 2.0,
        "threads": plan.threads,
        "settings": {key: getattr(plan, key) for key in keys} | {"pin": pin, "sustained": False},
        "machine": {},
        "device": {"clusters": CLUSTERS},
        "fixed_performance": phone_options.fixed_performance,
        **more,
    }


class Bench:
    """Stands in for the measuring of phones; remembers which were measured."""

    def __init__(self, *broken: str) -> None:
        self.broken = broken
        self.measured: list[str] = []

    def __call__(
        self,
        phone: Phone,
        plan: Plan,
        phone_options: PhoneOptions,
        report: Report,
        comparer: Comparer,
        keep: Keep,
    ) -> list[PhoneLatencyResult]:
        self.measured.append(phone.serial)
        if phone.serial in self.broken:
            raise MixnetError("it burns", "put it out")
        targets = [decode(PhoneLatencyResult, result(phone.serial, plan, phone_options))]
        keep(targets)
        return targets


def measure(
    output: Path,
    plan: Plan,
    bench: Callable[..., list[PhoneLatencyResult]],
    phones: list[Phone] = PHONES,
    phone_options: PhoneOptions = PLAIN,
    comparer: Comparer = NO_COMPARISON,
) -> list[str]:
    results = SavedPhones(output, plan, phone_options)
    return latency_all.measure_all(phones, plan, phone_options, results, comparer, bench)


def saved(output: Path) -> dict[str, Any]:
    return {each["target"]: each for each in json.loads(output.read_text())["targets"]}


def test_phones_are_measured_at_the_same_time_and_told_in_order(tmp_path: Path, plan: Plan) -> None:
    together = threading.Barrier(3, timeout=10)

    def bench(
        phone: Phone, plan: Plan, phone_options: PhoneOptions, report: Report, *more: Any
    ) -> Any:
        together.wait()
        report(0.5)
        return Bench()(phone, plan, phone_options, report, *more)

    output = tmp_path / "all.json"
    results = SavedPhones(output, plan, PhoneOptions())
    assert latency_all.measure_all(PHONES, plan, PhoneOptions(), results, measure=bench) == []
    targets = results.targets()
    assert [each.target for each in targets] == ["adb:a", "adb:b", "adb:c"]
    assert json.loads(output.read_text()) == json.loads(json_text(targets))


def test_one_that_fails_does_not_disturb_the_others(
    tmp_path: Path, plan: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "all.json"
    assert measure(output, plan, Bench("b")) == ["b"]
    assert set(saved(output)) == {"adb:a", "adb:c"}
    assert "b: it burns (put it out)" in capsys.readouterr().err


def test_a_rerun_measures_the_rest_and_keeps_phones_that_are_gone(
    tmp_path: Path, plan: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "all.json"
    measure(output, plan, Bench("b"))
    again = Bench()
    assert measure(output, plan, again, PHONES[1:]) == []
    assert again.measured == ["b"]
    assert set(saved(output)) == {"adb:a", "adb:b", "adb:c"}
    assert f"c was measured before: remove {output}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "phone_options"),
    [
        ({"threads": 2}, PhoneOptions()),
        ({"min_count": 7}, PhoneOptions()),
        ({}, PhoneOptions(pin="big")),
        ({}, PhoneOptions(pin="0-1")),
        ({}, PhoneOptions(fixed_performance=True)),
        ({}, PhoneOptions(profile=True)),
    ],
)
def test_another_measurement_is_no_reason_to_skip_a_phone(
    tmp_path: Path, plan: Plan, changes: dict[str, Any], phone_options: PhoneOptions
) -> None:
    output = tmp_path / "all.json"
    measure(output, plan, Bench())
    other = Bench("b")
    measure(output, replace(plan, **changes), other, PHONES[:2], phone_options)
    assert sorted(other.measured) == ["a", "b"]
    assert set(saved(output)) == {"adb:a", "adb:b", "adb:c"}  # the old ones until there are new


def test_a_changed_file_and_a_void_result_are_measured_again(tmp_path: Path, plan: Plan) -> None:
    output = tmp_path / "all.json"
    lost = result("a", plan, verdict="void")
    output.write_text(json.dumps({"format": 1, "targets": [lost, result("b", plan)]}))
    bench = Bench()
    measure(output, plan, bench, PHONES[:2])
    assert bench.measured == ["a"]
    plan.paths[0].write_bytes(b"other")
    measure(output, plan, bench, PHONES[:1])
    assert bench.measured == ["a", "a"]


def test_the_clusters_by_name_are_the_same_cpus_again(tmp_path: Path, plan: Plan) -> None:
    output, phone_options = tmp_path / "all.json", PhoneOptions(pin="big")
    measure(output, plan, Bench(), phone_options=phone_options)
    again = Bench()
    measure(output, plan, again, phone_options=phone_options)
    assert again.measured == []


def test_what_was_measured_before_is_compared_anew(tmp_path: Path, plan: Plan) -> None:
    output = tmp_path / "all.json"
    for ratio in (1.0, 2.0):
        found = ComparisonResult(name="old", ratio=ratio, conclusion="slower")
        adding = Comparer(lambda targets, found=found: [found for _ in targets])
        measure(output, plan, Bench(), comparer=adding)
    assert saved(output)["adb:a"]["against"]["ratio"] == 2
    measure(output, plan, Bench())
    assert "against" not in saved(output)["adb:a"]


def test_a_comparison_that_fails_leaves_what_was_measured(tmp_path: Path, plan: Plan) -> None:
    def fail(targets: Sequence[LatencyResult]) -> Sequence[None]:
        raise MixnetError("no comparison today")

    output = tmp_path / "all.json"
    assert sorted(measure(output, plan, Bench(), comparer=Comparer(fail))) == ["a", "b", "c"]
    assert set(saved(output)) == {"adb:a", "adb:b", "adb:c"}


def test_a_file_that_is_no_result_is_replaced(tmp_path: Path, plan: Plan) -> None:
    output = tmp_path / "all.json"
    output.write_text("notes")
    assert measure(output, plan, Bench()) == []
    assert len(saved(output)) == 3


def test_an_interruption_ends_the_work_on_every_phone_tidily(tmp_path: Path, plan: Plan) -> None:
    tidied: list[str] = []
    together = threading.Barrier(3, timeout=30)

    def bench(
        phone: Phone, plan: Plan, phone_options: PhoneOptions, report: Report, *more: Any
    ) -> Any:
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
        measure(tmp_path / "all.json", plan, bench)
    assert sorted(tidied) == ["b", "c"]


def test_a_damaged_result_is_refused_and_stays_as_it_is(tmp_path: Path, plan: Plan) -> None:
    output = tmp_path / "all.json"
    for damage in ({"median_ms": 0}, {"samples_ms": [5e-324]}, {"target": ["adb:a"]}):
        text = json.dumps({"format": 1, "targets": [result("a", plan, **damage)]})
        output.write_text(text)
        with pytest.raises(UsageError, match=rf"all\.json: targets\[0\]: {next(iter(damage))}"):
            SavedPhones(output, plan, PhoneOptions())
        assert output.read_text() == text
