"""One phone is measured once, whoever asks and however it is connected."""

import os
import platform
import time
from pathlib import Path

import pytest

if not Path("/proc/self/environ").exists() or platform.machine() != "x86_64":
    pytest.skip("fake phones run this machine's programs, on x86-64", allow_module_level=True)

import phone_kit
from fake_device import FakePhone
from fake_shell import STATE
from phone_kit import ONE, PlugIn, latency, left_on, pushed, refused, run, targets_of

from mixnet_android.adb import Adb, AdbError, Phone
from mixnet_android.phone import store
from mixnet_android.phone.device import choose_phone, list_devices
from mixnet_android.runs import hold as holding
from mixnet_android.runs.detached import Run, run_names, run_to_end
from mixnet_android.runs.hold import InUse, TakenOver, hold

home, network, models = phone_kit.home, phone_kit.network, phone_kit.models
plug_in, quick = phone_kit.plug_in, phone_kit.quick


def twins(plug_in: PlugIn, boots: tuple[str, str]) -> tuple[FakePhone, FakePhone]:
    """Two connections to phones of one serial number."""
    fakes = plug_in(), plug_in()
    for fake, boot in zip(fakes, boots, strict=True):
        own = STATE["getprop"].replace("arm64-v8a", "x86_64") + "[ro.serialno]: [R5CT1234]\n"
        fake.sandbox.write("state/getprop", own)
        fake.sandbox.write("proc/sys/kernel/random/boot_id", f"{boot}\n")
    return fakes


def test_a_phone_that_is_there_twice_is_one_phone(
    adb: Adb, plug_in: PlugIn, models: tuple[Path, ...]
) -> None:
    twins(plug_in, ("same-boot", "same-boot"))
    assert choose_phone(adb).serial
    same = [each.same_as for each in list_devices(adb)]
    assert same.count(None) == 1
    done = run("latency", models[0], "--on", "all", *ONE, "--json")
    assert len(targets_of(done)) == 1
    assert "only one is measured" in done.stderr
    listed = run("devices")
    assert "the same phone as" in listed.stderr + listed.stdout


def test_phones_that_share_a_serial_number_are_two(adb: Adb, plug_in: PlugIn) -> None:
    """Cheap phones do."""
    twins(plug_in, ("one-boot", "other-boot"))
    assert [each.same_as for each in list_devices(adb)] == [None, None]
    with pytest.raises(AdbError, match="2 phones are connected"):
        choose_phone(adb)


def somebody(fake: FakePhone, host: str = "lab-1", age_s: int = 60, pid: int = 77) -> None:
    """Let somebody else hold the phone."""
    root = fake.sandbox.path(store.HOLD)
    root.mkdir(parents=True, exist_ok=True)
    then = int(time.time()) - age_s
    (root / "owner").write_text(f"hold 0123456789abcdef ann {host} {pid} {then}\n")
    (root / "beat").write_text(f"{then}\n")


def test_a_phone_that_somebody_measures_on_is_refused_and_can_be_taken_over(
    adb: Adb, plug_in: PlugIn, models: tuple[Path, ...]
) -> None:
    fake = plug_in()
    somebody(fake, age_s=120)
    phone = Phone(adb, fake.serial)
    Run(phone, "latency-of-ann").start(["sleep", "100"], 100)
    since = time.strftime("%H:%M", time.localtime(time.time() - 120))
    done = latency(fake, models[0])
    refused(done, "is in use by ann on lab-1 (process 77)", since, "--take-over")
    refused(run("devices", "clean", "--on", f"adb:{fake.serial}"), "is in use by ann on lab-1")
    assert run_names(phone) == ["latency-of-ann"]
    assert pushed(fake) == []
    taken = latency(fake, models[0], "--take-over", "--json")
    assert targets_of(taken)
    assert "stopped the measurement of ann on lab-1" in taken.stderr
    assert left_on(fake) == []
    assert fake.sandbox.processes() == []


def test_devices_clean_can_take_over_too(adb: Adb, plug_in: PlugIn) -> None:
    fake = plug_in()
    somebody(fake)
    done = run("devices", "clean", "--on", f"adb:{fake.serial}", "--take-over")
    assert done.exit_code == 0, done.output
    assert left_on(fake) == []


def test_whoever_was_ended_reads_by_whom(adb: Adb, plug_in: PlugIn) -> None:
    phone = Phone(adb, (fake := plug_in()).serial)

    def other(line: str) -> None:
        somebody(fake, age_s=0)
        Run(phone, "mine").kill()

    command = ["sh", "-c", "echo 1 > progress; sleep 60"]
    with pytest.raises(TakenOver, match="taken over by ann on lab-1") as caught, hold(phone):
        run_to_end(phone, "mine", command, limit_s=90, on_progress=other)
    assert "finished launches are saved" in caught.value.hint
    assert fake.sandbox.path(store.HOLD).exists()  # it is the other's


def test_a_mark_whose_process_has_ended_holds_nothing(adb: Adb, plug_in: PlugIn) -> None:
    fake = plug_in()
    gone = os.fork()
    if gone == 0:
        os._exit(0)
    os.waitpid(gone, 0)
    somebody(fake, host=holding._word(platform.node()), age_s=0, pid=gone)
    with hold(Phone(adb, fake.serial)):
        assert holding._TOKEN in fake.sandbox.path(f"{store.HOLD}/owner").read_text()
    assert left_on(fake) == []


def test_a_process_of_this_machine_that_lives_holds_the_phone(adb: Adb, plug_in: PlugIn) -> None:
    fake = plug_in()
    somebody(fake, host=holding._word(platform.node()), age_s=9000, pid=os.getppid())
    with pytest.raises(InUse), hold(Phone(adb, fake.serial)):
        pass


@pytest.mark.parametrize("running", [False, True])
def test_an_old_mark_of_another_host_holds_only_while_something_runs(
    adb: Adb, plug_in: PlugIn, running: bool
) -> None:
    fake = plug_in()
    somebody(fake, age_s=holding.STALE_S + 60)
    phone = Phone(adb, fake.serial)
    if running:
        Run(phone, "latency-of-ann").start(["sleep", "100"], 100)
        with pytest.raises(InUse), hold(phone):
            pass
    else:
        with hold(phone):
            pass
        assert left_on(fake) == []


def test_a_holder_is_heard_of_as_long_as_it_asks(adb: Adb, plug_in: PlugIn) -> None:
    fake = plug_in()
    phone = Phone(adb, fake.serial)
    with hold(phone):
        beat = fake.sandbox.path(f"{store.HOLD}/beat")
        beat.write_text("1\n")
        Run(phone, "none").poll()
        assert int(beat.read_text()) > 1
        with hold(phone):  # of the same process: nothing happens
            pass
        assert beat.exists()
    assert left_on(fake) == []


@pytest.mark.parametrize("content", ["", "hold\n", "\xff", "hold x y z 1 2\n" * 1000])
def test_a_mark_that_is_garbage_holds_nothing(adb: Adb, plug_in: PlugIn, content: str) -> None:
    fake = plug_in()
    root = fake.sandbox.path(store.HOLD)
    root.mkdir(parents=True)
    (root / "owner").write_text(content)
    with hold(Phone(adb, fake.serial)):
        pass
    assert left_on(fake) == []
