"""Shortens long labels in the middle, but never where they differ from each other."""

from collections.abc import Sequence

from mixnet_common.printable import printable

CUT = "…"


def shortened(labels: Sequence[str], most: int) -> list[str]:
    """Labels of at most ``most`` characters, if that is possible without making two of them alike.

    What all have in common at their beginning is cut first, then what they have in common at their
    end; whatever differs stays whole.

    >>> shortened(["mixnet-s 64 classes float32 default", "mixnet-s 64 classes int8 default"], 26)
    ['mixnet-s 6…float32 default', 'mixnet-s 6…int8 default']
    """
    texts = [printable(each) for each in labels]
    if max(map(len, texts), default=0) <= most:
        return texts
    if len(set(texts)) == 1:
        return [_cut_middle(each, most) for each in texts]
    head = _word_boundary(_common(texts))
    tail = _word_boundary(_common([each[head:][::-1] for each in texts]))
    longest = max(map(len, texts))
    kept_head = max(_least(head), head - (longest + 1 - most))
    longest -= 0 if kept_head == head else head - kept_head - 1
    kept_tail = max(_least(tail), tail - max(0, longest + 1 - most))
    return [_without(each, head, kept_head, tail, kept_tail) for each in texts]


LEAST = 5
"""Characters that stay of a beginning or an end, so that it can be recognized."""


def _least(length: int) -> int:
    return min(LEAST, length)


def _common(texts: Sequence[str]) -> str:
    """The common prefix."""
    first, last = min(texts), max(texts)
    ends = (end for end in range(len(first)) if not last.startswith(first[: end + 1]))
    return first[: next(ends, len(first))]


def _word_boundary(common: str) -> int:
    """The length of a common part in whole words."""
    return max((index + 1 for index, each in enumerate(common) if each in " -/_.,"), default=0)


def _without(text: str, head: int, kept_head: int, tail: int, kept_tail: int) -> str:
    end = len(text) - tail
    start = text[:head] if kept_head >= head - 1 else f"{text[:kept_head].rstrip()}{CUT}"
    if kept_tail >= tail - 1:
        return start + text[head:]
    return f"{start}{text[head:end]}{CUT}{text[len(text) - kept_tail :].lstrip()}"


def _cut_middle(text: str, most: int) -> str:
    start = (most - 1) // 2
    return f"{text[:start].rstrip()}{CUT}{text[start + 1 - most :].lstrip()}"
