"""Which of many alike cases ``make test`` runs; ``make test-long`` runs the rest."""

from collections.abc import Container, Iterable
from typing import Any

import pytest


def quick_first(cases: Iterable[Any], quick: Container[Any]) -> list[Any]:
    """Cases for ``parametrize``: those that are not in ``quick`` are marked ``long``."""
    return [case if case in quick else pytest.param(case, marks=pytest.mark.long) for case in cases]


NETWORKS = (
    "darts", "fbnet-c", "mixnet-s", "mixnet-l", "mnasnet-a1", "mobilenet-v1", "mobilenet-v2",
    "nasnet-a-mobile", "proxylessnas", "shufflenet-v2-1.5",
)  # fmt: skip
"""Of the shipped networks: one of each family, where all of them would take minutes."""
