"""Results read, compared and put into tables; Markdown and CSV."""

import csv
import io
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).parent))  # for made_up_results

from made_up_results import (
    HOSTILE,
    against,
    bursts,
    count,
    latency,
    parity,
    phone,
    profile,
    save,
    save_all,
    save_step,
    sized,
    sustained,
)

from mixnet_bench.cli import main
from mixnet_bench.paper.compared import compare_table
from mixnet_bench.report.cells import number
from mixnet_bench.report.comparisons import lowering_table, pairs
from mixnet_bench.report.figures import (
    courses,
    distributions,
    kernel_costs,
    ratios,
    time_lines,
)
from mixnet_bench.report.load import load_results
from mixnet_bench.report.placing import Box, place_labels
from mixnet_bench.report.planes import ModelPoint, measured_planes, split_far
from mixnet_bench.report.record import Results
from mixnet_bench.report.tables import kernel_table, paper_tables
from mixnet_bench.report.text import all_tables, render_csv
from mixnet_common import UsageError
from mixnet_common.json_object import clean
from mixnet_common.result import encode
from mixnet_networks.paper import load_table

INT8 = ("precision", "float32")

PATIENT = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A loaded machine draws and runs examples slowly."""


def test_one_file_at_two_sizes_is_two_files(tmp_path: Path) -> None:
    """Neither a comparison nor a count of one is taken for the other's."""
    small, large, ids = (latency("d", "tflite", "float32", "default", 1.0) for _ in range(3))
    large["given"] = {"shapes": {"x": [1, 320, 320, 3]}, "signature": "large"}
    ids["given"] = {"inputs": {"ids": {"range": [0, 49]}, "mask": {"sha256": "abcdef0123456789"}}}
    counted = count("d-float32", 1) | {"given": large["given"]}
    for each in (small, large, ids):
        del each["origin"]
    save(tmp_path / "a.json", small, large, ids, counted)
    results = load_results([tmp_path])
    assert [each.file.label for each in results.latencies] == [
        "d-float32 tflite float32",
        "d-float32 x=1,320,320,3 large tflite float32",
        "d-float32 ids=0..49 mask=abcdef01 tflite float32",
    ]
    assert pairs(results, "precision", "float32") == []
    rows = list(csv.DictReader(io.StringIO(render_csv(results))))
    assert [row["macs"] for row in rows] == ["", "239173360", ""]


def report(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["report", *map(str, arguments)])


def test_samples_are_divided_by_launch(tmp_path: Path) -> None:
    path = save(tmp_path / "a.json", latency("mixnet-s", "tflite", "float32", "default", 10.0))
    (found,) = load_results([path]).latencies
    assert [len(launch) for launch in found.launches] == [6, 6]
    assert found.load_ms == 25.0


def test_a_samples_clock_is_its_own_cores(tmp_path: Path) -> None:
    target = latency("mixnet-s", "tflite", "float32", "default", 10.0)
    path = save(tmp_path / "a.json", target | bursts(1800, None, 1200, 1000))
    (found,) = load_results([path]).latencies
    first, second = found.clocks_mhz
    assert first[:3] == (1800,) * 3
    assert all(map(math.isnan, first[3:]))
    assert second == (1200,) * 3 + (1000,) * 3


def test_clocks_that_fit_no_sample_are_not_shown(tmp_path: Path) -> None:
    target = latency("mixnet-s", "tflite", "float32", "default", 10.0) | bursts(1, 1, 1, 1)
    target["launches"][0]["bursts"][0]["count"] = 10**15
    (found,) = load_results([save(tmp_path / "a.json", target)]).latencies
    assert found.clocks_mhz == ()


def test_a_ratio_to_a_baseline_is_told_with_its_doubt(tmp_path: Path) -> None:
    unsure = against("old.tflite", 1.1, interval=None, smallest_difference=None)
    unsure |= {"conclusion": "no conclusion", "reason": "launches: 2 are too few"}
    target = latency("mixnet-s", "tflite", "float32", "default", 10.0) | {"against": unsure}
    found = report(save(tmp_path / "a.json", target), "--markdown").output
    assert "Against baselines" in found
    assert "| 1.100 | no conclusion |  | old.tflite |" in found
    assert "launches: 2 are too few." in found


