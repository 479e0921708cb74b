"""Predictions of model files: classes of images, and parity between two files."""
