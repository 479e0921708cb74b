"""Latency tables: made by a timer that knows what files cost, resumed, predicted by, rewritten."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from made_up_results import latency, save
from msgspec.structs import replace

from mixnet_bench.cli import main
from mixnet_bench.latency_tables.blocks import SpaceBlocks, blocks_of, key_of
from mixnet_bench.latency_tables.making import make_table
from mixnet_bench.latency_tables.once_for_all import once_for_all
from mixnet_bench.latency_tables.partial import PartialTable
from mixnet_bench.latency_tables.predictor import Predictor, read_table
from mixnet_bench.latency_tables.request import TableRequest
from mixnet_bench.latency_tables.seams import fit_seams, ratio_at, spread_at
from mixnet_bench.latency_tables.state import doubts_of
from mixnet_bench.results.latency_tables import LatencyTable, TableBlock
from mixnet_common import MixnetError, UsageError
from mixnet_common.console import json_text
from mixnet_export.lowering import Plan, find_plan
from mixnet_export.writers import FORMATS
from mixnet_mobile import LatencyPredictor
from mixnet_networks import Graph, Network, load_network
from mixnet_networks.graph.operators import macs
from mixnet_networks.searchspace import SearchSpace, load_space
from mixnet_runtimes.targets import Target

CHOICES = """
backbone = "mobilenet-v2"
resolution = 32
classes = 10
[[stages]]
stage = 1
groups = [1, 3]
[[stages]]
stage = 2
groups = [1, 2]
"""
WIDTHS = """
backbone = "mobilenet-v2"
resolution = 32
classes = 10
[[stages]]
stage = 3
width = [0.5, 0.75, 1, 1.25, 1.5]
[[stages]]
stage = 5
groups = [1, 2]
"""
NETWORKS = 5
PLAN = find_plan("reference", "tflite")


class SizeTimer:
    """Says that a file takes as long as it is large, but for a little noise."""

    def __init__(self, cpu: str = "a CPU", noise: float = 0.002, fails_after: int = 10**6) -> None:
        self.cpu = cpu
        self.noise = noise
        self.left = fails_after
        self.seeds: list[int] = []

    def launch(self, contents: Sequence[bytes], seed: int) -> list[list[float]]:
        """Three rounds, drawn from the seed."""
        if self.left == 0:
            raise MixnetError("the phone is gone")
        self.left -= 1
        self.seeds.append(seed)
        rng = np.random.default_rng(seed)
        noise = np.exp(self.noise * rng.standard_normal((len(contents), 3)))
        sizes = [1e-8 * len(each) for each in contents]
        return [[size * each for each in row] for size, row in zip(sizes, noise, strict=True)]

    def conditions(self, content: bytes) -> str:
        """What is compared when work is resumed."""
        return f"a runtime on {self.cpu}"

    def target(self, content: bytes) -> Target | None:
        """Unknown."""
        return None


class CheapRequest(TableRequest):
    """Writes no files, but as many bytes as a graph has thousands of multiply-adds."""

    def write(self, graph: Graph, plan: Plan) -> bytes:
        """Nothing that a runtime could read."""
        del plan
        return bytes(200 + sum(macs(node, graph) for node in graph.nodes) // 1000)


def space_of(folder: Path, text: str = CHOICES) -> SearchSpace:
    path = folder / "choices.toml"
    path.write_text(text, encoding="utf-8")
    return load_space(str(path))


def anchor() -> Network:
    return load_network("mobilenet-v2", resolution=32, classes=10)


def ask(folder: Path, text: str = CHOICES, **more: Any) -> TableRequest:
    wanted = {"networks": NETWORKS, "passes": 3, **more}
    return CheapRequest(space_of(folder, text), anchor(), FORMATS["tflite"], **wanted)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> LatencyTable:
    folder = tmp_path_factory.mktemp("table")
    return make_table(ask(folder), SizeTimer(), folder / "t.json")[0]


@pytest.fixture
def saved(table: LatencyTable, tmp_path: Path) -> Path:
    path = tmp_path / "table.json"
    path.write_text(json_text([table]), encoding="utf-8")
    return path


# The table


@pytest.mark.parametrize("text", [CHOICES, WIDTHS])
def test_the_blocks_of_a_space_are_those_of_its_members(text: str, tmp_path: Path) -> None:
    space = space_of(tmp_path, text)
    blocks, rng = SpaceBlocks(space), np.random.default_rng(0)
    members = {space.random(rng) for _ in range(6)}

    assert len(members) > 3
    for genotype in members:
        graphs = blocks_of(space.network(genotype)).values()
        assert blocks.of(genotype) == [key_of(graph) for graph in graphs]


def test_a_table_has_every_distinct_block_once(table: LatencyTable) -> None:
    by_place = {place: each for each in table.blocks for place in each.places}

    assert len({each.key for each in table.blocks}) == len(table.blocks)
    assert len([each for each in table.blocks if "layer 3" in each.places]) == 2  # its candidates
    assert by_place["layer 5"] is by_place["layer 6"]  # equal, so timed once
    assert by_place["layer 1"].label == "16x16x32 to 16x16x16, kernel 3 of 32"
    assert by_place["head logits"].output == (1, 10)


def test_every_block_has_an_interval_over_its_launches(table: LatencyTable) -> None:
    for each in table.blocks:
        assert each.how == "timed"
        assert each.ratio is not None
        assert each.interval is not None
        assert len(each.log_ratios) == table.passes == 3
        assert each.interval[0] < each.ratio < each.interval[1]
    assert len({each.ratio for each in table.blocks}) == len(table.blocks)


def test_no_network_is_timed_whole_twice(table: LatencyTable) -> None:
    assert len({each.genotype for each in table.networks}) == len(table.networks) == NETWORKS


def test_a_small_space_is_refused_with_its_members(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has 32 members, and 40 of them"):
        ask(tmp_path, networks=40)


# Predictions


def test_a_member_takes_what_was_predicted(table: LatencyTable, tmp_path: Path) -> None:
    space = space_of(tmp_path)
    request, predictor = ask(tmp_path), Predictor(table, space)
    seen = {each.genotype for each in table.networks}
    whole = len(request.write(anchor().graph, PLAN))
    rng, tried = np.random.default_rng(5), 0
    for genotype in {space.random(rng) for _ in range(9)} - seen:
        measured = len(request.write(space.network(genotype).graph, PLAN)) / whole
        found = predictor.predict(genotype)

        assert found.ratio == pytest.approx(measured, rel=0.02)
        assert found.interval[0] < found.ratio < found.interval[1]
        assert found.latency_ms == pytest.approx(found.ratio * table.anchor_latency_ms)
        tried += 1
    assert tried >= 3


def test_a_member_is_the_same_as_genotype_name_and_file(
    table: LatencyTable, tmp_path: Path
) -> None:
    space = space_of(tmp_path)
    genotype = space.random(np.random.default_rng(9))
    predictor = Predictor(table, space)
    path = tmp_path / "found.toml"
    path.write_text(space.toml(genotype, "found"), encoding="utf-8")
    of_file = predictor.predict(load_network(str(path)))

    assert of_file.ratio == pytest.approx(predictor.ratio(genotype), rel=1e-12)
    assert of_file.ratio == pytest.approx(predictor.predict(genotype).ratio, rel=1e-12)
    assert of_file.blocks == 20
    estimate = predictor.estimate(genotype)
    assert estimate.interval is not None
    bounds = (estimate.value, estimate.interval.low, estimate.interval.high)
    assert bounds == pytest.approx((of_file.ratio, *of_file.interval), rel=1e-12)


def test_a_network_of_other_blocks_is_refused_by_their_names(table: LatencyTable) -> None:
    with pytest.raises(UsageError, match=r"lacks 14 blocks of mixnet-s: stem; .* 9 more"):
        Predictor(table).predict(load_network("mixnet-s", resolution=32, classes=10))


def test_a_network_of_another_size_is_refused_with_the_tables_size(table: LatencyTable) -> None:
    with pytest.raises(UsageError, match=r"lacks .* blocks of mobilenet-v2: stem") as error:
        Predictor(table).predict(load_network("mobilenet-v2"))
    assert "is of 32 pixels and 10 classes" in error.value.hint


@pytest.mark.parametrize(
    ("genotype", "words"),
    [
        ((0,) * 4, "4 choices for the 5 positions"),
        ((0,) * 6, "6 choices for the 5 positions"),
        ((0, 0, 0, 0, 2), "has no option 2"),
        ((-1, 0, 0, 0, 0), "has no option -1"),
        ((0.5, 0, 0, 0, 0), "has no option 0.5"),
        (("0", 0, 0, 0, 0), "has no option '0'"),
        ((None, 0, 0, 0, 0), "has no option None"),
        (5, "5 is not a network"),
    ],
)
def test_what_is_no_genotype_is_refused(
    genotype: Any, words: str, saved: Path, tmp_path: Path
) -> None:
    space_of(tmp_path)
    predictor = LatencyPredictor(saved, tmp_path / "choices.toml")
    for ask_for in (predictor.predict, predictor.ratio):
        with pytest.raises(UsageError, match=words):
            ask_for(genotype)
    numbers = np.zeros(5, dtype=int)
    assert predictor.predict(numbers).ratio == predictor.ratio(numbers) > 0  # type: ignore[arg-type]


def test_a_space_that_the_table_lacks_is_refused(table: LatencyTable) -> None:
    with pytest.raises(UsageError, match="blocks of mixnet: ") as error:
        Predictor(table, load_space("mixnet"))
    assert "mixnet-bench table" in error.value.hint


def test_blocks_of_an_included_network_are_there(tmp_path: Path) -> None:
    other = load_network("mobilenet-v1", resolution=32, classes=10)
    request = ask(tmp_path, include=(other,), passes=1)
    made, _ = make_table(request, SizeTimer(), tmp_path / "t.json")

    assert Predictor(made).predict(other).ratio > 0
    assert "mobilenet-v1" in {each.name for each in made.networks}


def test_int8_blocks_take_and_give_integers(tmp_path: Path) -> None:
    request = TableRequest(space_of(tmp_path), anchor(), FORMATS["tflite"], "int8", networks=5)
    graphs = [block.graph for block in request.distinct.values()]
    content = request.write(graphs[1], PLAN)
    path = tmp_path / "block.tflite"
    path.write_bytes(content)

    from mixnet_runtimes import open_session

    session = open_session(path)
    assert {each.dtype for each in (*session.inputs, *session.outputs)} == {"int8"}


def test_predicting_is_fast_enough_for_a_search(table: LatencyTable, tmp_path: Path) -> None:
    import time

    space = space_of(tmp_path)
    predictor, rng = Predictor(table, space), np.random.default_rng(0)
    members = [space.random(rng) for _ in range(2000)]
    start = time.process_time()
    for each in members:
        predictor.ratio(each)

    assert time.process_time() - start < 1  # 58,000 a second on one core


# The fit


@pytest.mark.parametrize("networks", [8, 24])
def test_intervals_cover_as_they_say(networks: int) -> None:
    rng, covered, tried = np.random.default_rng(11), 0, 0
    for _ in range(150):
        sums = np.exp(0.2 * rng.standard_normal(networks + 10))
        ratios = (0.92 * sums + 0.006 * 20) * np.exp(0.03 * rng.standard_normal(len(sums)))
        seams = fit_seams(sums[:networks], [20] * networks, ratios[:networks])
        assert seams is not None
        for total, ratio in zip(sums[networks:], ratios[networks:], strict=True):
            off = abs(math.log(ratio / ratio_at(seams, total, 20)))
            covered += off <= spread_at(seams, total, 20)
            tried += 1

    assert 0.925 < covered / tried < 0.975


def test_the_fit_finds_scale_and_constant() -> None:
    sums = [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]
    seams = fit_seams(sums, [20] * 6, [0.9 * each + 0.01 * 20 for each in sums])

    assert seams is not None
    assert (seams.scale, seams.per_block) == pytest.approx((0.9, 0.01), rel=0.02)


def test_networks_that_are_all_alike_leave_the_scale_at_one() -> None:
    seams = fit_seams([1.0, 1.0, 1.0, 1.0], [20] * 4, [1.1, 1.11, 1.09, 1.1])

    assert seams is not None
    assert seams.scale + 20 * seams.per_block == pytest.approx(1.1, rel=0.01)
    assert spread_at(seams, 3.0, 20) > 2 * spread_at(seams, 1.0, 20)  # far from what was seen


def test_three_networks_are_too_few() -> None:
    assert fit_seams([1, 2, 3], [20] * 3, [1, 2, 3]) is None


# Resuming


def test_an_interrupted_table_goes_on_where_it_was(table: LatencyTable, tmp_path: Path) -> None:
    output, first, second = tmp_path / "t.json", SizeTimer(fails_after=2), SizeTimer()
    with pytest.raises(MixnetError, match="the phone is gone"):
        make_table(ask(tmp_path), first, output)
    made, finished = make_table(ask(tmp_path), second, output)

    assert finished
    assert first.seeds == [0, 1]
    assert second.seeds[0] == 2
    assert [each.log_ratios for each in made.blocks] == [each.log_ratios for each in table.blocks]


def test_a_line_cut_short_is_timed_again(table: LatencyTable, tmp_path: Path) -> None:
    output = tmp_path / "t.json"
    with pytest.raises(MixnetError):
        make_table(ask(tmp_path), SizeTimer(fails_after=3), output)
    partial = PartialTable.at(output)
    text = partial.read_text(encoding="utf-8")
    partial.write_text(text[:-30], encoding="utf-8")
    timer = SizeTimer()
    made, _ = make_table(ask(tmp_path), timer, output)

    assert timer.seeds[0] == 2
    assert [each.ratio for each in made.blocks] == [each.ratio for each in table.blocks]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"threads": 2}, "threads was 1 and is 2"),
        ({"networks": 6}, "--networks was 5 and is 6"),
        ({"precision": "int8"}, "what was measured was 'a runtime on a CPU, float32' and is"),
        ({"cpu": "another"}, "what was measured was 'a runtime on a CPU"),
        ({"text": CHOICES.replace("[1, 2]", "[1, 3]")}, "the space's choices was"),
    ],
)
def test_other_conditions_are_refused_with_what_differs(
    change: dict[str, Any], words: str, tmp_path: Path
) -> None:
    output, more = tmp_path / "t.json", dict(change)
    with pytest.raises(MixnetError):
        make_table(ask(tmp_path), SizeTimer(fails_after=1), output)
    timer = SizeTimer(more.pop("cpu", "a CPU"))
    with pytest.raises(UsageError, match=words):
        make_table(ask(tmp_path, more.pop("text", CHOICES), **more), timer, output)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("3\n", "not an unfinished latency table"),
        ('{"conditions": 3}\n', "not an unfinished latency table"),
        ("{\n", "not valid JSON"),
        ('{"conditions": {"space": "other"}}\n', "space was 'other'"),
    ],
)
def test_a_foreign_unfinished_file_is_refused(text: str, words: str, tmp_path: Path) -> None:
    output = tmp_path / "t.json"
    PartialTable.at(output).write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=words):
        make_table(ask(tmp_path), SizeTimer(), output)
    assert PartialTable.at(output).read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    "line", ["[]", '{"number": -1}', '{"number": 9, "log_ratios": {"a": 1e9}}']
)
def test_a_damaged_launch_is_refused_with_its_line(line: str, tmp_path: Path) -> None:
    output = tmp_path / "t.json"
    with pytest.raises(MixnetError):
        make_table(ask(tmp_path), SizeTimer(fails_after=1), output)
    with PartialTable.at(output).open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    with pytest.raises(UsageError, match=r"t.json.partial: line 3"):
        make_table(ask(tmp_path), SizeTimer(), output)


def test_a_budget_leaves_blocks_out_and_says_so(tmp_path: Path) -> None:
    output = tmp_path / "t.json"
    with pytest.raises(MixnetError):
        make_table(ask(tmp_path), SizeTimer(fails_after=1), output)
    made, finished = make_table(ask(tmp_path, budget_s=-1.0), SizeTimer(), output)

    assert not finished
    assert {each.how for each in made.blocks} == {"timed", "left out"}
    assert made.seams is None
    with pytest.raises(UsageError, match="too few networks"):
        Predictor(made)


def test_nothing_within_the_budget_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MixnetError, match="nothing was timed within --minutes"):
        make_table(ask(tmp_path, budget_s=-1.0), SizeTimer(), tmp_path / "t.json")


# Interpolation


def test_interpolated_blocks_are_marked_and_lie_between(tmp_path: Path) -> None:
    request = ask(tmp_path, WIDTHS, interpolate=True, networks=4)
    made, _ = make_table(request, SizeTimer(), tmp_path / "t.json")
    whole, _ = make_table(ask(tmp_path, WIDTHS, networks=4), SizeTimer(), tmp_path / "w.json")
    timed = {each.key: each for each in whole.blocks}
    between = [each for each in made.blocks if each.how == "interpolated"]

    assert len(between) >= 5
    for each in between:
        assert each.ratio == pytest.approx(timed[each.key].ratio, rel=0.1)
        assert each.log_ratios == ()
    space = request.space
    predictor, rng = Predictor(made, space), np.random.default_rng(2)
    assert any(predictor.predict(space.random(rng)).interpolated for _ in range(5))


# Once-for-all


def test_a_table_is_once_for_alls_yaml_with_its_keys(table: LatencyTable) -> None:
    yaml = pytest.importorskip("yaml")
    read = yaml.safe_load(once_for_all(table))
    block = next(each for each in table.blocks if "layer 2" in each.places and not each.skip)
    keys = (
        "Conv-input:32x32x3-output:16x16x32",
        "expanded_conv-input:16x16x16-output:8x8x24-expand:6-kernel:3-stride:2-idskip:0",
        "expanded_conv-input:16x16x16-output:8x8x24-expand:96-kernel:3-stride:2-idskip:0-se:0-hs:0",
        "expanded_conv-input:8x8x24-output:8x8x24-expand:6-kernel:3.5.7-stride:1-idskip:1",
        "Conv_1-input:1x1x320-output:1x1x1280",
        "Logits-input:1x1x1280-output:10",
    )

    assert set(keys) <= set(read)
    assert block.ratio is not None
    assert read[keys[1]]["mean"] == pytest.approx(block.ratio * table.anchor_latency_ms)
    assert read[keys[1]]["count"] == 3
    assert read[keys[1]] == read[keys[2]]


# Files


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"anchor_latency_ms": 0}, "anchor_latency_ms is out of range"),
        ({"precision": 3}, "precision is not text"),
        ({"blocks": 3}, "blocks is not a list"),
        ({"anchor_key": "../../x"}, "anchor_key"),
        ({"confidence": 2}, "confidence is out of range"),
        ({"confidence": 1}, "confidence is out of range"),
        ({"anchor_ms": []}, "anchor_ms is empty"),
        ({"networks": []}, "networks is empty"),
        ({"anchor_key": "zz"}, "anchor_key has the wrong form"),
        ({"seams": {"scale": "a"}}, "seams"),
        ({"anchor_ms": None}, "anchor_ms"),
    ],
)
def test_a_damaged_table_is_refused_with_its_key(
    change: dict[str, Any], words: str, saved: Path
) -> None:
    document = json.loads(saved.read_text(encoding="utf-8"))
    document["targets"][0] |= change
    saved.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(UsageError, match=words):
        read_table(saved)


@pytest.mark.parametrize(
    "seams",
    [{"scale": 0.0, "per_block": -0.001}, {"scale": 1e18}, {"residual": 1e18}, {"freedom": 1e-18}],
)
def test_an_impossible_time_is_not_predicted(seams: dict[str, float], table: LatencyTable) -> None:
    assert table.seams is not None
    damaged = replace(table, seams=replace(table.seams, **seams))
    with pytest.raises(UsageError, match="predicts an impossible time"):
        Predictor(damaged).predict(anchor())


def test_an_interval_that_ends_before_it_begins_is_refused(saved: Path) -> None:
    document = json.loads(saved.read_text(encoding="utf-8"))
    document["targets"][0]["blocks"][0]["interval"] = [2, 1]
    saved.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(UsageError, match="interval has its end before its start"):
        read_table(saved)


@pytest.mark.parametrize("text", ['{"format": 1, "targets": [{"name": "x"}]}', "{}", "[]", "x"])
def test_what_is_no_table_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"table\.json"):
        read_table(path)


def test_a_table_is_read_as_it_was_written(table: LatencyTable, saved: Path) -> None:
    assert read_table(saved) == table


def test_a_block_of_a_table_knows_no_negative_time(table: LatencyTable, saved: Path) -> None:
    block: TableBlock = replace(table.blocks[0], ratio=-1.0)
    saved.write_text(json_text([replace(table, blocks=(block,))]), encoding="utf-8")
    with pytest.raises(UsageError, match="ratio is out of range"):
        read_table(saved)


def test_a_device_in_two_states_or_in_another_than_the_tables_is_doubted(
    table: LatencyTable,
) -> None:
    middle = table.anchor_latency_ms
    quiet = [middle * (1 + share / 100) for share in range(-9, 10, 2)]
    assert list(doubts_of(quiet, table)) == list(doubts_of([middle], table)) == []
    assert list(doubts_of([], table)) == []

    (several,) = doubts_of([*quiet, 1.4 * middle, 1.4 * middle])
    assert "in 2 of 12 launches" in several
    (other,) = doubts_of([1.4 * each for each in quiet], table)
    assert "the device is in another state" in other


# The commands


def run(*arguments: str) -> Any:
    return CliRunner().invoke(main, list(arguments))


def test_predictions_are_labelled_as_such(saved: Path, tmp_path: Path) -> None:
    small = ("--resolution", "32", "--classes", "10", "--table", str(saved))
    shown = run("predict", "mobilenet-v2", *small)
    written = run("predict", "mobilenet-v2", *small, "-o", str(tmp_path / "p.json"), "--json")

    assert shown.exit_code == 0, shown.output
    assert "predicted, not measured" in shown.output
    (found,) = json.loads((tmp_path / "p.json").read_text(encoding="utf-8"))["targets"]
    assert found == json.loads(written.stdout)["targets"][0]
    assert found["predicted"] is True
    assert found["ratio"] == pytest.approx(1, rel=0.05)  # the anchor itself


def test_a_report_has_predictions_beside_measurements(saved: Path, tmp_path: Path) -> None:
    predicted, timed = tmp_path / "p.json", tmp_path / "l.json"
    small = ("--resolution", "32", "--classes", "10", "--table", str(saved))
    assert run("predict", "mobilenet-v2", *small, "-o", str(predicted)).exit_code == 0
    save(timed, latency("mobilenet-v2", "tflite", "float32", "xnnpack", 7.25))
    both = run("report", str(predicted), str(timed), "--markdown").output
    alone = run("report", str(predicted), "--markdown").output
    page = run("report", str(predicted), "-o", str(tmp_path / "r.html"))

    assert "not measured" in alone
    assert "7.25" not in alone.partition("Predicted latency")[2]
    assert "7.25" in both.partition("Predicted latency")[2]
    assert page.exit_code == 0, page.output
    assert "Predicted latency" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_a_yaml_is_written_from_a_table_without_timing(saved: Path, tmp_path: Path) -> None:
    output = tmp_path / "made.yaml"
    result = run("table", "--from", str(saved), "--form", "once-for-all", "-o", str(output))

    assert result.exit_code == 0, result.output
    assert output.read_text(encoding="utf-8").startswith("# choices, timed beside mobilenet-v2")


def test_a_table_is_timed_on_this_machine(tmp_path: Path) -> None:
    space_of(tmp_path)
    net = tmp_path / "anchor.toml"
    net.write_text('base = "mobilenet-v2"\nsource = "mine"\nresolution = 32\n', encoding="utf-8")
    output = tmp_path / "t.json"
    result = run(
        "table", "--space", str(tmp_path / "choices.toml"), "--anchor", str(net), "--passes", "1",
        "--networks", "4", "--form", "once-for-all", "-o", str(output),
    )  # fmt: skip

    assert result.exit_code == 0, result.output
    made = read_table(output)
    assert {each.how for each in made.blocks} == {"timed"}
    assert len({each.ratio for each in made.blocks}) == len(made.blocks)
    assert not PartialTable.at(output).exists()
    assert output.with_suffix(".yaml").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-o", "t.txt"), "must end in .json"),
        (("-o", "t.json", "--fixed-performance"), "applies to phones"),
        (("-o", "t.yaml", "--from", "x.json"), "add --form once-for-all"),
        (("-o", "t.json", "--from", "x.json"), "must end in .yaml"),
        (("-o", "t.json", "--minutes", "0"), "--minutes 0: give a number above 0"),
        (("-o", "t.json", "--networks", "3"), "from 4 to 1,000"),
        (("-o", "t.json", "--anchor", "mixnet-z"), "unknown network 'mixnet-z'"),
    ],
)
def test_wrong_use_is_refused(
    arguments: tuple[str, ...], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("table", "--space", "mixnet", *arguments)

    assert result.exit_code == 2
    assert words in result.output.replace("\n", " ")


def test_a_table_needs_a_space(tmp_path: Path) -> None:
    result = run("table", "-o", str(tmp_path / "t.json"))

    assert result.exit_code == 2
    assert "there is no --space" in result.output