def test_sustained_load_tells_what_a_device_keeps_up(tmp_path: Path) -> None:
    target = latency("mixnet-s", "tflite", "float32", "default", 10.0)
    never = target | {"name": "b.tflite", "sustained": sustained(None)}
    path = save(tmp_path / "a.json", target | {"sustained": sustained(90.0)}, never)
    found = report(path, "--markdown").output
    assert "| 1.50 | 90 | 20.0 | 30.0 | 10.0 |" in found
    assert "| 1.50 |  | 20.0 | 30.0 | 10.0 |" in found


def test_a_file_without_origin_is_known_by_its_name(tmp_path: Path) -> None:
    target = latency("mixnet-s", "tflite", "int8", "default", 10.0)
    del target["origin"]
    (found,) = load_results([save(tmp_path / "a.json", target)]).latencies
    assert found.file.label == "mixnet-s tflite int8"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"median_ms": "fast"}, "median_ms is not a number"),
        ({"median_ms": None}, "median_ms is not a number"),
        ({"median_ms": 0}, "median_ms is out of range: 0, must be at least 1e-06"),
        ({"median_ms": -1.5}, "median_ms is out of range: -1.5"),
        ({"profile": profile(("SE", -1.0))}, "profile.categories[0].time_us is out of range: -1.0"),
        ({"samples_ms": []}, "samples_ms is empty"),
        ({"samples_ms": [1, True]}, "samples_ms[1] is not a number: True"),
        ({"launches": 3}, "launches is not a list"),
        ({"median_ms_interval": [1]}, "median_ms_interval does not have two numbers"),
        ({"machine": []}, "machine is not an object"),
        ({"p90_ms": 1e300}, "p90_ms is out of range"),
        ({"p90_ms": 5e-324}, "p90_ms is out of range: 5e-324"),
        ({"median_ms_interval": [2, 1]}, "median_ms_interval has its end before its start"),
        ({"threads": 0}, "threads is out of range: 0"),
        ({"threads": 2.0}, "threads is not a whole number: 2.0"),
        ({"threads": 10**30}, "threads is out of range: 1000"),
        ({"size_bytes": True}, "size_bytes is not a whole number: True"),
        ({"launches": [{"count": 1.5, "load_ms": 1}]}, "launches[0].count is not a whole number"),
        ({"launches": [{"count": -1, "load_ms": 1}]}, "launches[0].count is out of range"),
        ({"settings": {"pin": [-1]}}, "settings.pin[0] is out of range"),
        ({"device": {}, "emulated": 1}, "emulated is not true or false: 1"),
        ({"against": {"ratio": "equal"}}, "against.ratio is not a number"),
        (
            {"sustained": {**sustained(None), "burst_ms": 0}},
            "sustained.burst_ms is out of",
        ),
    ],
)
def test_a_wrong_value_is_refused_by_file_place_and_key(
    change: dict[str, Any], said: str, tmp_path: Path
) -> None:
    target = {**latency("mixnet-s", "tflite", "float32", "default", 10.0), **change}
    result = report(save(tmp_path / "bad.json", target), "--csv")
    assert result.exit_code == 2
    assert f"bad.json: targets[0]: {said}" in result.output


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"format": 1}', '{"format": 2, "targets": []}', "[" * 100_000]
)
def test_what_is_no_result_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text, encoding="utf-8")
    result = report(path, "--csv")
    assert result.exit_code == 2
    assert "hint:" in result.output


def test_nothing_to_show_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no results in"):
        load_results([tmp_path])


def test_a_campaigns_folder_gives_its_results_and_nothing_else(tmp_path: Path) -> None:
    save(tmp_path / "results" / "count-a.json", count("mixnet-s", 1))
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "mixnet-s.tflite.json").write_text("{}", encoding="utf-8")
    assert len(load_results([tmp_path]).counts) == 1


