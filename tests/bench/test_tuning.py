"""The tuner, on a timer that reads the answer out of the files it is given."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from mixnet_bench.cli import main
from mixnet_bench.commands.tune import TuneRequest, show_gain, tune
from mixnet_bench.tuning.blocks import distinct_blocks, signature
from mixnet_bench.tuning.cache import cache_path, recall, remember
from mixnet_bench.tuning.host import HostTimer
from mixnet_bench.tuning.search import MARGIN, Outcome, search_block
from mixnet_common import MixnetError
from mixnet_common.intervals import Estimate, Interval
from mixnet_export.cli import main as export
from mixnet_export.lowering import (
    EMULATED,
    PLANS,
    Choice,
    Model,
    Plan,
    format_plan,
    load_plan,
    lower,
)
from mixnet_export.writers import FORMATS
from mixnet_networks import load_network
from mixnet_networks.graph.reference import evaluate
from mixnet_networks.weights import seeded_weights
from mixnet_runtimes import read_file
from mixnet_runtimes.inputs import seeded_input
from mixnet_runtimes.targets import Target, find_target


@pytest.fixture(scope="module")
def model() -> Model:
    network = load_network("mixnet-s", multiplier=0.25)
    return Model(network.graph, seeded_weights(network))


class ReadingTimer:
    """Takes the time that is written in the file: tests need not wait, nor does noise matter."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def __call__(self, contents: Sequence[bytes]) -> list[list[float]]:
        self.calls.append(len(contents))
        return [[float(content)] * 3 for content in contents]

    def launches(self, contents: Sequence[bytes]) -> list[list[list[float]]]:
        return [self(contents)] * 3

    def conditions(self, content: bytes) -> str:
        return "a ruler"

    def target(self, content: bytes) -> Target | None:
        return find_target("litert-1.1")


def test_blocks_are_told_apart_by_what_they_compute_and_not_by_their_names(model: Model) -> None:
    names = [block.names for block in distinct_blocks(model)]
    assert ("blocks.4.0", "blocks.4.1", "blocks.4.2") in names
    assert ("blocks.10.0", "blocks.10.1") in names
    assert sum(len(each) for each in names) == 1 + 16 + 1
    assert len(set(names)) == len(names)


def test_a_block_by_itself_computes_what_it_computes_in_the_network(model: Model) -> None:
    (entry,) = model.graph.inputs
    image = np.random.default_rng(0).normal(size=entry.shape).astype(np.float32)
    graphs = [block.model.graph for block in distinct_blocks(model)]
    ends = [name for graph in graphs for name in (graph.inputs[0].name, *graph.outputs)]
    whole = evaluate(model.graph, dict(model.weights), {entry.name: image}, keep=ends)
    assert whole["logits"].std() > 0
    for block in distinct_blocks(model):
        graph = block.model.graph
        source = graph.inputs[0].name
        outputs = evaluate(graph, dict(block.model.weights), {source: whole[source]})
        np.testing.assert_array_equal(outputs[graph.outputs[0]], whole[graph.outputs[0]])


def test_the_search_finds_the_fastest_form_and_times_none_twice(model: Model) -> None:
    block = next(each for each in distinct_blocks(model) if each.names[0] == "blocks.9.0")
    timer, seen = ReadingTimer(), []

    def write(_: object, choice: Choice) -> bytes:
        seen.append(choice)
        cost = 1.0 - 0.2 * (choice.merge == "pairs") - 0.3 * (choice.tiling == "grid")
        return str(cost).encode()

    found = search_block(block, Choice(mixed="branches", groups="dense"), write, timer)
    assert (found.choice.merge, found.choice.tiling) == ("pairs", "grid")
    assert found.ratio == pytest.approx(0.5)
    forms = {signature(lower(block.model, Plan("", each)).graph) for each in seen}
    assert found.tried == len(forms)
    assert min(timer.calls) >= 2


