"""Rewritings of several operators at once, before large convolutions are divided into tiles.

A region is some operators of a subgraph, with its input and output tensors, whose numbers do not
change. Each pattern is one module and one line in ``table``; ``stages`` runs them one after
another, and ``comparing`` compares every region with its original.
"""