def save_two_of_a_step(folder: Path) -> None:
    """The newer first by name; and one of another step, older than both."""
    for name, step, written_s, median in (
        ("a.json", "mixnet-s on host", 2000, 10.0),
        ("b.json", "mixnet-s on host", 1000, 20.0),
        ("c.json", "mixnet-m on host", 500, 30.0),
    ):
        target = latency("mixnet-s", "tflite", "float32", "default", median)
        save_step(folder / name, "latency", step, written_s, target)


def test_of_a_campaigns_step_only_the_newest_result_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_two_of_a_step(tmp_path / "results")
    save(tmp_path / "results" / "d.json", count("mixnet-s", 1))
    results = load_results([tmp_path])
    assert [each.median_ms for each in results.latencies] == [10.0, 30.0]
    assert len(results.counts) == 1
    assert "newer ones are left out: 1" in capsys.readouterr().err


def test_in_a_plain_folder_and_by_name_every_result_counts(tmp_path: Path) -> None:
    save_two_of_a_step(tmp_path / "results")
    assert len(load_results([tmp_path / "results"]).latencies) == 3
    assert len(load_results([tmp_path, tmp_path / "results" / "b.json"]).latencies) == 3


@PATIENT
@given(st.text(max_size=50))
def test_cleaned_text_is_one_printable_line(text: str) -> None:
    cleaned = clean(text)
    assert cleaned.isprintable()
    cleaned.encode("utf-8")  # raises where it cannot be written


# Sizes


def save_sizes(path: Path) -> Path:
    """MixNet-S at its own 224 pixels and at 96, and MixNet-M at its own, in two precisions."""
    targets = []
    for precision, median in (("float32", 20.0), ("int8", 10.0)):
        own = latency("mixnet-s", "tflite", precision, "reference", median)
        own["profile"] = profile(("depthwise 3×3", 900.0))
        targets += [own, sized({**own, "median_ms": median / 4}, resolution=96)]
        targets.append(latency("mixnet-m", "tflite", precision, "reference", 1.5 * median))
    return save(path, *targets)


def test_a_label_tells_the_sizes_that_are_not_the_networks_own(tmp_path: Path) -> None:
    own = latency("mixnet-s", "tflite", "int8", "default", 10.0)
    detector = latency("mobilenet-v2:ssdlite", "tflite", "int8", "default", 10.0)
    foreign = latency("/no/network.toml", "tflite", "int8", "default", 10.0)
    targets = [
        own,
        sized(own, classes=10, resolution=96),
        sized(detector, classes=81, resolution=320),
        sized(foreign, resolution=96),
    ]
    found = load_results([save(tmp_path / "a.json", *targets)]).latencies
    assert [each.file.label.removesuffix(" tflite int8 default") for each in found] == [
        "mixnet-s",
        "mixnet-s 10 classes 96 pixels",
        "mobilenet-v2:ssdlite",
        "/no/network.toml 96 pixels",
    ]


def test_networks_of_other_sizes_are_never_a_pair(tmp_path: Path) -> None:
    found = pairs(load_results([save_sizes(tmp_path / "a.json")]), "precision", "float32")
    assert len(found) == 3
    assert [pair.ratio for pair in found] == pytest.approx([0.5] * 3)
    assert all(pair.first.file.resolution == pair.second.file.resolution for pair in found)


def test_the_papers_accuracy_stands_beside_the_papers_size_alone(tmp_path: Path) -> None:
    path = save_sizes(tmp_path / "a.json")
    planes = list(measured_planes(load_results([path])))
    assert [each.description.partition(": ")[2] for each in planes] == [
        "MixNet-M 30.0, 77 %; MixNet-S 20.0, 75.8 %.",
        "MixNet-M 15.0, 77 %; MixNet-S 10.0, 75.8 %.",
    ]
    rows = list(csv.DictReader(io.StringIO(report(path, "--csv").stdout)))
    assert {(row["resolution"], row["paper_top1_percent"]) for row in rows} == {
        ("224", "75.8"),
        ("224", "77.0"),
        ("96", ""),
    }


