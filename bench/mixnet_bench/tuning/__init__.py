"""Finds the fastest lowering of a network on a target, block by block, by timing candidates."""
