"""``optimize``: makes existing model files faster without changing their outputs.

The function is in ``job``, its result in ``records``; the command is in ``command``.
"""