@pytest.mark.parametrize("figures", [distributions, time_lines, kernel_costs, ratios])
def test_no_figure_drops_a_size(figures: Callable[[Results], Any], tmp_path: Path) -> None:
    told = [
        f"{each.title}: {each.description}"
        for each in figures(load_results([save_sizes(tmp_path / "a.json")]))
    ]
    assert any("mixnet-s 96 pixels" in each for each in told)
    assert any("mixnet-s" in each.replace("mixnet-s 96 pixels", "") for each in told)


@pytest.mark.parametrize("figures", [distributions, time_lines, courses, kernel_costs, ratios])
def test_what_was_timed_in_two_runs_is_drawn_on_two_axes_with_the_reason(
    figures: Callable[[Results], Any], tmp_path: Path
) -> None:
    both = {"sustained": sustained(90.0), "profile": profile(("depthwise 3×3", 1.0))}
    targets = [
        latency("mixnet-s", "tflite", precision, "default", 10.0) | both
        for precision in ("float32", "int8")
    ]
    one = list(figures(load_results([save(tmp_path / "a.json", *targets)])))
    save(tmp_path / "b.json", *targets)
    two = list(figures(load_results([tmp_path])))
    assert len(one) > 0
    if figures is ratios:  # of files that took turns, whichever run they were in
        assert all("(2)" in each.description for each in two)
        return
    assert len(two) == 2 * len(one)
    assert len({each.title for each in two}) == len(two)
    assert all("run 1 of 2" in each.title or "run 2 of 2" in each.title for each in two)
    assert all(any("not timed in turns" in note for note in each.notes) for each in two)
    assert not any("not timed in turns" in note for each in one for note in each.notes)


def test_every_table_and_parity_tells_sizes(tmp_path: Path) -> None:
    origin = sized(latency("mixnet-s", "tflite", "int8", "default", 1.0), resolution=96)["origin"]
    path = save(
        tmp_path / "a.json",
        {**count("mixnet-s", 1), "origin": origin},
        {**parity(), "origin": origin},
    )
    tables = all_tables(load_results([path]))
    assert [table.title for table in tables] == ["Delegation", "Counts", "Accuracy lost"]
    assert all("mixnet-s 96 pixels" in table.rows[0][0].text for table in tables)


def test_a_campaigns_counts_of_a_network_keep_its_sizes_apart(tmp_path: Path) -> None:
    for pixels, macs in ((224, 256_000_000), (96, 47_000_000)):
        counted = {**count("mixnet-s", 1), "name": "mixnet-s", "source": "graph", "macs": macs}
        path = tmp_path / "results" / f"count-{pixels}.json"
        inputs = {"network": "mixnet-s", "classes": 1000, "resolution": pixels}
        save_step(path, "count", f"mixnet-s {pixels}", 1, counted, **inputs)
    save_sizes(tmp_path / "results" / "latency.json")
    rows = list(csv.DictReader(io.StringIO(report(tmp_path, "--csv").stdout)))
    macs_of = {(row["network"], row["resolution"]): row["macs"] for row in rows}
    assert macs_of["mixnet-s", "224"] == "256000000"
    assert macs_of["mixnet-s", "96"] == "47000000"


# Tables


def test_pairs_differ_in_nothing_but_the_precision(tmp_path: Path) -> None:
    results = load_results([save_all(tmp_path)])
    found = pairs(results, "precision", "float32")
    assert len(found) == 8
    assert all(pair.first.file.precision == "float32" for pair in found)
    assert all(pair.first.file.network == pair.second.file.network for pair in found)
    assert all(pair.first.file.lowering == pair.second.file.lowering for pair in found)


def test_timings_on_different_devices_are_never_compared(tmp_path: Path) -> None:
    host = latency("mixnet-s", "tflite", "float32", "default", 10.0)
    other = phone(latency("mixnet-s", "tflite", "int8", "default", 5.0), "A phone", False)
    results = load_results([save(tmp_path / "a.json", host, other)])
    assert pairs(results, "precision", "float32") == []


