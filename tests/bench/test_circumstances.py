"""Caveats from cores, clocks and CPU time: each alone, on bursts made for it."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from mixnet_bench.machine.cores import core_khz, current_core, limited_cores, look, throttle_count
from mixnet_bench.results.verdict import Caveat, Verdict, gravest, verdict_of
from mixnet_bench.timing.circumstances import (
    HostConditions,
    caveats_of_bursts,
    caveats_of_host,
    cpu_share,
    frequency_change,
)
from mixnet_bench.timing.latency import Burst, Launch

QUIET = Burst(0, 0, 10.0, (10.0,) * 9, cpu=(4,) * 9, cpu_ms=100.0, khz_after={4: 2_000_000})


def launch(*bursts: Burst) -> Launch:
    return Launch(1.0, 1.0, (), None, bursts)


def clocked(*khz: int) -> Launch:
    return launch(*(replace(QUIET, khz_after={4: each}) for each in khz))


def found(*launches: Launch, asked: tuple[int, ...] | None = None) -> list[str]:
    return [caveat.verdict for caveat in caveats_of_bursts(launches, asked)]


def test_a_quiet_launch_on_the_asked_cores_raises_no_caveat() -> None:
    assert found(launch(*[QUIET] * 9), asked=(4, 5)) == []


def test_what_the_system_does_not_tell_raises_no_caveat() -> None:
    bare = launch(Burst(0, 0, 10.0, (10.0,)))
    assert found(bare, asked=(4,)) == []
    assert (frequency_change([bare]), cpu_share([bare])) == (None, None)


def test_a_clock_that_falls_within_a_launch_is_throttling() -> None:
    falling = clocked(*[2_000_000] * 3, *[1_800_000] * 3, *[1_500_000] * 3)
    assert frequency_change([falling]) == pytest.approx(-0.25)
    assert found(falling) == ["throttled"]
    assert "25%" in next(caveats_of_bursts([falling], None)).sentence


def test_a_clock_that_rises_or_flickers_is_not() -> None:
    assert found(clocked(*[1_000_000] * 3, *[2_000_000] * 6)) == []
    assert found(clocked(*[2_000_000, 1_900_000] * 6)) == []


def test_cores_that_take_over_are_compared_with_themselves() -> None:
    little = replace(QUIET, khz_after={0: 1_000_000})
    assert found(launch(*[QUIET] * 6, *[little] * 6)) == []


def test_inferences_on_other_cores_than_asked_are_told_with_their_share() -> None:
    moved = replace(QUIET, cpu=(4,) * 6 + (0,) * 3)
    (caveat,) = caveats_of_bursts([launch(moved)], (4, 5))
    assert caveat.verdict == "wrong-cores"
    assert "33%" in caveat.sentence
    assert "CPUs 0" in caveat.sentence
    assert found(launch(moved)) == []  # nobody asked


def test_cores_that_were_not_granted_are_told() -> None:
    granted = replace(launch(*[QUIET] * 9), affinity=(4, 5))
    assert found(granted, asked=(5, 4)) == []
    (caveat,) = caveats_of_bursts([granted, granted], (4, 5, 6, 7))
    assert caveat.verdict == "wrong-cores"
    assert "requested CPUs 4, 5, 6, 7, but the process could run on 4, 5" in caveat.sentence
    assert found(granted) == []  # nobody asked


def test_time_without_a_core_is_contention() -> None:
    starved = launch(*[replace(QUIET, cpu_ms=70.0)] * 3)
    assert cpu_share([starved]) == pytest.approx(0.7)
    (caveat,) = caveats_of_bursts([starved], None)
    assert (caveat.verdict, "30%" in caveat.sentence) == ("contended", True)


def test_several_threads_on_several_cores_are_no_contention() -> None:
    assert found(launch(replace(QUIET, cpu_ms=380.0))) == []


def test_a_hot_machine_and_a_limited_core_throttle() -> None:
    cool, hot = HostConditions(3, {}), HostConditions(5, {1: (1_500_000, 3_000_000)})
    sentences = [caveat.sentence for caveat in caveats_of_host(cool, hot)]
    assert "2 times" in sentences[0]
    assert "CPU 1 was limited to 1.50 of 3.00 GHz" in sentences[1]
    assert list(caveats_of_host(cool, cool)) == []
    assert list(caveats_of_host(HostConditions(None, {}), cool)) == []


def test_the_gravest_caveat_is_the_word_and_all_reasons_stay_in_its_order() -> None:
    found = [
        Caveat(Verdict.CONTENDED, "many outliers"),
        Caveat(Verdict.WRONG_CORES, "elsewhere"),
        Caveat(Verdict.THROTTLED, "hot"),
    ]
    assert verdict_of(found) == ("throttled", ("hot", "elsewhere", "many outliers"))
    assert gravest([]) == gravest([Verdict.VALID]) == "valid"
    assert gravest(reversed(Verdict)) == next(iter(Verdict)) == "emulated"


def test_without_a_core_a_wide_interval_is_contention_and_asks_for_no_more_launches() -> None:
    """Of 82 % of the time: the advice was to raise --launches, which helps nothing."""
    starved = launch(*[replace(QUIET, cpu_ms=18.0)] * 3)
    wide = Caveat(Verdict.TOO_SHORT, "it is wide", symptom=True, remedy="raise --launches")
    verdict, reasons = verdict_of([wide, *caveats_of_bursts([starved], None)])
    assert verdict == "contended"
    assert "for 82% of the time it had no core" in reasons[0]
    assert reasons[1] == "it is wide"
    assert verdict_of([wide]).reasons == ("it is wide: raise --launches",)


def test_docs_explain_the_verdicts_in_their_order() -> None:
    text = (Path(__file__).parents[2] / "docs/trust.md").read_text(encoding="utf-8")
    table = text.split("| verdict |")[1].split("\n\n")[0]
    assert re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE) == list(Verdict)


def test_the_core_is_read_from_stat_whatever_the_programs_name(tmp_path: Path) -> None:
    # proc(5): pid (comm) state ppid ...; processor is field 39
    stat = tmp_path / "stat"
    stat.write_text("7 (a) b (c) R " + " ".join(map(str, range(4, 53))))
    assert current_core(stat) == 39
    stat.write_text("garbage")
    assert current_core(stat) is None
    assert current_core(tmp_path / "absent") is None


def test_clocks_and_heat_are_read_from_sysfs(tmp_path: Path) -> None:
    for core, (now, limit, count) in enumerate(((1000, 3000, 2), (2000, 1500, 3))):
        for name, value in (
            ("cpufreq/scaling_cur_freq", now),
            ("cpufreq/scaling_max_freq", limit),
            ("cpufreq/cpuinfo_max_freq", 3000),
            ("thermal_throttle/core_throttle_count", count),
        ):
            file = tmp_path / f"cpu{core}" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{value}\n")
    assert core_khz(1, tmp_path) == 2000
    assert core_khz(7, tmp_path) is None
    assert core_khz(None) is None
    assert limited_cores(tmp_path) == {1: (1500, 3000)}
    assert throttle_count(tmp_path) == 5
    assert throttle_count(tmp_path / "cpu0") is None


def test_cpu_time_never_goes_back() -> None:
    first, second = look(), look()
    assert second["cpu_ns"] >= first["cpu_ns"] >= 0
