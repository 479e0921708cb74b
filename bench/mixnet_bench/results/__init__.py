"""The records of results that all parts of the bench exchange: verdicts, caveats, measurements.

They store, encode and validate; measuring, judging and printing are done elsewhere.
"""
