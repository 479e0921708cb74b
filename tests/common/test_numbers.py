import pytest

from mixnet_common.numbers import three_digit_range, three_digits


@pytest.mark.parametrize(
    ("value", "text"),
    [(28.534, "28.5"), (0.98512, "0.985"), (1234.5, "1234"), (0.00012345, "0.000123"),
     (0, "0.00"), (9.996, "10.0"), (0.9996, "1.00"), (-2.5, "-2.50"), (1e18, "1" + "0" * 18),
     (1e-300, "0.000000000000"), (float("inf"), "inf"), (float("nan"), "nan"), (None, "")],
)  # fmt: skip
def test_numbers_have_three_digits_and_never_an_exponent(value, text):
    assert three_digits(value) == text


def test_a_range_has_a_dash_between_its_bounds():
    assert three_digit_range([0.5, 21]) == "0.500–21.0"
    assert three_digit_range(None) == ""