def test_a_gain_within_the_margin_changes_nothing(model: Model) -> None:
    block = next(each for each in distinct_blocks(model) if each.names[0] == "blocks.9.0")
    start = Choice(mixed="branches")

    def write(_: object, choice: Choice) -> bytes:
        return b"1.0" if choice == start else str(1 - MARGIN / 2).encode()

    found = search_block(block, start, write, ReadingTimer())
    assert found == Outcome(start, 1.0, found.tried)


FEW = {"tiling": ("direct", "rows", "grid"), "merge": ("none", "smallest", "all")}
"""Options enough for a handful of forms."""


class NoisyTimer(ReadingTimer):
    """Times that chance spreads by 3 % from launch to launch, and by 5 % within one."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.rng = np.random.default_rng(seed)

    def __call__(self, contents: Sequence[bytes]) -> list[list[float]]:
        return [
            (float(each) * self.rng.lognormal(0, 0.03) * self.rng.lognormal(0, 0.05, 5)).tolist()
            for each in contents
        ]

    def launches(self, contents: Sequence[bytes]) -> list[list[list[float]]]:
        return [self(contents) for _ in range(5)]


def test_a_gain_that_is_noise_is_said_to_be_and_changes_nothing(model: Model) -> None:
    block = next(each for each in distinct_blocks(model) if each.names[0] == "blocks.9.0")
    start = Choice(mixed="branches", groups="dense")
    found = [
        search_block(block, start, lambda *_: b"1.0", NoisyTimer(seed), FEW) for seed in range(12)
    ]
    tempted = [each for each in found if each.best is not None]
    assert len(tempted) > 6  # of many equal forms one always seems faster
    changed = [each for each in found if each.choice != start]
    assert len(changed) <= 1  # one in two hundred is expected
    noise = next(each for each in tempted if each.choice == start)
    assert noise.ratio == 1.0
    assert "no detectable difference" in show_gain(noise)
    assert show_gain(noise).startswith("1, unchanged")


def test_a_true_gain_is_found_and_its_interval_holds_it(model: Model) -> None:
    block = next(each for each in distinct_blocks(model) if each.names[0] == "blocks.9.0")
    start = Choice(mixed="branches", groups="dense")

    def write(_: object, choice: Choice) -> bytes:
        return b"0.6" if choice.tiling == "grid" else b"1.0"

    found = [search_block(block, start, write, NoisyTimer(seed), FEW) for seed in range(8)]
    assert all(each.choice.tiling == "grid" for each in found)
    bounds = [each.best.interval for each in found if each.best and each.best.interval]
    assert sum(each.low <= 0.6 <= each.high for each in bounds) >= 7


def test_results_are_recalled_only_under_the_same_conditions(tmp_path: Path) -> None:
    outcome = Outcome(Choice(merge="pairs"), 0.8, 7, Estimate(0.8, Interval(0.75, 0.85)))
    path = cache_path(tmp_path, block="a", on="LiteRT 1")
    assert recall(path) is None
    remember(path, outcome)
    assert recall(path) == outcome
    assert cache_path(tmp_path, block="a", on="LiteRT 2") != path
    for damage in ("", "[]", '{"choice": {"merge": "nonsense"}, "ratio": 1, "tried": 1}'):
        path.write_text(damage, encoding="utf-8")
        assert recall(path) is None


def test_a_second_tuning_reads_what_the_first_one_found(tmp_path: Path) -> None:
    request = TuneRequest(
        load_network("mixnet-s", resolution=32, multiplier=0.25), FORMATS["tflite"], "float32", 1
    )

    class CountingTimer(ReadingTimer):
        def __call__(self, contents: Sequence[bytes]) -> list[list[float]]:
            self.calls.append(len(contents))
            return [[1.0 + 1e-9 * len(content)] for content in contents]

    first, second = CountingTimer(), CountingTimer()
    plan, _, _ = tune(request, first, tmp_path)
    again, _, checks = tune(request, second, tmp_path)
    assert len(first.calls) > 10
    assert second.calls == [3]  # the whole network, at the end
    assert again.blocks == plan.blocks
    assert checks["default"].value == pytest.approx(1, abs=1e-2)


@pytest.mark.parametrize("form", FORMATS)
def test_a_tuned_plan_can_be_read_and_exported(
    form: str, tiny_network: Path, tmp_path: Path
) -> None:
    plan_file = tmp_path / "plan.toml"
    run = CliRunner().invoke(
        main,
        ["tune", str(tiny_network), "--format", form, "-o", str(plan_file), "--no-cache", "--json"],
        catch_exceptions=False,
    )
    assert run.exit_code == 0, run.output
    (found,) = json.loads(run.stdout)["targets"]
    assert {"default", "reference"} == set(found["ratios"]) == set(found["ratio_intervals"])
    low, high = found["ratio_intervals"]["reference"]
    assert low < found["ratios"]["reference"] < high
    plan = load_plan(plan_file)
    assert list(plan.blocks) == ["stem", "blocks.0.0", "head"]
    network = load_network(str(tiny_network))
    model = Model(network.graph, seeded_weights(network))
    FORMATS[form].write(lower(model, plan))


def test_int8_is_tuned_on_int8_files(tiny_network: Path, tmp_path: Path) -> None:
    types: list[set[str]] = []

    class TypeTimer(ReadingTimer):
        def __call__(self, contents: Sequence[bytes]) -> list[list[float]]:
            for content in contents:
                path = tmp_path / "candidate.tflite"
                path.write_bytes(content)
                types.append({each.dtype for each in read_file(path).tensors.values()})
            return [[1.0] for _ in contents]

    tune(TuneRequest(load_network(str(tiny_network)), FORMATS["tflite"], "int8", 1), TypeTimer())
    assert len(types) > 3
    assert all("int8" in each for each in types)


def test_cells_that_read_several_tensors_are_not_tuned_in_int8(tmp_path: Path) -> None:
    words = ["tune", "darts", "--precision", "int8", "-o", str(tmp_path / "darts.toml")]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2
    assert "of darts has several inputs" in result.stderr
    assert "hint: tune it in float32" in result.stderr


def test_an_output_that_is_no_toml_is_refused_before_the_work(tmp_path: Path) -> None:
    run = CliRunner().invoke(main, ["tune", "mixnet-s", "-o", str(tmp_path / "plan.json")])
    assert run.exit_code == 2
    assert "must end in .toml" in run.stderr


def test_the_host_timer_times_each_file_as_often_and_refuses_broken_ones() -> None:
    network = load_network("mixnet-s", resolution=32, multiplier=0.25)
    content = FORMATS["tflite"].write(lower(Model(network.graph, seeded_weights(network))))
    timer = HostTimer(".tflite", 1)
    times = timer([content, content])
    assert len(times) == 2
    assert len(times[0]) == len(times[1]) >= 12
    assert min(map(min, times)) > 0
    assert timer.conditions(content).endswith("1 thread")
    with pytest.raises(MixnetError):
        timer([content[:100]])


def test_seeded_inputs_are_the_same_each_time() -> None:
    first, second = (seeded_input((2, 3), "float32", np.random.default_rng(0)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.long
def test_a_folder_that_refuses_results_costs_a_warning_not_the_tuning(
    tiny_network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    monkeypatch.setattr("mixnet_bench.commands.tune.cache_folder", lambda: blocked / "tuning")
    plan_file = tmp_path / "plan.toml"

    run = CliRunner().invoke(main, ["tune", str(tiny_network), "-o", str(plan_file), "--json"])
    assert run.exit_code == 0, run.output
    assert "not cached for later runs" in run.stderr
    assert load_plan(plan_file).blocks


def test_a_plan_tuned_under_emulation_is_no_default_and_is_warned_of(
    tiny_network: Path, tmp_path: Path
) -> None:
    assert not any(plan.measured.startswith(EMULATED) for plan in PLANS.values())
    plan_file = tmp_path / "plan.toml"
    plan_file.write_text(format_plan(Plan("plan", Choice(), measured=f"{EMULATED}, somewhere")))
    arguments = ["tflite", str(tiny_network), "--lowering", str(plan_file), "--no-verify"]
    done = CliRunner().invoke(export, [*arguments, "-o", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "plan.toml was tuned under emulation" in done.stderr