def test_files_of_different_runs_are_not_divided(tmp_path: Path) -> None:
    """Under load a ratio of two runs was 3.5 where the truth was 1.32."""
    save(tmp_path / "a.json", latency("mixnet-s", "tflite", "float32", "default", 99.0))
    quick = latency("mixnet-s", "tflite", "int8", "default", 5.0)
    save(tmp_path / "b.json", quick)
    results = load_results([tmp_path])
    assert pairs(results, "precision", "float32") == []
    (table,) = (each for each in all_tables(results) if each.title.startswith("Latency"))
    assert any("not timed in turns" in note for note in table.notes)
    save(tmp_path / "b.json", latency("mixnet-s", "tflite", "float32", "default", 10.0), quick)
    (pair,) = pairs(load_results([tmp_path]), "precision", "float32")
    assert pair.ratio == pytest.approx(0.5)


def test_a_lowering_is_held_against_the_literal_form(tmp_path: Path) -> None:
    targets = [
        latency("mixnet-s", "tflite", "float32", name, ms)
        for name, ms in (("default", 10.0), ("reference", 20.0))
    ]
    table = lowering_table(load_results([save(tmp_path / "a.json", *targets)]))
    assert table is not None
    ratio = table.rows[0][table.columns.index("ratio")]
    assert len(table.rows) == 1
    assert ratio.text == "0.50"


def test_a_pairs_interval_rests_on_its_launches(tmp_path: Path) -> None:
    """Ratios 0.4, 0.5 and 0.625 by launch: their geometric mean, and Student's interval."""
    first = latency("mixnet-s", "tflite", "float32", "default", 10.0)
    second = latency("mixnet-s", "tflite", "int8", "default", 5.0)
    for target, levels in ((first, (10.0, 20.0, 16.0)), (second, (4.0, 10.0, 10.0))):
        launch = target["launches"][0]
        target["launches"] = [launch | {"count": 5, "median_ms": each} for each in levels]
        target["samples_ms"] = [each for each in levels for _ in range(5)]
    (pair,) = pairs(load_results([save(tmp_path / "a.json", first, second)]), *INT8)
    assert pair.ratio == pytest.approx(0.5)
    assert pair.estimate.interval is not None
    bound = math.exp(4.3027 * math.log(1.25) / math.sqrt(3))
    found = (pair.estimate.interval.low, pair.estimate.interval.high)
    assert found == pytest.approx((0.5 / bound, 0.5 * bound), rel=1e-3)


def test_kernels_count_their_pieces_and_leave_out_all_else(tmp_path: Path) -> None:
    target = latency("mixnet-s", "tflite", "float32", "default", 10.0)
    target["profile"] = profile(
        ("depthwise 11×11", 5.0),
        ("depthwise 3×3", 1.0),
        ("depthwise 3×3, pieces", 2.0),
        ("SE", 2.0),
    )
    table = kernel_table(load_results([save(tmp_path / "a.json", target)]))
    assert table is not None
    assert [tuple(cell.text for cell in row[2:5]) for row in table.rows] == [
        ("3×3", "3", "30.0"),
        ("11×11", "5", "50.0"),
    ]


def test_a_profile_of_nothing_but_zeros_is_left_out(tmp_path: Path) -> None:
    target = latency("mixnet-s", "tflite", "float32", "default", 10.0)
    target["profile"] = profile(("depthwise 3×3", 0), ("SE", 0.0))
    results = load_results([save(tmp_path / "a.json", target)])
    assert kernel_table(results) is None
    assert list(kernel_costs(results)) == []


def test_every_row_of_table_2_is_there_and_none_differs_without_a_reason(tmp_path: Path) -> None:
    table = load_table("table2")
    path = save(tmp_path / "a.json", *map(encode, compare_table(table, {})))
    (shown,) = paper_tables(load_results([path]))
    assert [row[0].text for row in shown.rows] == [row.model for row in table.rows]
    told = " ".join(shown.notes)
    assert "MixNet-S, MixNet-M, MixNet-L: the paper does not say" in told
    for row in shown.rows:
        if "differs" in (row[4].text, row[8].text):
            assert row[0].text in told


def test_a_number_is_never_minus_nothing() -> None:
    assert number(-0.02, "{:+.1f}").text == "0.0"
    assert number(-0.2, "{:+.1f}").text == "-0.2"


