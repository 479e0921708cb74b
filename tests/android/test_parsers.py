"""The parsers against what real phones print, and against anything at all."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mixnet_android import parsers
from mixnet_android.adb import quoting
from mixnet_android.adb.errors import AdbError, explain
from mixnet_android.parsers.cpus import parse_tree
from mixnet_android.parsers.text import SERIAL, decimal, integer, lines_of
from mixnet_android.phone import conditions, device, settings
from mixnet_android.runs import detached
from mixnet_common.cpu_lists import parse_kernel_cpus

DATA = Path(__file__).with_name("data")
UNTIMED = hypothesis_settings(deadline=None, max_examples=50)
"""The machines that run this are shared: how long one example takes says nothing."""

# Parsers of what phones tell never raise; benchmark_model's refuses, and has a test of its own.
RECORDED = sorted(path for path in DATA.glob("*/*.txt") if path.parent.name != "benchmark_model")

PARSERS: dict[str, Callable[[str], Any]] = {
    "devices": parsers.parse_devices,
    "getprop": parsers.parse_properties,
    "thermal": parsers.parse_thermal,
    "battery": parsers.parse_battery,
    "cpufreq": parsers.parse_clusters,
    "cpuinfo": parsers.parse_cpuinfo,
    "df": parsers.parse_free_bytes,
    "mounts": parsers.parse_mounts,
    "screen": parsers.parse_screen_on,
    "cpus": parse_kernel_cpus,
    "tree": parse_tree,
    "note": settings.parse_note,
}


def recorded(name: str) -> str:
    return (DATA / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_ends_of_lines_change_nothing(path: Path) -> None:
    text, parse = path.read_text(encoding="utf-8"), PARSERS[path.parent.name]
    expected = parse(text)
    assert parse(text.replace("\n", "\r\n")) == expected
    assert parse(text.replace("\n", "\r\r\n")) == expected  # a terminal on top of a terminal
    assert parse(text.rstrip("\n")) == expected
    assert expected or path.stem == "xperia-android6"


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_output_that_was_cut_off_anywhere_is_still_read(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for end in range(0, len(text), max(7, len(text) // 60)):
        PARSERS[path.parent.name](text[:end])


@UNTIMED
@given(
    name=st.sampled_from(sorted(PARSERS)),
    text=st.text() | st.sampled_from([each.read_text(encoding="utf-8") for each in RECORDED]),
    noise=st.text(max_size=30),
    place=st.integers(0, 3000),
)
@example(name="getprop", text="[" * 5000, noise="", place=0)
@example(name="cpus", text="0-99999999", noise="", place=0)
def test_no_parser_ever_fails(name: str, text: str, noise: str, place: int) -> None:
    PARSERS[name](text[:place] + noise + text[place:])


@pytest.mark.parametrize(
    ("name", "piece"),
    [
        ("getprop", "[a]: [x\n"),
        ("thermal", "Current temperatures from HAL:\n"),
        ("screen", " \n"),
        ("df", "1 "),
        ("devices", "a"),
    ],
)
def test_a_phone_cannot_keep_a_parser_busy(name: str, piece: str) -> None:
    start = time.process_time()
    PARSERS[name](piece * (200_000 // len(piece)))
    assert time.process_time() - start < 5  # linear: below 0.5 s; quadratic: minutes


@UNTIMED
@given(st.text())
def test_records_can_be_built_from_anything(text: str) -> None:
    device.parse_state(dict.fromkeys(device.COMMANDS, text))
    conditions.parse_conditions(dict.fromkeys(conditions.ASKED, text))
    questions = ("there", "boot", "members", "status", "overdue", "progress", "complaint")
    detached.parse_status(dict.fromkeys(questions, text))


@UNTIMED
@given(st.text())
def test_every_complaint_is_an_error_of_one_line(text: str) -> None:
    error = explain(text, "abc")
    assert isinstance(error, AdbError)
    assert error.message.isprintable()


def test_the_list_of_devices_is_read_behind_the_words_of_a_starting_daemon() -> None:
    (phone,) = parsers.parse_devices(recorded("devices/starting.txt"))
    assert (phone.serial, phone.state) == ("127.0.0.1:32935", "device")
    assert phone.details["model"] == "Fake_1"


def test_phones_in_trouble_are_listed_with_their_state() -> None:
    listed = parsers.parse_devices(recorded("devices/trouble.txt"))
    states = [(each.serial, each.state) for each in listed]
    assert states == [
        ("009d1cd696d5194a", "no permissions"),
        ("8XV5000A20007972", "unauthorized"),
        ("????????????", "no permissions"),
        ("emulator-5554", "offline"),
    ]
    assert listed[0].details["usb"] == "1-1"


def test_a_list_without_its_heading_is_read_too() -> None:
    assert len(parsers.parse_devices("abc\tdevice\n")) == 1


@pytest.mark.parametrize(
    ("name", "model", "soc"),
    [
        ("pixel-8-pro", "Pixel 8 Pro", "Tensor G3"),
        ("galaxy-s24-ultra", "SM-S928B", "exynos2400"),  # no ro.soc.model
        ("xiaomi-12-pro", "Xiaomi 12 Pro", "Snapdragon 8 Gen 1"),
        ("xiaomi-m2101k9c", "M2101K9C", "MT6893"),
    ],
)
def test_model_and_soc_of_real_phones(name: str, model: str, soc: str) -> None:
    properties = parsers.parse_properties(recorded(f"getprop/{name}.txt"))
    product = parsers.describe_product(properties)
    assert (product.model, product.soc) == (model, soc)
    assert not product.emulated


def test_versions_abis_and_build() -> None:
    properties = parsers.parse_properties(recorded("getprop/xiaomi-m2101k9c.txt"))
    product = parsers.describe_product(properties)
    assert (product.android, product.sdk, product.abis) == ("13", 33, ("arm64-v8a",))
    assert str(product.build).startswith("Redmi/ares")
    assert properties["persist.sys.locale"] == ""


@pytest.mark.parametrize(
    "line", ["[ro.kernel.qemu]: [1]", "[ro.hardware]: [ranchu]", "[ro.mixnet.emulated]: [1]"]
)
def test_an_emulator_is_known_as_one(line: str) -> None:
    assert parsers.describe_product(parsers.parse_properties(line)).emulated


def test_a_property_of_several_lines_is_one() -> None:
    properties = parsers.parse_properties("[a.b]: [one\ntwo]\n[c]: [three]\n")
    assert properties == {"a.b": "one two", "c": "three"}


@pytest.mark.parametrize(
    ("name", "status", "skin", "cpu", "battery"),
    [
        ("galaxy-a52", 0, 24.7, 25.6, 23.8),
        ("qualcomm-android10", 0, 28.348001, 32.300003, 25.900002),
        ("galaxy-sdhms", 0, 25.3, 24.0, 24.4),
        ("xiaomi-13t-pro", 3, 34.351, 57.9, None),
    ],
)
def test_current_temperatures_of_real_phones(
    name: str, status: int, skin: float, cpu: float, battery: float | None
) -> None:
    thermal = parsers.parse_thermal(recorded(f"thermal/{name}.txt"))
    assert thermal.status == status
    assert thermal.hottest("skin") == skin
    assert thermal.hottest("cpu") == cpu
    assert thermal.hottest("battery") == battery
    assert not thermal.cached
    assert not thermal.override


def test_cached_temperatures_count_only_without_current_ones() -> None:
    thermal = parsers.parse_thermal(recorded("thermal/shield-tv.txt"))
    assert thermal.cached
    assert thermal.hottest("cpu") == 37.0


def test_an_overridden_thermal_status_is_seen() -> None:
    text = recorded("thermal/galaxy-a52.txt").replace("Override: false", "Override: true")
    assert parsers.parse_thermal(text).override


def test_a_phone_without_the_thermal_service_tells_nothing() -> None:
    thermal = parsers.parse_thermal("Can't find service: thermalservice\n")
    assert (thermal.status, thermal.ready, thermal.sensors) == (None, None, ())


def test_sensors_that_are_not_there_have_no_temperature() -> None:
    names = [
        each.name for each in parsers.parse_thermal(recorded("thermal/galaxy-a52.txt")).sensors
    ]
    assert "USB" not in names  # 0.0
    assert "AP" in names


def test_the_battery_of_real_phones() -> None:
    full = parsers.parse_battery(recorded("battery/usb-full.txt"))
    assert full == parsers.Battery(100, 27.4, "full", True, False)
    charging = parsers.parse_battery(recorded("battery/galaxy-s24.txt"))
    assert (charging.level_percent, charging.celsius, charging.status) == (75, 35.7, "charging")


def test_a_frozen_battery_is_seen() -> None:
    text = "Current Battery Service state:\n  (UPDATES STOPPED -- use 'reset' to restart)\n"
    battery = parsers.parse_battery(text)
    assert battery.stopped
    assert battery.plugged is None


def test_clusters_of_three_kinds_slowest_first() -> None:
    clusters = parsers.parse_clusters(recorded("cpufreq/honor-400.txt"))
    assert [each.cpus for each in clusters] == [(0, 1, 2, 3), (4, 5, 6), (7,)]
    assert [each.max_khz for each in clusters] == [1_804_800, 2_400_000, 2_630_400]


def test_a_throttled_cluster_shows_its_limit() -> None:
    little, big = parsers.parse_clusters(recorded("cpufreq/throttled-two-clusters.txt"))
    assert (little.limit_khz, little.max_khz) == (1_497_600, 2_016_000)
    assert big.limit_khz == big.max_khz


def test_files_that_may_not_be_read_are_passed_over() -> None:
    (cluster,) = parsers.parse_clusters(recorded("cpufreq/thinkpad-x13s.txt"))
    assert cluster.cpus == (4, 5, 6, 7)
    assert cluster.current_khz == 1_920_000
    assert cluster.limit_khz is None


def test_capacity_orders_clusters_before_the_clock_does() -> None:
    tree = "".join(
        f"/sys/devices/system/cpu/cpufreq/policy{cpu}/cpuinfo_max_freq:{khz}\n"
        f"/sys/devices/system/cpu/cpu{cpu}/cpu_capacity:{capacity}\n"
        for cpu, khz, capacity in ((0, 2_400_000, 1024), (4, 2_500_000, 300))
    )
    assert [each.cpus for each in parsers.parse_clusters(tree)] == [(4,), (0,)]


def test_a_core_belongs_to_one_cluster_only() -> None:
    tree = "".join(f"/x/cpufreq/policy{n}/related_cpus:0 1\n" for n in (0, 1))
    assert [each.cpus for each in parsers.parse_clusters(tree)] == [(0, 1)]


@pytest.mark.parametrize(
    ("name", "count", "parts", "has", "lacks"),
    [
        ("snapdragon-685", 8, {0x801, 0xD09}, "crc32", "asimddp"),
        ("dimensity-8400", 3, {0xD87}, "i8mm", "mte"),
        ("lg-g4", 6, {0xD03, 0xD07}, "asimd", "asimdhp"),
    ],
)
def test_features_of_real_cores(
    name: str, count: int, parts: set[int], has: str, lacks: str
) -> None:
    cores = parsers.parse_cpuinfo(recorded(f"cpuinfo/{name}.txt"))
    assert len(cores) == count
    assert {core.part for core in cores} == parts
    features = parsers.common_features(cores)
    assert has in features
    assert lacks not in features


def test_free_space_is_the_number_before_the_percentage() -> None:
    assert parsers.parse_free_bytes(recorded("df/nexus-5x.txt")) == 16_857_000 * 1024
    assert parsers.parse_free_bytes(recorded("df/xperia-android6.txt")) is None


def test_the_mount_of_a_path_is_the_longest_that_holds_it() -> None:
    mounts = parsers.parse_mounts(
        "rootfs / rootfs ro 0 0\n/dev/a /data f2fs rw,nosuid 0 0\n"
        "tmpfs /data/local/tmp tmpfs rw,noexec 0 0\n/dev/b /database ext4 rw 0 0\n"
        "/dev/c /with\\040blank ext4 rw 0 0\n"
    )
    found = parsers.mount_of("/data/local/tmp/x", mounts)
    assert found is not None
    assert found.options == ("rw", "noexec")
    root = parsers.mount_of("/datafile", mounts)
    assert root is not None
    assert root.place == "/"
    assert mounts[-1].place == "/with blank"


@pytest.mark.parametrize(
    ("text", "on"),
    [
        ("  mWakefulness=Awake\n", True),
        ("  mWakefulness=Dozing\r\n", False),
        ("Display Power: state=ON", True),
        ("Display Power: state=OFF", False),
        ("nothing", None),
    ],
)
def test_the_screen(text: str, on: bool | None) -> None:
    assert parsers.parse_screen_on(text) is on


@UNTIMED
@given(st.text(alphabet=st.characters(), max_size=400))
def test_cleaned_text_is_short_and_printable(text: str) -> None:
    cleaned = parsers.clean(text)
    assert len(cleaned) <= 120
    assert not any(ord(each) < 32 or 127 <= ord(each) < 160 for each in cleaned)


@pytest.mark.parametrize(
    "bad", ["-s", "../../etc", "a/b", "a b", "a;rm", "", "$(x)", "x" * 200, "a\n", "\x1b[2J"]
)
def test_what_is_no_serial_is_refused(bad: str) -> None:
    assert not SERIAL.match(bad)


@UNTIMED
@given(st.text(min_size=1), st.text(min_size=1))
def test_serials_make_distinct_and_harmless_file_names(one: str, other: str) -> None:
    names = parsers.file_name(one), parsers.file_name(other)
    assert (names[0] == names[1]) == (one == other)
    assert all("/" not in name and "\\" not in name and ":" not in name for name in names)


@UNTIMED
@given(st.text(), st.integers(0, 255))
def test_a_wrapped_answer_comes_back_whole(text: str, status: int) -> None:
    text = text.replace("\r", "")
    answer = quoting.unwrap(f"mark-1 begins\n{text}\nmark-1 {status}\n", "mark-1")
    assert answer == quoting.Answer(status, text)


def test_what_a_shell_says_of_its_own_is_no_part_of_an_answer() -> None:
    output = "Welcome to lab 3\n\nmark-1 begins\nhello\n\nmark-1 0\nbye\n"
    assert quoting.unwrap(output, "mark-1") == quoting.Answer(0, "hello\n")
    assert quoting.unwrap(output.replace("\n", "\r\n"), "mark-1") == quoting.Answer(0, "hello\n")
    assert quoting.unwrap("hello\nmark-1 0\n", "mark-1") is None  # its begin was cut off


@pytest.mark.parametrize(
    "output",
    [
        *("", "half of it", "half\nmark", "half\nmark-1 ", "mark-1 999\n"),
        *("mark-1 begins\nhalf", "mark-1 begins\nhalf\nmark-1 "),
    ],
)
def test_an_answer_without_its_mark_is_none(output: str) -> None:
    if "999" not in output:
        assert quoting.unwrap(output, "mark-1") is None


@UNTIMED
@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), st.text(max_size=30)))
def test_sections_come_apart_again(texts: dict[str, str]) -> None:
    clean = {name: "\n".join(lines_of(text)) for name, text in texts.items()}
    joined = "".join(f"\nM {name}\n{text}" for name, text in clean.items())
    assert quoting.split_sections(joined, "M") == clean


@pytest.mark.parametrize("text", ["1e9", "0x10", "nan", "", None, "9" * 30, "-1", "1_000", "١"])
def test_what_is_no_small_integer_is_none(text: str | None) -> None:
    assert integer(text) is None


@pytest.mark.parametrize("text", ["nan", "inf", "1e9", "", None, "999"])
def test_what_is_no_believable_number_is_none(text: str | None) -> None:
    assert decimal(text, -40, 200) is None


@pytest.mark.parametrize(
    "note",
    [
        "stay_on 99\nfixed_performance false\n",
        "stay_on 1; reboot\nfixed_performance false\n",
        "stay_on 1\nfixed_performance true\n",
        "",
    ],
)
def test_a_note_that_was_tampered_with_is_not_obeyed(note: str) -> None:
    assert settings.parse_note(note) is None
