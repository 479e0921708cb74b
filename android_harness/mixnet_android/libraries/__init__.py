"""Runtime libraries for phones: checked, stored by version, downloaded."""