def test_emulated_results_are_marked_in_every_table_that_has_one(tmp_path: Path) -> None:
    target = phone(latency("mixnet-s", "tflite", "float32", "default", 9.0), "Emu", True)
    target["profile"] = profile(("depthwise 3×3", 1.0))
    int8 = phone(latency("mixnet-s", "tflite", "int8", "reference", 9.0), "Emu", True)
    both = phone(latency("mixnet-s", "tflite", "float32", "reference", 9.0), "Emu", True)
    tables = all_tables(load_results([save(tmp_path / "a.json", target, int8, both)]))
    assert len(tables) == 5
    for table in tables:
        rows = [" ".join(cell.text for cell in row) for row in table.rows]
        assert "EMULATED" in table.title or all("EMULATED" in row for row in rows)


# Plots' data


def test_a_point_far_out_is_told_and_not_drawn() -> None:
    points = [ModelPoint(str(cost), cost, 70) for cost in (1, 2, 3, 4, 5, 100)]
    near, far = split_far(points)
    assert [each.cost for each in far] == [100]
    assert len(near) == 5


def test_few_points_are_all_drawn() -> None:
    assert split_far([ModelPoint("a", 1, 70), ModelPoint("b", 100, 70)])[1] == []


@PATIENT
@given(
    st.lists(
        st.tuples(st.floats(0, 300, allow_nan=False), st.floats(0, 200, allow_nan=False)),
        max_size=25,
    )
)
def test_labels_lie_on_no_other_label_point_or_line(points: list[tuple[float, float]]) -> None:
    frame = Box(0, 0, 300, 200)
    line = points[:3]
    placed = place_labels(points, [(40, 9)] * len(points), frame, line)
    boxes = [each for each in placed if each is not None]
    for index, box in enumerate(boxes):
        assert box.within(frame)
        assert not any(box.overlaps(other) for other in boxes[index + 1 :])
        assert not any(box.x0 < x < box.x1 and box.y0 < y < box.y1 for x, y in points)


# Markdown and CSV


def test_markdown_shows_hostile_text_as_text(tmp_path: Path) -> None:
    result = report(save_all(tmp_path), "--markdown")
    assert result.exit_code == 0, result.output
    assert "<script>" not in result.stdout.replace("\\<", "")
    assert "\\<script\\>" in result.stdout
    lines = result.stdout.splitlines()
    index = next(i for i, line in enumerate(lines) if line.startswith("| network"))
    assert lines[index].count("|") == lines[index + 1].count("|")


def test_csv_has_a_line_for_each_timing_that_no_spreadsheet_computes(tmp_path: Path) -> None:
    hostile = latency("=cmd()", "tflite", "float32", "default", 9.0)
    folder = save_all(tmp_path)
    save(folder / "x.json", hostile)
    rows = list(csv.DictReader(io.StringIO(report(folder, "--csv").stdout)))
    assert len(rows) == 16 + 4 + 1
    assert rows[-1]["network"] == "'=cmd()"
    assert float(rows[0]["median_ms"]) > 0
    assert {row["emulated"] for row in rows} == {"True", "False"}
    assert any(HOSTILE in row["device"] for row in rows)


def test_a_csv_of_counts_alone_has_them(tmp_path: Path) -> None:
    result = report(save(tmp_path / "a.json", count("mixnet-s", 1)), "--csv")
    (row,) = csv.DictReader(io.StringIO(result.stdout))
    assert (row["params"], row["partitions"], row["paper_top1_percent"]) == ("4118510", "1", "75.8")


def test_a_page_needs_a_place(tmp_path: Path) -> None:
    result = report(save(tmp_path / "a.json", count("mixnet-s", 1)))
    assert result.exit_code == 2
    assert "add -o report.html" in result.output


def test_a_result_is_never_overwritten_by_its_report(tmp_path: Path) -> None:
    path = save(tmp_path / "a.json", count("mixnet-s", 1))
    assert report(path, "-o", path).exit_code == 2
    assert json.loads(path.read_text(encoding="utf-8"))["format"] == 1
