from hypothesis import given
from hypothesis import strategies as st

from mixnet_common.printable import printable


@given(st.text())
def test_nothing_that_steers_a_terminal_is_left(text):
    shown = printable(text)
    assert not any(ord(each) < 32 or 127 <= ord(each) < 160 for each in shown)
    assert not any(each in shown for each in "\u202e\u202d\u2066\u2067\u2069\u200f\u061c\ufeff")


def test_letters_of_every_script_stay():
    for text in ("grüße 模型 #1 [a].onnx", "3 × 5 – ±", "שלום", "🙂"):
        assert printable(text) == text
