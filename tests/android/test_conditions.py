"""Waiting until a phone is cool, on a clock that takes no time."""

from collections.abc import Iterator
from dataclasses import replace

from mixnet_android.parsers import Battery, Cluster, Sensor, Thermal
from mixnet_android.phone.conditions import Conditions, is_cool, wait_until_cool


class FakeClock:
    def __init__(self) -> None:
        self.time = 1000.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.time += seconds


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


def test_a_cool_phone_is_not_waited_for() -> None:
    said: list[str] = []
    cooled = wait_until_cool(lambda: COOL, clock=FakeClock(), say=said.append)
    assert (cooled.cool, cooled.waited_s, said) == (True, 0, [])


def test_a_warm_phone_is_waited_for_with_one_word() -> None:
    readings: Iterator[Conditions] = iter([at(41), at(38), at(36), at(34.9)])
    said: list[str] = []
    cooled = wait_until_cool(lambda: next(readings), clock=FakeClock(), say=said.append)
    assert cooled.cool
    assert cooled.waited_s == 30
    assert cooled.conditions.celsius == 34.9
    assert len(said) == 1
    assert "41.0 °C" in said[0]


def test_waiting_ends_at_its_limit_and_says_that_the_phone_is_still_warm() -> None:
    clock = FakeClock()
    cooled = wait_until_cool(lambda: at(50), timeout_s=25, clock=clock)
    assert cooled.cool is False
    assert clock.time == 1025


def test_a_throttling_phone_is_not_cool_however_cold_its_skin() -> None:
    assert is_cool(at(20, status=1), 35) is False
    said: list[str] = []
    wait_until_cool(lambda: at(20, status=2), timeout_s=10, clock=FakeClock(), say=said.append)
    assert "throttling: moderate" in said[0]


def test_a_phone_that_tells_no_temperature_is_not_waited_for() -> None:
    cooled = wait_until_cool(lambda: BLIND, clock=FakeClock())
    assert (cooled.cool, cooled.waited_s) == (None, 0)


def test_the_battery_stands_in_for_a_skin_sensor() -> None:
    conditions = replace(BLIND, battery=replace(BLIND.battery, celsius=36.0))
    assert is_cool(conditions, 35) is False
