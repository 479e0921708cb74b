"""Counts multiply-adds, parameters and activations of graphs and of model files.

It measures nothing that depends on a machine.
"""
