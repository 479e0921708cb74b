"""A labelled image set of printed characters, and the network trained on it.

64 characters from about 140 free typefaces, drawn over varied backgrounds; the test set's typefaces
are not in the training set. Its purpose is to measure quantization on a trained network. Needs npm
to download the typefaces, torch and timm only to train.
"""
