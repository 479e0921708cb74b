"""What is done to weights and biases so that int8 loses less.

Cross-layer equalization, bias correction.
"""
