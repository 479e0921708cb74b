"""What speaks against a run on a phone, from its conditions before and after."""

from dataclasses import replace

import pytest

from mixnet_android.parsers import Battery, Cluster, Sensor, Thermal
from mixnet_android.phone.conditions import Conditions, Cooled
from mixnet_bench.phones.caveats import caveats_of_run, caveats_of_start

COOL = Conditions(
    clusters=(Cluster((0, 1), 2_000_000, 2_000_000, 900_000, "schedutil", 1024),),
    thermal=Thermal(0, False, True, (Sensor("skin", "skin", 30.0, 0),), False),
    battery=Battery(80, 28.0, "charging", True, False),
    screen_on=True,
    boot_id="a",
)


def at(celsius: float, status: int = 0) -> Conditions:
    sensors = (Sensor("skin", "skin", celsius, 0),)
    return replace(COOL, thermal=replace(COOL.thermal, status=status, sensors=sensors))


BLIND = replace(
    COOL,
    thermal=Thermal(None, False, None, (), False),
    battery=replace(COOL.battery, celsius=None),
)


def test_a_start_that_is_still_warm_is_a_caveat() -> None:
    (caveat,) = caveats_of_start(Cooled(at(50), 25.0, False))
    assert caveat.verdict == "throttled"
    assert (
        caveat.sentence
        == "it was warm at the start: the phone is warm at 50.0 °C after 25 s of waiting"
    )
    assert list(caveats_of_start(Cooled(COOL, 0.0, True))) == []
    assert list(caveats_of_start(Cooled(BLIND, 0.0, None))) == []


def test_an_untroubled_run_raises_no_caveat() -> None:
    assert caveats_of_run(COOL, COOL) == []
    assert caveats_of_run(BLIND, BLIND) == []


def test_limits_of_the_fixed_performance_mode_are_no_throttling_but_heat_is() -> None:
    limited = replace(COOL, clusters=(replace(COOL.clusters[0], limit_khz=1_500_000),))
    assert caveats_of_run(limited, limited, fixed_performance=True) == []
    hot = replace(limited, thermal=at(45, status=3).thermal)
    (caveat,) = caveats_of_run(limited, hot, fixed_performance=True)
    assert "severe after" in caveat.sentence


@pytest.mark.parametrize(
    ("after", "verdict", "words"),
    [
        (replace(COOL, boot_id="b"), "void", "restarted"),
        (replace(COOL, thermal=replace(COOL.thermal, override=True)), "void", "overridden"),
        (at(45, status=3), "throttled", "severe after"),
        (
            replace(COOL, clusters=(replace(COOL.clusters[0], limit_khz=1_500_000),)),
            "throttled",
            "CPUs 0,1 were limited to 1.50 of 2.00 GHz",
        ),
        (
            replace(COOL, battery=replace(COOL.battery, level_percent=9, plugged=False)),
            "throttled",
            "9 %",
        ),
    ],
)
def test_what_went_wrong_is_told_with_its_verdict(
    after: Conditions, verdict: str, words: str
) -> None:
    (caveat,) = caveats_of_run(COOL, after)
    assert caveat.verdict == verdict
    assert words in caveat.sentence
