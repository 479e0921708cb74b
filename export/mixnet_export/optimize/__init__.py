"""``optimize``: makes finished model files faster without changing its outputs.

The function is in ``job``, what it returns in ``records``; the command is in ``command``.
"""
