"""What pages show of the commands' outputs, and whether that is what they print today.

An output stands below its command in a ``console`` block, or in the ``text`` block after it. A
line ``…`` stands for lines that are left out, and ``…`` within a line for words that are. Pages
show what goes to a pipe, where no table is narrowed: a page scrolls.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

from mixnet_bench.results.verdict import Verdict

FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^ *```$", re.M | re.S)
LEFT_OUT = "…"


@dataclass(frozen=True)
class Shown:
    """An output on a page: where it begins, and the commands that stand directly above it."""

    page: str
    number: int
    commands: tuple[str, ...]
    lines: tuple[str, ...]

    @property
    def first(self) -> str:
        """Its first line, without the spaces of a table."""
        return " ".join(next(each for each in self.lines if each not in ("", LEFT_OUT)).split())


def shown(page: Path) -> list[Shown]:
    """All outputs of a page, in its order."""
    text = page.read_text(encoding="utf-8")
    found: list[Shown] = []
    commands: tuple[str, ...] = ()
    end = 0
    for fence in FENCE.finditer(text):
        indent, language, body = fence.groups()
        lines = re.sub(rf"^{indent}", "", body, flags=re.M).splitlines()
        number = text.count("\n", 0, fence.start()) + 2
        if language == "console":
            pieces = _pieces(lines)
            commands = tuple(command for _, command, _ in pieces)
            found += [
                Shown(page.name, number + line, (command,), output)
                for line, command, output in pieces
                if output
            ]
        elif language == "text":
            above = commands if not text[end : fence.start()].strip() else ()
            found.append(Shown(page.name, number, above, tuple(lines)))
            commands = ()
        end = fence.end()
    return found


def _pieces(lines: Sequence[str]) -> list[tuple[int, str, tuple[str, ...]]]:
    """Of a console block: each command, the line after it, and the lines that follow."""
    pieces: list[tuple[int, str, list[str]]] = []
    continued = False
    for index, line in enumerate(lines, 1):
        begins = re.match(r"\S*\$ +(.*)$", line)
        if continued or begins:
            words = begins[1] if begins else line.strip()
            before = pieces.pop()[1].rstrip("\\") if continued else ""
            pieces.append((index, before + words, []))
            continued = line.endswith("\\")
        else:
            pieces[-1][2].append(line)
    return [(index, command, tuple(output)) for index, command, output in pieces]


# Comparing

DATE = r"\b\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?Z?)?"
HASH = r"\b(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{8,}\b"
COMPARED = r"(?:[\d.]+× (?:faster|slower)|not measurably faster or slower) than"
NUMBER = r"(?<![\w.-])[−-]?\d[\d,]*(?:\.\d+)*(?:e[-+]?\d+)?"
CIRCUMSTANCES = [each.value for each in Verdict if each is not Verdict.EMULATED]
VERDICT = rf"(?<=  )(?:{'|'.join(CIRCUMSTANCES)})$"

MASKS = {VERDICT: "VERDICT", COMPARED: "COMPARED", DATE: "DATE", HASH: "HASH", NUMBER: "N"}
"""By pattern, in this order."""


def shape(line: str) -> str:
    """A line with what is measured masked, and with single spaces.

    >>> shape("  mixnet-s-int8.tflite   3.45   35.7   −0.1 (2 to 3)   contended")
    'mixnet-s-int8.tflite N N N (N to N) VERDICT'
    >>> shape("made 2026-11-27 10:00, 12 of 0a1b2c3d")
    'made DATE, N of HASH'
    >>> shape("a is 1.3× faster than b") == shape("a is not measurably faster or slower than b")
    True
    """
    for pattern, mask in MASKS.items():
        line = re.sub(pattern, mask, line)
    return re.sub("─+", "─", " ".join(line.split()))


def differences(expected: Sequence[str], printed: Sequence[str], *, measured: bool) -> list[str]:
    """In what an output is not what a page shows, line by line; nothing where it is.

    >>> differences(["a", "…", "d 1.5"], ["a", "b", "c", "d 2.25"], measured=True)
    []
    >>> differences(["a 1"], ["a 2"], measured=False)
    ['--- the page', '+++ printed', '@@ -1 +1 @@', '-a 1', '+a 2']
    """
    form = shape if measured else str.rstrip
    page, real = ([form(each) for each in trimmed(lines)] for lines in (expected, printed))
    if _fits(page, real):
        return []
    fitting = [next((each for each in page if _line_fits(each, line)), line) for line in real]
    return [*unified_diff(page, fitting, "the page", "printed", lineterm="")] or ["lines too many"]


def trimmed(lines: Sequence[str]) -> list[str]:
    """Without the empty lines at both ends."""
    return "\n".join(each.rstrip() for each in lines).strip("\n").split("\n")


def _fits(page: Sequence[str], real: Sequence[str]) -> bool:
    if not page:
        return not real
    if page[0] == LEFT_OUT:
        return any(_fits(page[1:], real[count:]) for count in range(len(real) + 1))
    return bool(real) and _line_fits(page[0], real[0]) and _fits(page[1:], real[1:])


def _line_fits(page: str, real: str) -> bool:
    pattern = ".*".join(map(re.escape, page.split(LEFT_OUT)))
    return page != LEFT_OUT and re.fullmatch(pattern, real) is not None
