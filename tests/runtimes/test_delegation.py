from pathlib import Path

from tiny_models import conv_onnx, conv_tflite, split_tflite

from mixnet_runtimes import partitions
from mixnet_runtimes.tflite.delegation import Node, delegation_of


def test_a_file_of_delegated_operators_is_one_partition(tmp_path: Path) -> None:
    found = partitions(conv_tflite(tmp_path / "m.tflite"))
    assert (found.partitions, found.inside, found.outside) == (1, 2, 0)
    assert found.outside_kinds == {}


def test_split_v_stays_outside_and_cuts_the_file_in_pieces(tmp_path: Path) -> None:
    found = partitions(split_tflite(tmp_path / "m.tflite"))
    assert found.outside_kinds == {"SPLIT_V": 1}
    assert (found.inside, found.outside) == (3, 1)
    assert found.partitions is not None
    assert found.partitions >= 2


def test_an_onnx_file_has_no_partitions_and_says_why(tmp_path: Path) -> None:
    found = partitions(conv_onnx(tmp_path / "m.onnx"))
    assert found.partitions is None
    assert "without a delegate" in found.reason


# 0 → A → 1 → B → 2 → C → 3, and 1 → D → 4
CHAIN = [
    Node("A", (0,), (1,)),
    Node("B", (1,), (2,)),
    Node("C", (2,), (3,)),
    Node("D", (1,), (4,)),
]


def test_no_appended_operator_means_nothing_is_delegated() -> None:
    found = delegation_of(CHAIN, CHAIN)
    assert (found.partitions, found.inside, found.outside) == (0, 0, 4)


def test_a_piece_holds_what_lies_between_its_inputs_and_outputs() -> None:
    found = delegation_of(CHAIN, [*CHAIN, Node("DELEGATE", (1,), (3, 4))])
    assert found.outside_kinds == {"A": 1}
    assert found.inside == 3


def test_pieces_are_counted_apart_and_their_operators_together() -> None:
    pieces = [Node("DELEGATE", (0,), (1,)), Node("DELEGATE", (2,), (3,))]
    found = delegation_of(CHAIN, [*CHAIN, *pieces])
    assert found.partitions == 2
    assert found.outside_kinds == {"B": 1, "D": 1}


def test_a_runtime_that_lists_nothing_leaves_it_unknown() -> None:
    found = delegation_of(None, None)
    assert found.partitions is None
    assert found.reason
