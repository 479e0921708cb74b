"""A campaign's TOML: what is read from it, what is refused, and the steps that it stands for."""

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mixnet_bench.campaign.estimate import (
    EARLIER,
    GUESS,
    PROCESS_S,
    Size,
    estimate,
    guess_export,
    guess_latency,
    read_earlier,
)
from mixnet_bench.campaign.read import KEYS, parse_campaign, read_campaign
from mixnet_bench.campaign.ready import find_campaign, ready_campaigns
from mixnet_bench.campaign.record import Entry, FileEntry, Images, Timing
from mixnet_bench.campaign.steps import Step, groups_of, make_steps, origin
from mixnet_bench.campaign.store import Store
from mixnet_bench.campaign.work import WORK
from mixnet_common import MixnetError, UsageError
from mixnet_networks import load_network
from mixnet_networks.paper import load_table
from mixnet_networks.weights import save_weights, seeded_weights

DOCS = Path(__file__).parents[2] / "docs" / "campaigns.md"
PATH = Path("/somewhere/campaign.toml")
PATIENT = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A loaded machine draws and runs examples slowly."""

SMALL = 'networks = ["mixnet-s"]\n'


def steps_of(text: str, path: Path = PATH) -> list[Step]:
    return make_steps(parse_campaign(text, path))


def kinds(steps: list[Step]) -> dict[str, int]:
    found = [step.kind for step in steps]
    return {kind: found.count(kind) for kind in found}


def test_the_smallest_campaign_is_one_network() -> None:
    campaign = parse_campaign(SMALL, PATH)
    assert campaign.title == "campaign"
    assert (campaign.formats, campaign.precisions) == (("tflite",), ("float32",))
    assert kinds(make_steps(campaign)) == {"count": 1, "export": 1, "inspect": 1, "latency": 1}


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("", "does not name networks", "mixnet-s"),
        ("networks = []", "'networks' must be a list of 1 to 1000 networks, not []", "mixnet-s"),
        ('networks = ["mixnet-s", "mixnet-s"]', "'networks' has mixnet-s twice", "once"),
        ('networks = ["mixnet-s", { name = "mixnet-s" }]', "'networks' has mixnet-s twice", "once"),
        ("networks = [3]", ", networks[0]: must be a table of keys and values, not 3", ""),
        ("networks = [{}]", ", networks[0]: the key 'name' is missing", ""),
        ('networks = [{ name = "mixnet-s", clases = 3 }]', "unknown key 'clases'", "classes?"),
        (
            'networks = [{ name = "mixnet-s", classes = true }]',
            "'classes' must be a whole number of at least 1, not True",
            "",
        ),
        ('networks = [{ name = "mixnet-s", seed = 1, weights = "w" }]', "both a seed", "omit"),
        (SMALL + "device = 3", "unknown key 'device'", "did you mean devices?"),
        (SMALL + "folder = 3", "unknown key 'folder'", "did you mean for"),
        (SMALL + "targets = []", "unknown key 'targets'", ""),
        (SMALL + 'for = "litert-1.1"', "'for' must be a list of runtimes", 'for = ["litert-1.1"]'),
        (SMALL + "for = [1.1]", "'for' must be a list of runtimes", 'for = ["litert-1.1"]'),
        (SMALL + 'for = ["litert-9.9"]', "unknown runtime 'litert-9.9'", "litert-"),
        (SMALL + 'for = ["litert", "tflite"]', "several runtimes of .tflite", "per version"),
        (SMALL + 'devices = ["phone"]', "'devices' must be 'host' or 'adb:SERIAL'", ""),
        (SMALL + 'formats = ["tflight"]', "'formats' must be one of tflite, onnx", "tflite?"),
        (SMALL + 'formats = ["onnx", "onnx"]', "'formats' must be a list with each", ""),
        (SMALL + 'precisions = ["mixed"]', "'precisions' must be one of float32, ", "int8"),
        (SMALL + "[latency]\nlaunch = 3", ", latency: unknown key 'launch'", "launches?"),
        (
            SMALL + "[latency]\nlaunches = 0",
            "'launches' must be a whole number from 1 to 1,000",
            "",
        ),
        (SMALL + "[latency]\nthreads = 100_000", ", latency: threads 100000: give", ""),
        (SMALL + 'devices = ["adb:1"]\nlatency = { threads = 65 }', "threads 65: give a whole", ""),
        (SMALL + "[latency]\ntimeout_s = 1e308", "must be a number above 0, at most 86,400", ""),
        (SMALL + "[latency]\nmin_time_s = nan", "nan is not a finite number", ""),
        (SMALL + "[latency]\ntogether = 'none'", "'together' must be one of network, all", ""),
        (SMALL + "latency = 3", ", latency: must be a table of keys and values, not 3", ""),
        (SMALL + "[parity]", ", parity: the key 'data' is missing", ""),
        (SMALL + 'title = "a\\nb"', "'title' must be one line of text", ""),
        ("networks = [", "is not valid TOML", ""),
    ],
)
def test_what_is_wrong_is_refused_with_what_would_do(text: str, said: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_campaign(text, PATH)
    assert said in caught.value.message
    assert hint in caught.value.hint or hint in caught.value.message


def test_files_are_made_for_the_runtimes_that_a_campaign_names() -> None:
    more = 'formats = ["tflite", "onnx"]\nprecisions = ["float32", "int8"]\n'
    more += 'lowerings = ["default", "reference"]\n'
    newest = exports(SMALL + more)
    older = exports(SMALL + more + 'for = ["litert-1.1.2"]')
    changed = {name for name in newest if newest[name].key != older[name].key}
    assert changed == {f"mixnet-s tflite {each} default" for each in ("float32", "int8")}
    assert {older[name].inputs["target"] for name in changed} == {"litert-1.1"}
    plans = [
        name
        for name in changed
        if newest[name].inputs["plan_sha256"] != older[name].inputs["plan_sha256"]
    ]
    assert plans == ["mixnet-s tflite float32 default"]


def exports(text: str) -> dict[str, Step]:
    return {step.name: step for step in steps_of(text) if step.kind == "export"}


def test_a_campaign_of_more_steps_than_anyone_waits_for_is_refused_with_its_time() -> None:
    lowerings = ", ".join(f'"lowering-{number}"' for number in range(1000))
    text = SMALL + f'formats = ["tflite", "onnx"]\nlowerings = [{lowerings}]\n'
    text += 'precisions = ["float32", "float16", "int8"]\n'
    with pytest.raises(UsageError) as caught:
        make_steps(parse_campaign(text, PATH))
    # 6,000 files of 2.5 s to write, 5.5 s to time and 5 processes of 2 s: 30 hours
    assert caught.value.message == "the campaign has 12,547 steps, which take at least 30.0 h"
    assert "10,000" in caught.value.hint


@PATIENT
@given(
    st.dictionaries(
        st.sampled_from(sorted(KEYS)),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
            max_leaves=5,
        ),
    )
)
def test_no_value_gets_by_unchecked(table: dict[str, Any]) -> None:
    from unittest.mock import patch

    with patch("mixnet_bench.campaign.read.parse_toml", return_value=table):
        try:
            campaign = parse_campaign("", PATH)
        except UsageError:
            return
    assert campaign.networks


@pytest.mark.parametrize(
    "text",
    [
        'networks = ["mixnet-z"]',
        SMALL + 'lowerings = ["quick"]',
        SMALL + 'tables = ["table9"]',
        SMALL + 'precisions = ["int8"]\ncalibration = "nowhere"',
        'networks = [{ name = "mixnet-s", weights = "nowhere.safetensors" }]',
        SMALL + '[parity]\ndata = "nowhere"',
    ],
)
def test_what_is_not_there_is_refused_before_the_first_step(text: str) -> None:
    with pytest.raises(UsageError):
        steps_of(text)


def test_a_missing_file_is_told() -> None:
    with pytest.raises(UsageError, match=r"cannot read nowhere\.toml"):
        read_campaign(Path("nowhere.toml"))


def test_an_unknown_ready_campaign_is_answered_with_those_there_are() -> None:
    with pytest.raises(UsageError) as caught:
        find_campaign("table3")
    assert "table2" in caught.value.hint


# Steps


def test_steps_are_the_product_of_all_that_is_named() -> None:
    text = (
        'networks = ["mixnet-s", "mobilenet-v1"]\nformats = ["tflite", "onnx"]\n'
        'precisions = ["float32", "int8"]\nlowerings = ["default", "reference"]\n'
        'devices = ["host", "adb:123"]\ntables = ["table2"]\n'
    )
    assert kinds(steps_of(text)) == {
        "paper": 1,
        "count": 2,
        "export": 16,
        "inspect": 16,
        "latency": 4,
    }


def test_each_step_comes_after_those_that_it_needs() -> None:
    steps = steps_of('networks = ["mixnet-s", "mobilenet-v1"]\n[latency]\ntogether = "all"')
    keys = [step.key for step in steps]
    for index, step in enumerate(steps):
        assert all(each.key in keys[:index] for each in step.needs)
    assert [len(step.needs) for step in steps if step.kind == "latency"] == [2]


@pytest.mark.parametrize(
    ("files", "sizes"), [(1, [1]), (12, [12]), (13, [7, 7]), (23, [12, 12]), (24, [9, 9, 8])]
)
def test_up_to_twelve_files_take_turns_and_larger_groups_share_the_first(
    files: int, sizes: list[int]
) -> None:
    steps = [Step("export", str(number), {}) for number in range(files)]
    groups = groups_of(steps)
    assert [len(each) for each in groups] == sizes
    assert {each[0].name for each in groups} == {"0"}
    others = [step.name for each in groups for step in each[1:]]
    assert others == [step.name for step in steps[1:]]


def test_files_of_a_device_take_turns_unless_a_campaign_says_otherwise() -> None:
    two = 'networks = ["mixnet-s", "mobilenet-v1"]\n'
    together = [len(step.needs) for step in steps_of(two) if step.kind == "latency"]
    apart = steps_of(two + '[latency]\ntogether = "network"')
    assert together == [2]
    assert [len(step.needs) for step in apart if step.kind == "latency"] == [1, 1]


def test_keys_and_names_are_unique_and_stay_the_same() -> None:
    text = SMALL + 'formats = ["tflite", "onnx"]\nprecisions = ["float32", "int8"]'
    first, second = steps_of(text), steps_of(text)
    assert [step.key for step in first] == [step.key for step in second]
    assert len({step.key for step in first}) == len(first)
    assert len({step.slug for step in first}) == len(first)


@pytest.mark.parametrize(
    "change",
    [
        'networks = [{ name = "mixnet-s", classes = 10 }]',
        'networks = [{ name = "mixnet-s", resolution = 160 }]',
        'networks = [{ name = "mixnet-s", seed = 1 }]',
        'networks = ["mixnet-s"]\nlowerings = ["reference"]',
        'networks = ["mixnet-s"]\nverify = false',
    ],
)
def test_another_input_is_another_key_and_so_for_all_that_follows(change: str) -> None:
    before = {step.kind: step.key for step in steps_of(SMALL)}
    after = {step.kind: step.key for step in steps_of(change)}
    for kind in ("export", "inspect", "latency"):
        assert before[kind] != after[kind]


def test_weights_that_ship_are_known_by_name_and_set_the_classes(tmp_path: Path) -> None:
    steps = steps_of('networks = [{ name = "mixnet-s", weights = "mixnet-s-glyphs" }]')
    by_kind = {step.kind: step for step in steps}
    (counted,) = WORK["count"](by_kind["count"], Store(tmp_path))
    assert origin(by_kind["export"]).classes == by_kind["count"].inputs["classes"] == 64
    thousand, sixty_four = 1537 * 1000, 1537 * 64  # weights and biases of the last layer
    assert counted.params == 4_134_606 - thousand + sixty_four


@pytest.mark.parametrize("device", ["host", "adb:123"])
def test_with_a_profile_a_time_is_another_result_also_on_a_phone(device: str) -> None:
    text = SMALL + f"devices = ['{device}']\n[latency]\nprofile = "
    keys = {steps_of(text + value)[-1].key for value in ("true", "false")}
    assert len(keys) == 2


def save_tiny_weights(network: Path, name: str, classes: int, channels: int = 3) -> None:
    sized = load_network(str(network), classes=classes, in_channels=channels)
    save_weights(network.with_name(name), seeded_weights(sized, 1))


def test_the_size_of_a_file_of_weights_is_that_of_every_step(tiny_network: Path) -> None:
    save_tiny_weights(tiny_network, "mine.safetensors", classes=7)
    save_tiny_weights(tiny_network, "grey.safetensors", classes=7, channels=1)
    text = 'networks = [{ name = "tiny.toml", weights = "%s.safetensors" }]'
    path = tiny_network.with_name("campaign.toml")
    mine, grey = ({s.kind: s for s in steps_of(text % name, path)} for name in ("mine", "grey"))
    assert origin(mine["export"]).classes == 7
    assert mine["count"].key != grey["count"].key


def test_weights_that_do_not_fit_are_refused_before_the_first_step(tiny_network: Path) -> None:
    save_tiny_weights(tiny_network, "mine.safetensors", classes=7)
    path = tiny_network.with_name("campaign.toml")
    entry = 'networks = [{ name = "%s", weights = "mine.safetensors"%s }]'
    with pytest.raises(UsageError, match="has 7 classes, not 5"):
        steps_of(entry % ("tiny.toml", ", classes = 5"), path)
    with pytest.raises(MixnetError, match="does not fit mixnet-s"):
        steps_of(entry % ("mixnet-s", ""), path)


def test_other_settings_of_latency_leave_the_files_as_they_are() -> None:
    before = {step.kind: step.key for step in steps_of(SMALL)}
    after = {step.kind: step.key for step in steps_of(SMALL + "[latency]\nthreads = 2")}
    assert before["export"] == after["export"]
    assert before["latency"] != after["latency"]


def keep_library(home: Path, version: str, api: str = "litert") -> None:
    """A library among those that are kept for phones."""
    folder = home / "runtimes" / version
    folder.mkdir(parents=True)
    (folder / "library.so").write_bytes(b"")
    about: dict[str, Any] = {
        "api": api,
        "version": version,
        "platform": "android-arm64",
        "sha256": version * 10,
    }
    about |= {"size_bytes": 0, "source": "a.aar", "library": "libLiteRt.so", "page_bytes": 16384}
    (folder / "runtime.json").write_text(json.dumps(about), encoding="utf-8")


def test_a_newer_library_is_another_time_on_phones_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIXNET_HOME", str(tmp_path))

    def latencies() -> list[str]:
        steps = steps_of(SMALL + 'devices = ["host", "adb:123"]')
        return [step.key for step in steps if step.kind == "latency"]

    none = latencies()
    keep_library(tmp_path, "2.2.0")
    host, phone = latencies()
    assert (host, phone != none[1]) == (none[0], True)
    keep_library(tmp_path, "2.1.0")  # older, so it runs nothing
    keep_library(tmp_path, "1.30.0", api="onnxruntime")  # of another format
    assert latencies() == [host, phone]
    keep_library(tmp_path, "2.3.0")
    assert latencies()[0] == host
    assert latencies()[1] != phone


def test_another_image_is_another_calibration(tmp_path: Path, tiny_photo: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "a.png").write_bytes(tiny_photo.read_bytes())
    text = SMALL + 'precisions = ["float32", "int8"]\ncalibration = "photos"'
    before = steps_of(text, tmp_path / "campaign.toml")
    (photos / "b.png").write_bytes(tiny_photo.read_bytes())
    after = steps_of(text, tmp_path / "campaign.toml")
    same = [a.key == b.key for a, b in zip(before, after, strict=True) if a.kind == "export"]
    assert same == [True, False]


@pytest.fixture
def cats(tmp_path: Path, tiny_photo: Path) -> Path:
    """A class's folder with one image; the data lie in the folder around it."""
    folder = tmp_path / "data" / "cat"
    folder.mkdir(parents=True)
    (folder / "a.png").write_bytes(tiny_photo.read_bytes())
    return folder


