"""Searches a space for the networks with the best score within a latency: an ageing evolution."""
