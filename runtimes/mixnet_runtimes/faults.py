"""The exception of all checks of model files; the reader adds the file's name."""


class ModelError(Exception):
    """A model is invalid. The message gives the reason, in the terms of its format."""