def parity_step(data: Path) -> Step:
    text = SMALL + f'precisions = ["float32", "int8"]\n[parity]\ndata = "{data.name}"'
    (step,) = (s for s in steps_of(text, data.with_name("campaign.toml")) if s.kind == "parity")
    return step


def test_an_image_of_another_class_is_another_check(cats: Path) -> None:
    before = parity_step(cats.parent)
    assert parity_step(cats.parent).key == before.key
    cats.rename(cats.with_name("dog"))
    assert parity_step(cats.parent).key != before.key


def test_a_link_to_nowhere_among_images_is_left_to_the_check(cats: Path) -> None:
    before = parity_step(cats.parent)
    try:
        (cats / "b.png").symlink_to(cats / "gone.png")
    except OSError:
        pytest.skip("no links here")
    assert parity_step(cats.parent).key != before.key


def test_a_check_on_more_images_takes_longer(cats: Path) -> None:
    before = estimate(parity_step(cats.parent), {}).seconds
    for index in range(99):
        (cats / f"{index}.png").write_bytes((cats / "a.png").read_bytes())
    after = estimate(parity_step(cats.parent), {}).seconds
    assert after - PROCESS_S == pytest.approx(100 * (before - PROCESS_S))


def test_files_names_stay_within_what_any_system_takes(tmp_path: Path, tiny_network: Path) -> None:
    hostile = tiny_network.with_name("-.. a$(b)" + "x" * 150 + ".toml")
    tiny_network.rename(hostile)
    text = f"networks = [{hostile.name!r}]"
    for step in steps_of(text, tmp_path / "campaign.toml"):
        assert set(step.slug) <= set(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
        )
        assert len(step.slug) < 130


