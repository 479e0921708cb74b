"""The records of results that everything in the bench exchanges: verdicts, caveats, measurements.

They hold, encode and check; how anything is measured, judged or printed is decided elsewhere.
"""
