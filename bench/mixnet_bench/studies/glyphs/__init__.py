"""A labelled image set of printed characters, and the network trained on it.

64 characters from about 140 free typefaces, drawn over varied backgrounds; the test set's
typefaces are not in the training set. It exists so that quantization is measured on a network that
has really been trained. Needs npm to fetch the typefaces, torch and timm only to train.
"""
