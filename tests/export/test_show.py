"""What ``show`` draws, against the rows of the paper's Figure 8 as the authors built them."""

import pytest

from mixnet_export.commands.catalogue import block_rows, block_table
from mixnet_networks import load_network, network_names
from mixnet_networks.graph.operators import parameter_count

# Kernels of the depthwise convolution and the shapes in and out, block by block.
FIGURE_8 = {
    "mixnet-s": """
        3         112x112x16 112x112x16
        3         112x112x16 56x56x24
        3         56x56x24   56x56x24
        3,5,7     56x56x24   28x28x40
        3,5       28x28x40   28x28x40
        3,5       28x28x40   28x28x40
        3,5       28x28x40   28x28x40
        3,5,7     28x28x40   14x14x80
        3,5       14x14x80   14x14x80
        3,5       14x14x80   14x14x80
        3,5,7     14x14x80   14x14x120
        3,5,7,9   14x14x120  14x14x120
        3,5,7,9   14x14x120  14x14x120
        3,5,7,9,11 14x14x120 7x7x200
        3,5,7,9   7x7x200    7x7x200
        3,5,7,9   7x7x200    7x7x200
    """,
    "mixnet-m": """
        3         112x112x24 112x112x24
        3,5,7     112x112x24 56x56x32
        3         56x56x32   56x56x32
        3,5,7,9   56x56x32   28x28x40
        3,5       28x28x40   28x28x40
        3,5       28x28x40   28x28x40
        3,5       28x28x40   28x28x40
        3,5,7     28x28x40   14x14x80
        3,5,7,9   14x14x80   14x14x80
        3,5,7,9   14x14x80   14x14x80
        3,5,7,9   14x14x80   14x14x80
        3         14x14x80   14x14x120
        3,5,7,9   14x14x120  14x14x120
        3,5,7,9   14x14x120  14x14x120
        3,5,7,9   14x14x120  14x14x120
        3,5,7,9   14x14x120  7x7x200
        3,5,7,9   7x7x200    7x7x200
        3,5,7,9   7x7x200    7x7x200
        3,5,7,9   7x7x200    7x7x200
    """,
}


def figure_8(name: str) -> list[tuple[str, ...]]:
    lines = [line.split() for line in FIGURE_8[name].split("\n") if line.strip()]
    return [(", ".join(f"{k}x{k}" for k in kernels.split(",")), *io) for kernels, *io in lines]


@pytest.mark.parametrize("name", FIGURE_8)
def test_blocks_have_the_kernels_and_shapes_of_figure_8(name: str) -> None:
    stem, *blocks, head = block_rows(load_network(name))

    assert [(row["kernels"], row["input"], row["output"]) for row in blocks] == figure_8(name)
    assert (stem["kernels"], stem["input"], stem["stride"]) == ("3x3", "224x224x3", 2)
    assert head["input"] == "7x7x200"
    mixed = [row for row in blocks if ", " in row["kernels"]]
    assert all(row["operation"].startswith("MDConv") for row in mixed)


def test_expansion_squeezing_and_activation_are_told_where_there_are_any() -> None:
    rows = {row["block"]: row for row in block_rows(load_network("mixnet-s"))}

    def told(block: str) -> tuple[float | None, float | None, str]:
        return rows[block]["expand"], rows[block]["se"], rows[block]["activation"]

    assert told("blocks.0.0") == (None, None, "relu")
    assert told("blocks.2.0") == (3, None, "relu")
    assert told("blocks.4.1") == (6, 0.5, "swish")
    assert told("blocks.5.0") == (6, 0.25, "swish")


def test_a_dilated_variant_shows_its_dilation() -> None:
    rows = block_rows(load_network("mobilenet-v2:layer3=mdconv35+dilated"))

    assert "3x3, 3x3 dilated 2" in [row["kernels"] for row in rows]


def test_the_table_has_a_text_for_every_cell() -> None:
    columns, rows = block_table(load_network("mixnet-s"))

    assert {len(row) for row in rows} == {len(columns)}
    assert rows[0][columns.index("macs")] == "5.42M"
    assert rows[0][columns.index("expand")] == ""


def test_a_detectors_further_maps_and_heads_are_blocks_of_their_own() -> None:
    blocks = [row["block"] for row in block_rows(load_network("mobilenet-v1:ssdlite"))]

    assert blocks[-12:-2] == [*(f"extra.{i}" for i in range(4)), *(f"heads.{i}" for i in range(6))]


@pytest.mark.parametrize("name", network_names())
def test_every_network_can_be_shown_and_its_blocks_sum_up(name: str) -> None:
    network = load_network(name)
    rows = block_rows(network)

    assert sum(row["params"] for row in rows) == parameter_count(network.graph.nodes)
    assert all(row["operation"] and row["input"] and row["output"] for row in rows)
