"""A campaign carried out: resumed, interrupted, with failures, and for real on a tiny network."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mixnet_bench.campaign.execute import DONE, FAILED, FOUND, NOT_TRIED, TO_DO, execute, look
from mixnet_bench.campaign.steps import Step
from mixnet_bench.campaign.store import Store
from mixnet_bench.cli import main
from mixnet_bench.counting.graph import count_graph
from mixnet_common import MixnetError, UsageError
from mixnet_common.locks import locked
from mixnet_networks import load_network
from mixnet_networks.weights import save_weights, seeded_weights

Targets = list[dict[str, Any]]


class Hands:
    """Does steps by writing their names down, and fails where it is told to."""

    def __init__(self, failing: Sequence[str] = (), error: BaseException | None = None) -> None:
        self.failing = failing
        self.error = error or MixnetError("it broke", "mend it")
        self.did: list[str] = []

    def __call__(self, step: Step, store: Store) -> Targets:
        if step.name in self.failing:
            raise self.error
        self.did.append(step.name)
        return [{"name": step.name}]

    @property
    def work(self) -> dict[str, Callable[[Step, Store], Targets]]:
        return {"count": self, "inspect": self, "paper": self}


FIRST = Step("count", "first", {"a": 1})
SECOND = Step("inspect", "second", {"b": 2}, needs=(FIRST,))
THIRD = Step("paper", "third", {"c": 3})
STEPS = [FIRST, SECOND, THIRD]


def states(outcomes: Sequence[Any]) -> list[str]:
    return [each.state for each in outcomes]


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    store, hands = Store(tmp_path), Hands()
    assert states(execute(STEPS, store, hands.work)) == [DONE] * 3
    assert states(execute(STEPS, store, hands.work)) == [FOUND] * 3
    assert hands.did == ["first", "second", "third"]


def test_a_failure_takes_only_those_along_that_need_it(tmp_path: Path) -> None:
    store = Store(tmp_path)
    outcomes = execute(STEPS, store, Hands(["first"]).work)
    assert states(outcomes) == [FAILED, NOT_TRIED, DONE]
    assert outcomes[0].error == "it broke (mend it)"
    assert outcomes[1].error == "it needs first"
    hands = Hands()
    assert states(execute(STEPS, store, hands.work)) == [DONE, DONE, FOUND]
    assert hands.did == ["first", "second"]


def test_a_bug_in_one_step_does_not_cost_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hands = Hands(["second"], ZeroDivisionError("oh"))
    assert states(execute(STEPS, Store(tmp_path), hands.work)) == [DONE, FAILED, DONE]
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("place", [0, 1, 2])
def test_interrupted_anywhere_it_goes_on_there(place: int, tmp_path: Path) -> None:
    store = Store(tmp_path)
    broken = Hands([STEPS[place].name], KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        execute(STEPS, store, broken.work)
    hands = Hands()
    assert states(execute(STEPS, store, hands.work)) == [FOUND] * place + [DONE] * (3 - place)
    assert broken.did + hands.did == ["first", "second", "third"]


def test_a_result_of_other_inputs_is_no_result(tmp_path: Path) -> None:
    store = Store(tmp_path)
    execute([FIRST], store, Hands().work)
    other = Step("count", "first", {"a": 2})
    assert store.recall(other) is None
    store.result_path(other).write_bytes(store.result_path(FIRST).read_bytes())
    assert store.recall(other) is None


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"step": {}}', '{"step": {"key": 1}}'])
def test_a_damaged_result_is_no_result(content: str, tmp_path: Path) -> None:
    store = Store(tmp_path)
    execute([FIRST], store, Hands().work)
    store.result_path(FIRST).write_text(content, encoding="utf-8")
    assert states(look([FIRST], store)) == [TO_DO]


DAMAGE = {
    "digits": "9" * 400, "infinite": "1e999", "tiny": "5e-324", "nan": "NaN", "type": "[[1]]",
    "deep": "[" * 100_000, "negative": "-1", "half": "3.5",
}  # fmt: skip


@pytest.mark.parametrize("value", DAMAGE.values(), ids=DAMAGE)
@pytest.mark.parametrize("key", ["params", "macs", "partitions"])
def test_a_result_with_a_number_that_cannot_be_is_none_and_stays(
    key: str, value: str, tmp_path: Path
) -> None:
    """Its step's key is right: only what was counted is damaged."""
    store = Store(tmp_path)
    target = {"name": "a", "params": 1, "macs": 1, "macs_by_convention": {}, "partitions": 1}
    store.save(FIRST, [target], 1.0)
    assert store.recall(FIRST) is not None
    path = store.result_path(FIRST)
    whole = path.read_text()
    path.write_text(whole.replace(f'"{key}": 1', f'"{key}": {value}'))
    damaged = path.read_text()
    assert damaged != whole
    assert store.recall(FIRST) is None
    assert list(store.earlier()) == []
    assert states(look([FIRST], store)) == [TO_DO]
    assert path.read_text() == damaged


