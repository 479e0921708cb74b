"""An architecture's records turned into a graph, block by block."""
