"""One export from options to files with their provenance."""
