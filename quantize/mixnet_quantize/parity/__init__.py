"""The parity check: what one file's answers lose against another's, with its uncertainty.

It shows both files the same images and counts; it changes neither and measures no time.
"""
