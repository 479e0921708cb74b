"""Turns networks into model files: lowerings, writers, verification, ``mixnet-export``."""
