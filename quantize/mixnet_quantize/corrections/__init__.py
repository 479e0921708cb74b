"""Changes to weights and biases that reduce the loss of int8.

Cross-layer equalization, bias correction.
"""
