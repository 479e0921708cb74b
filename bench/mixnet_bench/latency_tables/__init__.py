"""Latency tables of a device: the blocks of a space with their times, and predictions from them."""
