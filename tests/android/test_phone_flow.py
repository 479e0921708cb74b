"""Whole commands on fake phones: real adb, runner and runtimes, on this machine's processor.

Nothing is emulated but the phone around them, so these take seconds where the jail takes minutes.
"""

import json
import os
import platform
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

if not Path("/proc/self/environ").exists() or platform.machine() != "x86_64":
    pytest.skip("fake phones run this machine's programs, on x86-64", allow_module_level=True)

sys.path.append(str(Path(__file__).parents[1] / "export" / "optimize"))  # for graph_files

import phone_kit
from fake_device import FakePhone
from fake_shell import STATE
from graph_files import Net
from phone_kit import SHORT, restored, run, targets_of
from warm_phone import stays_warm

from mixnet_android.adb import Adb, Phone
from mixnet_android.phone import (
    settings,
    store,
)
from mixnet_android.runs import detached
from mixnet_bench.cli import main
from mixnet_bench.commands import tune as command
from mixnet_bench.profiling.report import describe_profile
from mixnet_bench.timing import host
from mixnet_bench.tuning import phone as tuning_phone
from mixnet_bench.tuning.search import search_block
from mixnet_common import MixnetError
from mixnet_export.cli import main as export_main
from mixnet_export.lowering import load_plan
from mixnet_export.optimize.decisions import load_decisions
from mixnet_runtimes import profile

home, network, models = phone_kit.home, phone_kit.network, phone_kit.models
plug_in, quick = phone_kit.plug_in, phone_kit.quick


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "cache_folder", lambda: tmp_path / "tuning")


def test_profiles_and_clocks_of_a_phone_are_as_on_the_host(
    plug_in: Callable[[], FakePhone], models: tuple[Path, ...]
) -> None:
    fake = plug_in()
    fake.sandbox.write("sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq", "1000000\n")
    options = (*SHORT, "--profile", "--fixed-performance", "--json")
    targets = targets_of(run("latency", *models, "--on", "adb", *options))
    for target, path in zip(targets, models, strict=True):
        here = describe_profile(profile(path, rounds=3))
        # Profiles are sorted by time, which differs from run to run.
        assert sorted(each["category"] for each in target["profile"]["operators"]) == sorted(
            each.category for each in here.operators
        )
        assert target["profile"]["rounds"] == 3
        assert target["profile"]["total_us"] > 0
        assert target["fixed_performance"] is True
        assert target["verdict"] == "emulated"
        assert not any("limited to" in reason for reason in target["reasons"])
    log = (fake.sandbox.root / "state/log").read_text()
    assert "cmd power set-fixed-performance-mode-enabled true" in log
    assert restored(fake)


def test_the_profile_is_a_table_that_says_it_was_emulated(
    plug_in: Callable[[], FakePhone], models: tuple[Path, ...]
) -> None:
    plug_in()
    done = run("latency", *models, "--on", "adb", *SHORT, "--launches", "1", "--profile")
    assert done.exit_code == 0, done.output
    assert done.stdout.count("EMULATED") == 2
    assert re.search(r"depthwise 3×3 +\d+ +[\d.]+ +\d+ +[\d.]+", done.stdout)


def test_a_file_that_the_runtime_refuses_is_named(
    plug_in: Callable[[], FakePhone], tmp_path: Path
) -> None:
    fake = plug_in()
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no model")
    done = run("latency", broken, "--on", "adb", *SHORT)
    assert done.exit_code == 1
    assert "broken.onnx" in done.stderr
    assert restored(fake)


def test_the_fixed_performance_mode_is_for_phones(models: tuple[Path, ...]) -> None:
    done = run("latency", models[0], "--fixed-performance")
    assert done.exit_code == 2
    assert "applies to phones" in done.stderr


