"""Builds a graph from an architecture's records, block by block."""