def test_a_result_never_leads_out_of_the_folder(tmp_path: Path) -> None:
    store = Store(tmp_path / "out")
    for path in ("../secret", "a/../../secret", "/etc/passwd", "..\\secret"):
        with pytest.raises(UsageError, match="is outside"):
            store.written({"path": path if path[0] != "/" else f"../..{path}"})


# For real


CAMPAIGN = """
title = "A tiny one"
networks = ["tiny.toml"]
formats = ["tflite", "onnx"]
precisions = ["float32", "int8"]
[latency]
launches = 1
min_count = 2
min_time_s = 0
warmup = 0
profile = true
"""


@pytest.fixture
def tiny_campaign(tiny_network: Path) -> Path:
    path = tiny_network.with_name("campaign.toml")
    path.write_text(CAMPAIGN, encoding="utf-8")
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["run", *map(str, arguments)])


def documented() -> set[str]:
    text = (Path(__file__).parents[2] / "docs" / "json.md").read_text(encoding="utf-8")
    section = text.split("## `mixnet-bench run`")[1].split("\n## ")[0]
    return {line.split("`")[1] for line in section.splitlines() if line.startswith("| `")}


def test_a_campaign_is_carried_out_resumed_and_reported(
    tiny_campaign: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    planned = run(tiny_campaign, "-o", out, "--dry-run", "--json")
    assert planned.exit_code == 0, planned.output
    assert not out.exists()
    steps = json.loads(planned.stdout)["targets"]
    assert {step["state"] for step in steps} == {"to do"}
    assert {step["estimate_from"] for step in steps} == {"estimate"}
    assert set(steps[0]) == documented()

    first = run(tiny_campaign, "-o", out, "--json")
    assert first.exit_code == 0, first.output
    done = json.loads(first.stdout)["targets"]
    assert [step["state"] for step in done] == ["done"] * len(steps)
    assert "tiny" in (out / "report.html").read_text(encoding="utf-8")
    (out / "report.html").unlink()  # written each time
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}

    assert "10 done before" in run(tiny_campaign, "-o", out).output
    assert {path: path.stat().st_mtime_ns for path in before} == before

    Path(next(step["result"] for step in done if step["kind"] == "latency")).unlink()
    victim = next(path for path in before if path.name == "tiny-int8.onnx")
    content = victim.read_bytes()
    victim.write_bytes(b"damaged")
    again = json.loads(run(tiny_campaign, "-o", out, "--dry-run", "--json").stdout)["targets"]
    assert sorted(step["kind"] for step in again if step["state"] == "to do") == [
        "export",
        "latency",
    ]
    assert {step["estimate_from"] for step in again} == {None, "estimate", "earlier result"}
    assert run(tiny_campaign, "-o", out).exit_code == 0
    assert len(victim.read_bytes()) == len(content)

    page = out / "report.html"
    made = CliRunner().invoke(main, ["report", str(out), "-o", str(page)])
    assert made.exit_code == 0, made.output
    assert "tiny" in page.read_text(encoding="utf-8")


def test_a_file_with_weights_has_as_many_classes_as_its_results_say(
    tiny_campaign: Path, tmp_path: Path
) -> None:
    tiny = str(tiny_campaign.with_name("tiny.toml"))
    sized = load_network(tiny, classes=7)
    save_weights(tiny_campaign.with_name("mine.safetensors"), seeded_weights(sized, 1))
    text = 'networks = [{ name = "tiny.toml", weights = "mine.safetensors" }]\n[latency]\n'
    brief = "launches = 1\nmin_count = 1\nmin_time_s = 0\nwarmup = 0\n"
    tiny_campaign.write_text(text + brief, encoding="utf-8")
    result = run(tiny_campaign, "-o", tmp_path / "out", "--json")
    assert result.exit_code == 0, result.output
    found = {step["kind"]: Path(step["result"]) for step in json.loads(result.stdout)["targets"]}
    (exported,) = json.loads(found["export"].read_text(encoding="utf-8"))["targets"]
    assert exported["classes"] == exported["origin"]["classes"] == 7
    assert exported["weights"]["source"] == "mine.safetensors"
    (counted,) = json.loads(found["count"].read_text(encoding="utf-8"))["targets"]
    assert counted["params"] == count_graph(sized.graph).params


def test_a_folder_that_another_campaign_works_in_is_left_to_it(
    tiny_campaign: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with locked(out, ""):
        result = run(tiny_campaign, "-o", out)
        looked = run(tiny_campaign, "-o", out, "--dry-run")

    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {out} is in use by process {os.getpid()} on ")
    assert "-o" in result.stderr.splitlines()[-1]
    assert looked.exit_code == 0
    assert list(out.iterdir()) == []


def test_a_failed_step_is_named_and_makes_the_exit_status_1(
    tiny_campaign: Path, tmp_path: Path
) -> None:
    text = tiny_campaign.read_text(encoding="utf-8")
    text = text.replace("networks", 'devices = ["adb:no-such-phone"]\nnetworks')
    text = text.replace('formats = ["tflite", "onnx"]\nprecisions = ["float32", "int8"]', "")
    tiny_campaign.write_text(text, encoding="utf-8")
    result = run(tiny_campaign, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "1 of 4 steps failed: latency tiny on adb:no-such-phone" in result.output
    assert "3 done" in result.output