def test_a_second_command_goes_on_where_the_first_lost_its_phone(
    adb: Adb,
    plug_in: Callable[[], FakePhone],
    models: tuple[Path, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = plug_in()
    phone = Phone(adb, fake.serial)
    names: list[str] = []
    real = detached.Run.wait

    def wait(run: detached.Run, **options: Any) -> detached.Status:
        names.append(run.name.rpartition("-")[2])
        if names == ["0", "1"]:
            fake.vanish()
        return real(run, **{**options, "lost_for_s": 0.2})

    monkeypatch.setattr(detached.Run, "wait", wait)
    monkeypatch.setattr(settings, "RECONNECT_S", 0.2)
    asked = ("latency", models[0], "--on", f"adb:{fake.serial}", *SHORT, "--launches", "3")
    lost = run(*asked)
    assert lost.exit_code == 1
    assert "run the same command within" in lost.stderr
    assert names == ["0", "1"]
    fake.come_back()
    phone.reconnect(20)
    (target,) = targets_of(run(*asked, "--json"))
    assert names[2:] == ["1", "2"]  # what was measured is kept; what went on is picked up
    assert [each["count"] >= 1 for each in target["launches"]] == [True] * 3
    assert target["parity"]["within"]
    assert restored(fake)
    assert phone.ask("ls", store.RUNS).split() == []


@pytest.mark.skipif((os.cpu_count() or 4) >= 4, reason="this machine has all of the fake's CPUs")
def test_cores_that_the_phone_does_not_grant_are_wrong_and_its_runner_is_heard(
    plug_in: Callable[[], FakePhone], models: tuple[Path, ...]
) -> None:
    plug_in()
    done = run("latency", models[0], "--on", "adb", *SHORT, "--pin", "0-3", "--json")
    (target,) = targets_of(done)
    assert any("requested CPUs 0, 1, 2" in reason for reason in target["reasons"])
    assert re.search(r"warning: phone \S+: the kernel allows other CPUs", done.stderr)


def test_earlier_runs_are_ended_before_it_cools_and_a_warm_start_is_a_doubt(
    adb: Adb,
    plug_in: Callable[[], FakePhone],
    models: tuple[Path, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    phone = Phone(adb, plug_in().serial)
    detached.Run(phone, "latency-other-0").start(["sleep", "100"], 100)
    seen = stays_warm(phone, monkeypatch)
    done = run("latency", models[0], "--on", "adb", *SHORT, "--launches", "1", "--json")
    (target,) = targets_of(done)
    assert seen == ["looked"]
    assert "stopped an earlier run, latency-other-0" in done.stderr
    assert any("it was warm at the start" in reason for reason in target["reasons"])


def test_settings_are_restored_though_a_run_cannot_be_ended(
    adb: Adb, plug_in: Callable[[], FakePhone], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stuck(phone: Phone) -> int:
        raise MixnetError("it cannot be ended")

    fake = plug_in()
    with (
        monkeypatch.context() as patch,
        settings.settings(Phone(adb, fake.serial), settings.Wanted(stay_awake=True)),
    ):
        patch.setattr(detached, "end_all", stuck)
        assert not restored(fake)
        assert run("devices", "clean").exit_code == 1
        assert restored(fake)


def test_a_baseline_that_does_not_fit_is_refused_before_or_costs_no_measurement(
    plug_in: Callable[[], FakePhone],
    models: tuple[Path, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = plug_in()
    asked = ("latency", models[0], "--on", f"adb:{fake.serial}", *SHORT)
    (old,) = targets_of(run(*asked, "--json"))
    baseline, new = tmp_path / "old.json", tmp_path / "new.json"

    def against(**changes: Any) -> Result:
        baseline.write_text(json.dumps({"format": 1, "targets": [{**old, **changes}]}))
        return run(*asked, "--fixed-performance", "--against", baseline, "-o", new)

    log = fake.sandbox.root / "state/log"
    runs = log.read_text().count("mixnet-runner")
    refused = against(threads=4)
    assert refused.exit_code == 1
    assert "threads 4 then, 1 now" in refused.stderr
    assert log.read_text().count("mixnet-runner") == runs
    assert not new.exists()
    done = against()  # whether the phone has the mode is known when it runs
    assert done.exit_code == 0, done.output
    assert "no conclusion, the runs had different conditions: fixed_performance" in done.stdout
    (saved,) = json.loads(new.read_text())["targets"]
    assert saved["against"]["conclusion"] == "no conclusion"


def test_launches_are_kept_until_their_results_are_safe(
    plug_in: Callable[[], FakePhone],
    models: tuple[Path, ...],
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = plug_in()
    file = tmp_path / "new.json"
    asked = ("latency", models[0], "--on", f"adb:{fake.serial}", *SHORT, "-o", file)
    started: list[str] = []
    real = detached.Run.start

    def start(run: detached.Run, *arguments: Any) -> None:
        started.append(run.name)
        real(run, *arguments)

    def full(*arguments: Any) -> None:
        raise MixnetError("the disk is full")

    monkeypatch.setattr(detached.Run, "start", start)
    with monkeypatch.context() as patch:
        patch.setattr(host, "write_whole", full)
        assert run(*asked).exit_code == 1
    assert len(started) == 2
    assert run(*asked).exit_code == 0
    assert len(started) == 2
    assert len(json.loads(file.read_text())["targets"]) == 1
    assert list((home / "unfinished").glob("*/*")) == []


def test_one_phone_that_fails_leaves_the_others_results(
    plug_in: Callable[[], FakePhone], models: tuple[Path, ...], tmp_path: Path
) -> None:
    good, bad = plug_in(), plug_in()
    bad.faults.shell.no_exec = True
    file = tmp_path / "all.json"
    done = run("latency", models[0], "--on", "all", *SHORT, "-o", file)
    assert done.exit_code == 1
    assert f"{bad.serial}: phone {bad.serial} does not run programs" in done.stderr
    assert f"1 of 2 phones failed: {bad.serial}" in done.stderr
    saved = json.loads(file.read_text())["targets"]
    assert [each["target"] for each in saved] == [f"adb:{good.serial}"]
    assert restored(good)
    assert restored(bad)
    bad.faults.shell.no_exec = False
    again = run("latency", models[0], "--on", "all", *SHORT, "-o", file, "--json")
    assert f"{good.serial} was measured before" in again.stderr
    both = targets_of(again)
    assert saved[0] in both
    assert json.loads(file.read_text())["targets"] == both
    assert {each["target"] for each in both} == {f"adb:{each.serial}" for each in (good, bad)}


def test_candidates_are_timed_side_by_side_and_removed(
    plug_in: Callable[[], FakePhone], models: tuple[Path, ...]
) -> None:
    fake = plug_in()
    content = models[0].read_bytes()
    with tuning_phone.phone_timer(None, ".tflite", 1, allow_emulated=True) as timer:
        times = timer([content, content + b"\0" * 4])
        assert timer.conditions(content) == (
            "EMULATED, not times of a phone, LiteRT 2.3.0 on Nobody Fake 1 (FK1000), 1 thread"
        )
        with pytest.raises(MixnetError, match="cannot load"):
            timer([content[:50]])
    assert len(times[0]) == len(times[1]) >= 1
    assert min(map(min, times)) > 0
    kept = [path.name for path in fake.sandbox.path(store.FILES).rglob("*") if path.is_file()]
    assert sorted(kept) == ["library.so", "mixnet-runner"]
    assert restored(fake)


def test_a_plan_is_tuned_on_a_phone_kept_for_it_and_labelled(
    plug_in: Callable[[], FakePhone],
    network: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plug_in()
    few = {"mixed": ("slices", "branches")}
    monkeypatch.setattr(
        command,
        "search_block",
        lambda block, start, write, timer, _: search_block(block, start, write, timer, few),
    )
    calls: list[int] = []
    for name in ("__call__", "launches"):
        timed = getattr(tuning_phone.PhoneTimer, name)

        def count(timer: tuning_phone.PhoneTimer, contents: Any, timed: Any = timed) -> Any:
            calls.append(len(contents))
            return timed(timer, contents)

        monkeypatch.setattr(tuning_phone.PhoneTimer, name, count)
    file = tmp_path / "plan.toml"
    asked = partial(run, "tune", network, "--on", "adb", "-o", file)
    refused = asked()
    assert refused.exit_code == 1
    assert "its times are not valid for any phone" in refused.stderr
    (found,) = targets_of(asked("--allow-emulated", "--json"))
    assert found["emulated"] is True
    assert len(calls) >= 2
    first = len(calls)
    assert targets_of(asked("--allow-emulated", "--json"))[0]["blocks"] == found["blocks"]
    assert calls[first:] == [3]  # the whole network alone; its blocks are known
    assert file.read_text().startswith("# EMULATED")
    assert load_plan(file).measured.startswith(
        "EMULATED, not times of a phone, LiteRT 2.3.0 on Nobody"
    )


def test_optimize_measures_on_a_phone_itself(
    plug_in: Callable[[], FakePhone], tmp_path: Path
) -> None:
    fake = plug_in()
    net = Net(1, 16, 16, 8)
    net.add("depthwise_conv2d", kernel=(7, 7), multiplier=1)
    path, out = net.save(tmp_path / "a.tflite"), tmp_path / "out"
    words = ["optimize", str(path), "-o", str(out), "--measure", "--on", "adb"]
    refused = CliRunner().invoke(export_main, words)
    assert refused.exit_code == 1
    assert "its times are not valid for any phone" in refused.stderr
    assert not out.exists()
    done = CliRunner().invoke(export_main, [*words, "--allow-emulated"])
    assert done.exit_code == 0, done.output
    assert "EMULATED" in done.stderr
    decisions = load_decisions(out / "a.tflite.toml")
    assert decisions.measured.startswith("EMULATED, not times of a phone, LiteRT 2.3.0 on Nobody")
    (is_faster,) = decisions.rewrite.values()
    assert (out / "a.tflite").exists() is is_faster
    assert restored(fake)
    other = [*words, "--allow-emulated", "--for", "litert-1.1"]
    refused = CliRunner().invoke(export_main, other)
    assert refused.exit_code == 2
    assert "not valid for litert-1.1" in refused.stderr


# Names that steer a terminal

EVIL = "a\x1b]0;x\x07\x1b[2J\u202eb\u2066\u200e\u2028\x9b1m\rc"
SHOWN = r"a\x1b]0;x\x07\x1b[2J\u202eb\u2066\u200e\u2028\x9b1m\rc"


def drawn(done: Result) -> bool:
    """Whether a command ended by itself, and printed nothing but what a terminal draws."""
    ended = done.exception is None or isinstance(done.exception, SystemExit)
    return ended and done.output.replace("\n", "").isprintable()


def test_what_a_phone_says_of_itself_and_names_of_files_steer_no_terminal(
    plug_in: Callable[[], FakePhone], models: tuple[Path, ...], tmp_path: Path
) -> None:
    fake = plug_in()
    answers = {
        "getprop": STATE["getprop"].replace("arm64-v8a", "x86_64"),
        "thermalservice": STATE["thermalservice"],
        "battery": STATE["battery"],
    }
    for name, answer in answers.items():
        hostile = re.sub(r"Nobody|Fake 1|FK1000|SKIN", lambda found: found[0] + EVIL, answer)
        fake.sandbox.write(f"state/{name}", hostile)
    governor = "sys/devices/system/cpu/cpufreq/policy0/scaling_governor"
    fake.sandbox.write(governor, f"{EVIL}\n")
    listed = CliRunner().invoke(main, ["devices"], color=True)
    assert drawn(listed)
    assert "Fake 1" in listed.output
    evil = [tmp_path / f"{EVIL}{path.suffix}" for path in models]
    for path, copy in zip(models, evil, strict=True):
        copy.write_bytes(path.read_bytes())
    words = ["latency", *map(str, evil), "--on", "adb", *SHORT]
    done = CliRunner().invoke(main, words, color=True)
    assert drawn(done)
    assert done.exit_code == 0, done.output
    assert SHOWN in done.output
    printed = CliRunner().invoke(main, [*words, "--json"], color=True).stdout
    assert printed.isascii()
    assert [each["name"] for each in json.loads(printed)["targets"]] == [each.name for each in evil]


@pytest.mark.parametrize("command", ["getprop", "mkdir", "df", "sha256sum", "dumpsys", "settings"])
def test_what_a_broken_phone_prints_steers_no_terminal(
    plug_in: Callable[[], FakePhone], models: tuple[Path, ...], command: str
) -> None:
    fake = plug_in()
    fake.faults.shell.where = command
    fake.faults.shell.garbage = f"{EVIL}\n{EVIL}: No such file\n".encode()
    for words in (["devices"], ["latency", str(models[0]), "--on", "adb", *SHORT]):
        assert drawn(CliRunner().invoke(main, words, color=True))
