"""Work on more than one machine: what parity and campaigns share of Dask's ``distributed``.

Dask schedules, retries, moves bytes and encrypts; here are our pieces of work, what becomes of
them, and which worker may do which. Nothing outside of this package imports Dask, and nothing here
does before somebody asks for a cluster.
"""
