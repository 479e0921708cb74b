"""Lists of CPUs as text: in ``--pin``, and as Linux writes them.

Independent of the CPUs that exist.
"""

import re

from mixnet_common.errors import UsageError

MOST_CPU = 1023
"""The highest number that is taken: as many CPUs as Linux's own sets of them hold by default."""

EXAMPLE = "give CPUs such as 0,2-4"

_WORD = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?")


def parse_cpus(text: str, hint: str = EXAMPLE) -> tuple[int, ...]:
    """CPU numbers from ``0,2-4``, sorted. Raises UsageError, with the hint, for anything else.

    >>> parse_cpus("0,2-4")
    (0, 2, 3, 4)
    """
    cpus: set[int] = set()
    for word in text.split(","):
        found = _cpus_of(word.strip())
        if not found:
            shown = word.strip()[:40] or "nothing"
            raise UsageError(f"--pin {text[:80]}: {shown} does not name a CPU", hint)
        cpus.update(found)
    return tuple(sorted(cpus))


def parse_kernel_cpus(text: str) -> tuple[int, ...]:
    """CPU numbers as Linux lists them, with blanks or commas and ranges; sorted.

    Words that name no CPUs are left out.

    >>> parse_kernel_cpus("0-3"), parse_kernel_cpus("4 5 6 7")
    ((0, 1, 2, 3), (4, 5, 6, 7))
    """
    return tuple(sorted({cpu for word in re.split(r"[\s,]+", text) for cpu in _cpus_of(word)}))


def _cpus_of(word: str) -> range:
    """One CPU or a range of them; empty for anything else."""
    match = _WORD.fullmatch(word)
    if match is None or int(match[2] or match[1]) > MOST_CPU:
        return range(0)
    return range(int(match[1]), int(match[2] or match[1]) + 1)