def test_the_ready_campaign_has_every_network_of_table_2() -> None:
    assert ready_campaigns() == ["table2"]
    campaign = find_campaign("table2")
    published = {row.network for row in load_table("table2").rows if row.network}
    assert {entry.name for entry in campaign.networks} == published
    assert set(campaign.formats) == {"tflite", "onnx"}
    assert {"float32", "int8"} <= set(campaign.precisions)


def test_the_ready_campaign_is_made_to_take_less_than_half_an_hour() -> None:
    steps = make_steps(find_campaign("table2"))
    assert sum(estimate(step, {}).seconds for step in steps) < 30 * 60


# Estimates


def test_what_took_its_time_before_is_estimated_by_that() -> None:
    (step,) = [each for each in steps_of(SMALL) if each.kind == "latency"]
    assert estimate(step, {}).source == GUESS
    before = {"kind": "latency", "name": step.name, "inputs": step.inputs, "seconds": 12.5}
    known = estimate(step, read_earlier([before]))
    assert (known.seconds, known.source) == (12.5, EARLIER)
    other = {**before, "inputs": {"settings": {"launches": 1}}}
    assert estimate(step, read_earlier([other])).source == GUESS


def test_a_larger_network_more_images_and_more_launches_take_longer() -> None:
    small, large = Size(10**6, 10**8), Size(10**7, 10**9)
    assert guess_export(small, "float32", 0) < guess_export(large, "float32", 0)
    assert guess_export(small, "int8", 1) < guess_export(small, "int8", 200)
    brief = Timing(launches=1, min_count=10, min_time_s=0)
    assert guess_latency([(small, "float32")], brief) < guess_latency([(large, "float32")], brief)
    long = Timing(launches=5, min_count=10, min_time_s=0)
    assert guess_latency([(small, "int8")], brief) < guess_latency([(small, "int8")], long)


# The page about it


def test_every_key_is_documented() -> None:
    text = DOCS.read_text(encoding="utf-8")
    inner = {each.name for kind in (Entry, FileEntry, Timing, Images) for each in fields(kind)}
    for key in {*KEYS, *inner} - {"name", "latency", "parity"}:
        assert re.search(rf"`(\w*\.)?{key}`", text), key


def test_the_example_is_a_campaign() -> None:
    pages = re.findall(r"```toml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    example, files = pages
    assert len(parse_campaign(files, PATH).files) == 3
    campaign = parse_campaign(example, PATH)
    assert len(campaign.networks) == 5
    assert campaign.parity is not None
