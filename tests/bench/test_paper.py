"""The paper's tables as data, and the comparison on numbers chosen by hand."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixnet_bench.commands import paper as command
from mixnet_bench.commands.paper import explain
from mixnet_bench.paper import compare
from mixnet_bench.paper.compare import compare_figure
from mixnet_bench.paper.ours import Ours
from mixnet_common import UsageError
from mixnet_common.result import encode
from mixnet_networks.paper import load_table, parse_printed, print_alike, table_names
from mixnet_networks.paper.tables import SKETCHED

TABLE = load_table("table2")


def compare_table(*arguments: Any) -> list[dict[str, Any]]:
    """As JSON values."""
    return list(map(encode, command.compare_table(*arguments)))


def compare_rows(*arguments: Any) -> list[dict[str, Any]]:
    """As JSON values."""
    return list(map(encode, compare.compare_rows(*arguments)))


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


def test_table_1_has_its_ten_rows_in_the_papers_order() -> None:
    rows = [(each.params, each.flops, each.map) for each in load_table("table1").rows]
    assert len(rows) == 10
    assert rows[0] == ("5.12M", "1.31B", "21.7")
    assert rows[-1] == ("4.49M", "0.88B", "22.3")


def test_the_tables_stand_before_the_text_and_the_figures() -> None:
    names = table_names()
    assert names[:4] == ["table1", "table2", "table3", "text"]
    assert set(SKETCHED) < set(names[4:])


def test_the_drawn_figures_print_nothing_and_name_networks_of_ours() -> None:
    for name in SKETCHED:
        for each in load_table(name).rows:
            assert {each.params, each.flops, each.top1, each.top5, each.map} == {"-"}
            assert each.network


@pytest.mark.parametrize("name", table_names())
def test_every_figure_of_a_table_can_be_read(name: str) -> None:
    for each in load_table(name).rows:
        for figure in (each.params, each.flops, each.top1, each.top5, each.map):
            assert figure == "-" or parse_printed(figure)
    for claim in load_table(name).claims:
        assert parse_printed(claim.printed)


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
        (33.29, "31x", "33x"),
        (3669, "3,369", "3,669"),
        (0.506, "0.5x", "0.5x"),
    ],
)
def test_a_value_is_printed_like_the_papers_figure(value: float, printed: str, alike: str) -> None:
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
    assert (figure.deviation_percent, figure.verdict) == (deviation, verdict)
    assert (figure.reason == "because") == (verdict == "differs")


def test_a_row_without_a_network_says_so() -> None:
    compared = compare_rows(TABLE, lambda subject: None, {})
    assert len(compared) == len(TABLE.rows)
    nasnet = next(each for each in compared if each["model"] == "NASNet-A")
    assert nasnet["verdict"] == nasnet["params"]["verdict"] == "not comparable"
    assert "does not have the network nasnet-a" in nasnet["params"]["reason"]
    assert (nasnet["accuracy"]["source"], nasnet["accuracy"]["top1"]) == ("paper", "74.0")


def test_models_that_differ_for_one_reason_share_its_line() -> None:
    compared = compare.compare_rows(TABLE, lambda subject: Ours(1, 1, 0), {})
    lines = explain(compared, "macs")
    assert any(line.startswith("MixNet-S, MixNet-M, MixNet-L: ") for line in lines)


def test_the_other_conventions_stand_beside_the_plain_one() -> None:
    counts = Ours(4_134_606, 239_173_360, 6_244_168)
    compared = compare_rows(TABLE, lambda subject: counts, {})
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


def figures(entry: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry[key] for key in ("params", "macs", "claim") if key in entry]


@pytest.mark.parametrize("name", table_names())
def test_no_figure_differs_or_cannot_be_compared_without_a_reason(name: str) -> None:
    for entry in compare_table(load_table(name), {}):
        for figure in figures(entry):
            assert (figure["verdict"] == "reproduced") == (figure["reason"] == ""), entry["name"]


def test_a_row_without_a_network_of_ours_is_one_that_was_never_published() -> None:
    compared = compare_table(TABLE, {})
    missing = {each["model"]: each["params"]["reason"] for each in compared if not each["network"]}
    assert list(missing) == ["MnasNet-A2"]
    assert "never published" in missing["MnasNet-A2"]


def test_all_of_table_1_is_reproduced() -> None:
    compared = compare_table(load_table("table1"), {})
    verdicts = {figure["verdict"] for entry in compared for figure in figures(entry)}
    assert verdicts == {"reproduced"}


def test_the_transfer_figures_of_mixnet_m_are_held_against_a_head_of_ten_classes() -> None:
    compared = compare_table(load_table("figure9"), {})
    (row,) = (each for each in compared if each["params"]["paper"] == "3.49M")
    assert (row["network"], row["classes"]) == ("mixnet-m", 10)
    assert row["params"]["verdict"] == "reproduced"
    assert (row["macs"]["paper"], row["macs"]["verdict"]) == ("352M", "differs")
    assert sorted({each["classes"] for each in compared}) == [10, 37, 100, 101]


def test_figure_5_has_two_rows_for_each_layer_with_the_layers_own_cost() -> None:
    compared = compare_table(load_table("figure5"), {})
    assert [each["layer"]["number"] for each in compared] == [n for n in range(1, 18) for _ in "ab"]
    assert [each["layer"]["number"] for each in compared if each["layer"]["stride"] == 2][::2] == [
        2,
        4,
        7,
        14,
    ]
    for large, mixed in zip(compared[::2], compared[1::2], strict=True):
        assert mixed["layer"]["macs"] / large["layer"]["macs"] == pytest.approx(41 / 81)
        saved = large["layer"]["macs"] - mixed["layer"]["macs"]
        assert large["macs"]["ours"] - mixed["macs"]["ours"] == saved
