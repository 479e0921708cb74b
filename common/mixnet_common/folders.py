"""The folder in the user's home where this software stores files."""

import os
from pathlib import Path

APPLICATION = "mixnet-mobile"


def home() -> Path:
    """The folder for everything stored between runs: ``$MIXNET_HOME``, else the user's cache."""
    if named := os.environ.get("MIXNET_HOME"):
        return Path(named)
    from platformdirs import user_cache_path

    return user_cache_path(APPLICATION, appauthor=False, opinion=False)
