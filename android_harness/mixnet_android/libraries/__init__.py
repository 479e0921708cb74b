"""Runtime libraries for phones: checked, kept by version, downloaded."""
