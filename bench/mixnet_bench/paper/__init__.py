"""Our counts held against the paper's tables.

The tables themselves are data of ``mixnet_networks.paper``; accuracies are shown as the paper's and
not measured here.
"""
