"""Counts, times and compares model files, and compares the results with the paper.

It reads files and starts processes; it never changes a network or a given file.
"""
