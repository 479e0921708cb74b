"""What memory a process has had is its own, not that of the process which started it."""

import subprocess
import sys

import numpy as np

from mixnet_common.memory import peak_memory

SHOW = "from mixnet_common.memory import peak_memory; print(peak_memory())"


def test_the_peak_holds_what_was_written_and_freed() -> None:
    before = peak_memory()
    np.ones(200_000_000, np.uint8).sum()
    after = peak_memory()
    assert before is not None
    assert after is not None
    assert after >= max(before, 200_000_000)


def test_the_peak_of_a_large_processs_child_is_the_childs() -> None:
    held = np.ones(400_000_000, np.uint8)
    shown = subprocess.run([sys.executable, "-c", SHOW], capture_output=True, check=True).stdout
    assert held.sum() == 400_000_000
    assert 5_000_000 < int(shown) < 200_000_000
