"""Compares our counts with the paper's tables.

The tables are data of ``mixnet_networks.paper``; accuracies shown are the paper's, not measured
here.
"""
