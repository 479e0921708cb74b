"""Where this software keeps what it found or was given: one folder of the user's."""

import os
from pathlib import Path

APPLICATION = "mixnet-mobile"


def home() -> Path:
    """The folder for everything kept between runs: ``$MIXNET_HOME``, else the user's cache."""
    if named := os.environ.get("MIXNET_HOME"):
        return Path(named)
    from platformdirs import user_cache_path

    return user_cache_path(APPLICATION, appauthor=False, opinion=False)
