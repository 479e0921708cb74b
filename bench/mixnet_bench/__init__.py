"""The bench: counts, times and compares network files, and holds the numbers against the paper's.

It reads files and starts processes; it never changes a network or a file it was given.
"""
