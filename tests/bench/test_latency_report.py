"""The JSON of a timing and its table, from samples chosen by hand."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from mixnet_bench.results.file_run import FileRun
from mixnet_bench.results.latency import LatencyResult, Machine
from mixnet_bench.timing.latency import Burst, Launch, Plan, Timing
from mixnet_bench.timing.report import (
    COLUMNS,
    describe_timings,
    identify,
    names_apart,
    table_rows,
)
from mixnet_common import MixnetError

PLAN = Plan((Path("a.tflite"), Path("b.onnx")), launches=2)


def timing(factor: float) -> Timing:
    def launch(first: float) -> Launch:
        bursts = (Burst(0, 1, 9.0, (factor, 2 * factor)), Burst(1, 0, 9.0, (3 * factor,)))
        return Launch(5.0, first, (4.0, 4.0), None, bursts)

    return Timing("Numbers", "1.0", {"threads": 1}, (launch(10.0), launch(20.0)))


@pytest.fixture
def described() -> list[LatencyResult]:
    files = [FileRun(name=path.name, size_bytes=1) for path in PLAN.paths]
    return describe_timings(PLAN, files, [timing(1.0), timing(2.0)], Machine(cpu="abacus"))


def test_samples_are_flat_and_can_be_cut_into_bursts_again(
    described: list[LatencyResult],
) -> None:
    first = described[0]
    assert first.samples_ms == (1.0, 2.0, 3.0) * 2
    assert [each.count for each in first.launches] == [3, 3]
    keys = ("round", "turn", "lead_ms", "count")
    bursts = [tuple(getattr(each, key) for key in keys) for each in first.launches[0].bursts]
    assert bursts == [(0, 1, 9.0, 2), (1, 0, 9.0, 1)]


def test_what_is_no_steady_state_stays_out_of_the_median(described: list[LatencyResult]) -> None:
    assert described[0].median_ms == 2.0
    assert described[0].first_ms == 15.0
    assert described[0].launches[0].warmup_ms == (4.0, 4.0)


def test_ratios_are_to_the_first_target(described: list[LatencyResult]) -> None:
    assert [each.ratio_to_first.value for each in described if each.ratio_to_first] == [1.0, 2.0]


def test_the_table_has_a_cell_for_every_column(described: list[LatencyResult]) -> None:
    rows = table_rows(described)
    assert [len(row) for row in rows] == [len(COLUMNS)] * 2
    assert rows[1][:2] == ("b.onnx", "4.00")


def test_a_file_is_identified_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "abc.onnx"
    path.write_bytes(b"abc")
    assert identify(path) == FileRun(
        name="abc.onnx",
        path=str(path),
        sha256="ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        size_bytes=3,
    )


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(MixnetError, match=r"gone\.onnx"):
        identify(tmp_path / "gone.onnx")


def test_files_of_one_name_are_told_apart_by_their_paths(described: list[LatencyResult]) -> None:
    first, second = described[:2]
    alike = [
        replace(first, name="a.tflite", path="old/a.tflite"),
        replace(second, name="a.tflite", path="new/a.tflite"),
    ]
    assert names_apart(alike) == ["old/a.tflite", "new/a.tflite"]
    assert [row[0] for row in table_rows(alike)] == ["old/a.tflite", "new/a.tflite"]
    assert names_apart([alike[0], replace(second, name="b.tflite")]) == ["a.tflite", "b.tflite"]
