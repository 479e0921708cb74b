"""The search of a space of networks for the best score within a latency: an ageing evolution."""
