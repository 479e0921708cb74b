"""What activations hold while a file runs: observers, one for each format."""
