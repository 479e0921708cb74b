import pytest

from mixnet_common import MixnetError, UsageError
from mixnet_common.errors import nearest


@pytest.mark.parametrize("word", ["mixnet_s", "Mixnet-s", "mixnets", "mixnet-S"])
def test_a_misspelt_word_is_answered_with_the_nearest(word: str) -> None:
    assert nearest(word, ["mobilenet-v1", "mixnet-s"]) == "did you mean mixnet-s?"


def test_a_word_like_no_other_is_answered_with_all_of_them_in_order() -> None:
    assert nearest("resnet", ["b", "a"]) == "known: a, b"


def test_a_usage_error_is_an_error_of_ours_with_a_status_of_its_own() -> None:
    assert issubclass(UsageError, MixnetError)
    assert (MixnetError("").exit_status, UsageError("").exit_status) == (1, 2)


def test_an_error_reads_as_its_message() -> None:
    error = MixnetError("what happened", "what to do")

    assert (str(error), error.hint) == ("what happened", "what to do")
