"""The values of activations while a file runs: observers, one for each format."""
