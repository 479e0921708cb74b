"""Programs on a phone that run without the cable, and their results."""
