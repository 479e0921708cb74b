"""Work on several machines: the use of Dask's ``distributed`` by parity and campaigns.

Dask schedules, retries, transfers and encrypts; this package defines the tasks, their results, and
which worker may run which task. Nothing outside this package imports Dask, and nothing here does
before a cluster is requested.
"""
