"""Properties of this machine: its processor, cores and load."""
