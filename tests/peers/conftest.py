"""What peers are given: the folder of files that handover.py wrote."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def handover() -> Path:
    return Path(os.environ["MIXNET_HANDOVER"])
