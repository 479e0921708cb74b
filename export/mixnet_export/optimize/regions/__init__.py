"""Rewritings of several operators at once, before large convolutions are cut into tiles.

A region is some operators of a subgraph, and the tensors that go in and come out: those keep their
numbers. Each pattern is one module and one line in ``table``; ``stages`` runs them one after
another, and ``comparing`` holds every region against its original.
"""
