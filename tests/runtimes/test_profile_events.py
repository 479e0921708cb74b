"""Giving XNNPACK's events back to the operators of a file: pure alignment, no runtime."""

from hypothesis import given
from hypothesis import strategies as st

from mixnet_runtimes.contents import Operator
from mixnet_runtimes.tflite.litert_c import DELEGATED, OPERATOR
from mixnet_runtimes.tflite.profile.litert import assign
from mixnet_runtimes.tflite.profile.xnnpack_events import EVENTS, align, continues

INSIDE = DELEGATED[-1]


def test_events_in_the_order_of_the_file_are_matched_one_to_one() -> None:
    kinds = ["CONV_2D", "DEPTHWISE_CONV_2D", "ADD"]
    events = ["Fully Connected (NC, F32) GEMM", "Convolution (NHWC, F32) DWConv", "Add (ND)"]
    assert align(kinds, events) == [0, 1, 2]


def test_a_product_that_is_fused_into_a_sigmoid_leaves_its_time_there() -> None:
    kinds = ["CONV_2D", "LOGISTIC", "MUL", "CONV_2D"]
    events = ["Convolution (NHWC, QC8)", "Invalid Unary Op", "Fully Connected (NC, QS8)"]
    assert align(kinds, events) == [0, 1, 3]


def test_the_copies_of_a_split_all_belong_to_it() -> None:
    assert align(["SPLIT", "RELU"], ["Copy (NC, X32)"] * 3 + ["Clamp (NC)"]) == [0, 0, 0, 1]


def test_a_fused_activation_that_runs_on_its_own_belongs_to_its_operator() -> None:
    assert align(["ADD", "CONV_2D"], ["Add (ND)", "Clamp (NC)", "Convolution"]) == [0, 0, 1]


def test_an_event_that_no_operator_of_the_file_explains_stays_alone() -> None:
    assert align(["ADD", "ADD"], ["Add (ND)", "Transpose (ND)", "Add (ND)"]) == [0, None, 1]


def test_nothing_aligns_with_nothing() -> None:
    assert align([], []) == []
    assert align(["ADD"], []) == []
    assert align([], ["Add (ND)"]) == [None]


@given(st.lists(st.sampled_from(sorted(EVENTS)), max_size=30))
def test_one_event_for_each_operator_is_recognised_whatever_the_operators(
    kinds: list[str],
) -> None:
    assert align(kinds, [EVENTS[kind][0] for kind in kinds]) == list(range(len(kinds)))


@given(
    st.lists(st.sampled_from(["CONV_2D", "LOGISTIC", "MUL", "SPLIT"]), max_size=12),
    st.lists(st.sampled_from(["Convolution", "Sigmoid", "Multiply", "Copy", "Clamp"]), max_size=12),
)
def test_indices_never_decrease_and_always_fit(kinds: list[str], events: list[str]) -> None:
    found = align(kinds, events)
    named = [index for index in found if index is not None]
    assert named == sorted(named)
    for event, index in zip(events, found, strict=True):
        assert index is None or continues(kinds[index], event)


def operators(*kinds: str) -> list[Operator]:
    return [Operator(f"{kind}{index}", kind, (), ()) for index, kind in enumerate(kinds)]


def names(owners: list[Operator | None]) -> list[str]:
    return ["?" if owner is None else owner.name for owner in owners]


def test_an_operator_outside_the_delegate_is_named_by_its_own_index() -> None:
    keys = [("Add", INSIDE, 0), ("SPLIT_V", OPERATOR, 1), ("Add", INSIDE, 0), ("Add", INSIDE, 1)]
    owners = assign(keys, operators("ADD", "SPLIT_V", "ADD", "ADD"), [[0], [2, 3]])
    assert names(owners) == ["ADD0", "SPLIT_V1", "ADD2", "ADD3"]


def test_pieces_are_matched_in_the_order_in_which_they_run_not_in_that_of_the_file() -> None:
    # The delegate runs 0 and 3 first, since 2 needs what only the operator outside computes.
    file = operators("ADD", "SPLIT_V", "ADD", "MUL")
    keys = [
        ("Add", INSIDE, 0),
        ("Multiply", INSIDE, 1),
        ("SPLIT_V", OPERATOR, 1),
        ("Add", INSIDE, 0),
    ]
    assert names(assign(keys, file, [[0, 3], [2]])) == ["ADD0", "MUL3", "SPLIT_V1", "ADD2"]


def test_two_pieces_without_anything_between_them_are_told_by_their_restarted_count() -> None:
    keys = [("Add", INSIDE, 0), ("Add", INSIDE, 0), ("Multiply", INSIDE, 1)]
    owners = assign(keys, operators("ADD", "ADD", "MUL"), [[0], [1, 2]])
    assert names(owners) == ["ADD0", "ADD1", "MUL2"]


def test_without_knowledge_of_the_pieces_the_order_of_the_file_must_do() -> None:
    keys = [("Add", INSIDE, 0), ("SPLIT_V", OPERATOR, 1), ("Multiply", INSIDE, 0)]
    file = operators("ADD", "SPLIT_V", "MUL")
    for pieces in (None, [[0]], [[0], [2], []]):
        assert names(assign(keys, file, pieces)) == ["ADD0", "SPLIT_V1", "MUL2"]


def test_an_index_beyond_the_file_names_nothing() -> None:
    assert assign([("ODD", OPERATOR, 7)], operators("ADD"), None) == [None]
