"""The paper's table as data, and the comparison on numbers chosen by hand."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixnet_bench.paper.command import explain
from mixnet_bench.paper.compare import Ours, compare_figure, compare_table
from mixnet_common import UsageError
from mixnet_networks import network_names
from mixnet_networks.paper import (
    load_table,
    parse_printed,
    print_alike,
    table_names,
)

TABLE = load_table("table2")


def test_table_2_has_all_seventeen_rows_in_the_papers_order() -> None:
    models = [each.model for each in TABLE.rows]
    assert len(models) == len(set(models)) == 17
    assert (models[0], models[-1]) == ("MobileNetV1", "MixNet-L")


def test_the_rows_of_mixnet_are_as_printed() -> None:
    printed = {
        each.model: (each.params, each.flops, each.top1, each.top5)
        for each in TABLE.rows
        if each.model.startswith("MixNet")
    }
    assert printed == {
        "MixNet-S": ("4.1M", "256M", "75.8", "92.8"),
        "MixNet-M": ("5.0M", "360M", "77.0", "93.3"),
        "MixNet-L": ("7.3M", "565M", "78.9", "94.2"),
    }


def test_every_network_named_in_a_table_is_one_of_ours() -> None:
    for name in table_names():
        named = {each.network for each in load_table(name).rows if each.network}
        assert named
        assert named <= set(network_names())


@pytest.mark.parametrize("name", table_names())
def test_every_figure_of_a_table_can_be_read(name: str) -> None:
    for each in load_table(name).rows:
        for figure in (each.params, each.flops, each.top1, each.top5):
            assert figure == "-" or parse_printed(figure)


def test_an_unknown_table_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        load_table("tabel2")
    assert "table2" in caught.value.hint


@pytest.mark.parametrize(
    ("value", "printed", "alike"),
    [
        (4_134_606, "4.1M", "4.1M"),
        (4_150_000, "4.1M", "4.2M"),
        (11_499_000_000, "11B", "11B"),
        (239_173_360, "256M", "239M"),
        (91, "91", "91"),
    ],
)
def test_a_value_is_printed_like_the_papers_figure(value: int, printed: str, alike: str) -> None:
    assert print_alike(value, printed) == alike


@given(st.integers(0, 10**6), st.sampled_from(["", "K", "M", "B"]), st.integers(0, 2))
def test_a_printed_figure_prints_as_itself(digits: int, unit: str, decimals: int) -> None:
    printed = f"{Decimal(digits).scaleb(-decimals):.{decimals}f}{unit}"
    value = parse_printed(printed)
    assert value is not None
    if value == int(value):
        assert print_alike(int(value), printed) == printed


@pytest.mark.parametrize(
    ("printed", "ours", "deviation", "verdict"),
    [
        ("4.1M", 4_134_606, 0.84, "reproduced"),
        ("4.1M", 4_149_000, 1.2, "reproduced"),  # beyond 1 %, but prints the same
        ("575M", 570_000_000, -0.87, "reproduced"),
        ("256M", 239_173_360, -6.57, "differs"),
        ("-", 1, None, "not comparable"),
    ],
)
def test_a_figure_is_judged_by_its_deviation_or_its_digits(
    printed: str, ours: int, deviation: float | None, verdict: str
) -> None:
    figure = compare_figure(printed, ours, "because")
    assert (figure["deviation_percent"], figure["verdict"]) == (deviation, verdict)
    assert (figure["reason"] == "because") == (verdict == "differs")


def test_a_row_without_a_network_of_ours_says_so() -> None:
    compared = compare_table(TABLE, lambda name: Ours(1, 1, 0))
    assert len(compared) == len(TABLE.rows)
    nasnet = next(each for each in compared if each["model"] == "NASNet-A")
    assert nasnet["verdict"] == nasnet["params"]["verdict"] == "not comparable"
    assert nasnet["params"]["reason"] == "no network here yet"
    assert nasnet["accuracy"] == {"source": "paper", "top1": "74.0", "top5": "91.3"}


def test_models_that_differ_for_one_reason_share_its_line() -> None:
    compared = compare_table(TABLE, lambda name: Ours(1, 1, 0))
    lines = explain(compared, "macs").strip().splitlines()
    assert any(line.startswith("MixNet-S, MixNet-M, MixNet-L: ") for line in lines)
    assert not any("NASNet" in line for line in lines)


def test_the_other_conventions_stand_beside_the_plain_one() -> None:
    compared = compare_table(TABLE, lambda name: Ours(4_134_606, 239_173_360, 6_244_168))
    small = next(each for each in compared if each["model"] == "MixNet-S")
    assert small["macs"]["convention"] == "convolutions and dense layers"
    assert {key: each["ours"] for key, each in small["macs"]["by_convention"].items()} == {
        "conv_dense": 239_173_360,
        "conv_dense_batch_norm_1": 239_173_360 + 6_244_168,
        "conv_dense_batch_norm_2": 239_173_360 + 2 * 6_244_168,
    }
    assert small["verdict"] == "differs"
    assert small["params"]["verdict"] == "reproduced"
    assert small["macs"]["reason"]
