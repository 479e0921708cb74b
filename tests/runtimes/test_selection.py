"""Which sizes a file's inputs get: what options say, what they may not, and what stays open."""

import pytest

from mixnet_common import MixnetError, UsageError
from mixnet_runtimes.selection import (
    AS_IT_IS,
    Input,
    Selection,
    close,
    from_json,
    parse_dims,
    parse_shapes,
)

IMAGE = Input("x", ("N", 3, "H", "W"))


def given(*shapes: str, dims: tuple[str, ...] = ()) -> Selection:
    return Selection(parse_shapes(shapes), parse_dims(dims))


def test_a_shape_names_its_input_or_is_that_of_the_only_one() -> None:
    assert close("f", [IMAGE], given("x=2,3,32,48")) == {"x": (2, 3, 32, 48)}
    assert close("f", [IMAGE], given("2,3,32,48")) == {"x": (2, 3, 32, 48)}
    assert parse_shapes(["a=b:0=1,2", "c=3"]) == {"a=b:0": (1, 2), "c": (3,)}


def test_dimensions_are_given_by_name_and_the_batch_is_one() -> None:
    assert close("f", [IMAGE], given(dims=("H=32", "W=48"))) == {"x": (1, 3, 32, 48)}
    assert close("f", [IMAGE], given(dims=("H=32", "W=48", "N=5"))) == {"x": (5, 3, 32, 48)}


def test_an_open_batch_is_one_however_it_is_written() -> None:
    for batch in (None, "batch"):
        assert close("f", [Input("x", (batch, 3))], AS_IT_IS) == {"x": (1, 3)}


def test_one_name_is_one_size_in_all_inputs() -> None:
    inputs = [Input("ids", ("batch", "seq")), Input("mask", ("batch", "seq"))]
    closed = close("f", inputs, given("ids=2,16"))
    assert closed == {"ids": (2, 16), "mask": (2, 16)}
    with pytest.raises(UsageError, match="seq is 16 and 17 at once"):
        close("f", inputs, given("ids=1,16", "mask=1,17"))
    with pytest.raises(UsageError, match="seq is 15 and 16 at once"):
        close("f", inputs, given("ids=1,16", dims=("seq=15",)))


def test_open_sizes_are_refused_with_their_axes_and_the_option_to_give() -> None:
    with pytest.raises(MixnetError) as error:
        close("f.tflite", [Input("x", (None, None, None, 3))], AS_IT_IS)
    assert error.value.message == (
        "f.tflite: input x has open sizes: height (axis 1), width (axis 2)"
    )
    assert error.value.hint == "give --shape x=1,224,224,3"
    assert error.value.exit_status == 1
    with pytest.raises(MixnetError, match=r"open sizes: H \(axis 2\), W \(axis 3\)") as error:
        close("f", [IMAGE], AS_IT_IS)
    assert error.value.hint == "give --shape x=1,3,224,224, or --dim H=… --dim W=…"
    with pytest.raises(MixnetError, match="open sizes: axis 1") as error:
        close("f", [Input("ids", (1, None))], AS_IT_IS)
    assert error.value.hint == "give --shape ids=1,128"


def test_sizes_that_a_file_has_at_hand_are_proposed() -> None:
    with pytest.raises(MixnetError) as error:
        close("f", [Input("x", (None, None, None, 3), usual=(1, 320, 240, 3))], AS_IT_IS)
    assert error.value.hint == "give --shape x=1,320,240,3"


def test_a_size_of_zero_is_fixed_and_refused_by_its_axis_but_a_shape_rewrites_it() -> None:
    empty = Input("x", (0, 3, 16, 16))
    with pytest.raises(MixnetError, match=r"input x has a size of 0: batch \(axis 0\)") as error:
        close("f", [empty], AS_IT_IS)
    assert error.value.hint == "give --shape x=1,3,16,16"
    assert close("f", [empty], given("1,3,16,16")) == {"x": (1, 3, 16, 16)}


def test_an_input_without_a_stated_shape_needs_one() -> None:
    with pytest.raises(MixnetError, match="input x has no declared shape"):
        close("f", [Input("x", None)], AS_IT_IS)
    assert close("f", [Input("x", None)], given("4,5")) == {"x": (4, 5)}


def test_options_that_do_not_fit_the_file_are_refused() -> None:
    with pytest.raises(UsageError, match="f has no input images") as error:
        close("f", [Input("image", (1,))], given("images=1"))
    assert error.value.hint == "did you mean image?"
    with pytest.raises(UsageError, match="has 4 axes, and 3 sizes are given") as error:
        close("f", [IMAGE], given("1,3,16"))
    assert error.value.hint == "write --shape x=1,3,224,224"
    with pytest.raises(UsageError, match="does not name an input, and f has 2: a, b"):
        close("f", [Input("a", (1,)), Input("b", (1,))], given("1"))
    with pytest.raises(UsageError, match="no dimension w") as error:
        close("f", [IMAGE], given(dims=("w=1",)))
    assert error.value.hint == "known: H, N, W"
    with pytest.raises(UsageError, match="names no dimensions"):
        close("f", [Input("x", (None, 3))], given(dims=("N=1",)))
    with pytest.raises(UsageError, match="twice for x"):
        close("f", [Input("x", (1,))], given("x=1", "2"))


@pytest.mark.parametrize(
    "text",
    ["", "x=", "=1,2", "x", "1,,2", "1,0", "1,-1", "1,1.5", "1,nan", "1,²", f"1,{'9' * 400}"],
)
def test_what_is_no_shape_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not valid"):
        parse_shapes([text])


def test_shapes_have_a_bound_and_are_given_once() -> None:
    with pytest.raises(UsageError, match=r"4,611,686,014,132,420,609 elements"):
        parse_shapes(["2147483647,2147483647"])
    with pytest.raises(UsageError, match="twice for x"):
        parse_shapes(["x=1", "x=2"])
    with pytest.raises(UsageError, match="twice for the only input"):
        parse_shapes(["1", "2"])


@pytest.mark.parametrize("text", ["", "batch", "=3", "batch=", "batch=0", "batch=1,2"])
def test_what_is_no_dimension_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not valid"):
        parse_dims([text])


def test_a_selection_survives_the_way_to_another_process() -> None:
    selection = Selection({"x": (1, 2)}, {"n": 3}, "large")
    assert from_json(selection.to_json()) == selection
    assert from_json(AS_IT_IS.to_json()) == AS_IT_IS
